"""The faults only an application can have: each is one change of the settings."""

import msgspec

from readiness_kit.errors import UsageError
from readiness_kit.sandbox.app.settings import Settings

_CLAIMS = Settings().jwt_checked_claims

FAULTS: dict[str, dict[str, object]] = {
    # who may enter
    "alg_none_accepted": {"jwt_algorithms": ("HS256", "none")},
    "forged_accepted": {"jwt_verify": False},
    "expired_accepted": {"jwt_checked_claims": _CLAIMS - {"exp"}},
    "premature_accepted": {"jwt_checked_claims": _CLAIMS - {"nbf"}},
    "audience_ignored": {"jwt_checked_claims": _CLAIMS - {"aud"}},
    "issuer_ignored": {"jwt_checked_claims": _CLAIMS - {"iss"}},
    "anonymous_reads": {"anonymous_role": "reader"},
    "roles_ignored": {"enforce_access": False},
    "owner_ignored": {"enforce_ownership": False},
    # what may be asked
    "no_validation": {"validate_queries": False},
    "no_depth_limit": {"max_depth": 1000, "max_cost": 10**9},
    "introspection_open": {"open_introspection": True},
    "debug_routes": {"debug_routes": True},
    "stack_trace": {"reveal_errors": True},
    # what is written down
    "secret_in_log": {"log_credentials": True},
    "not_json_log": {"log_format": "text"},
    "debug_log": {"log_level": "DEBUG"},
    "no_user_in_log": {"log_user": False},
    "no_audit": {"audit": False},
    "no_metrics": {"shows_metrics": False},
    "fake_metrics": {"real_metrics": False},
    # how it stands
    "liar_ready": {"ready_asks_database": False},
    "coupled_health": {"health_asks_database": True},
    "no_cache": {"cache_reads": False},
    "eternal_cache": {"cache_ttl_s": None},
    "stale_cache": {"cache_invalidation": False},
    "no_breakers": {"breakers": False},
    "cache_needed": {"cache_needed": True},
    "n_plus_one": {"batch_loading": False},
    "stall": {"stall_every_s": 10.0},
    "no_pool_check": {"pool_check": False},
    "connection_per_request": {"pool_max_lifetime_s": 0.0},
    "crawl": {"delay_s": 2.0},
    "slow": {"delay_s": 0.7},
    "errors_under_load": {"error_share": 0.05},
    "leak": {"leak_bytes": 65_536},
}
"""Name of each fault, and the settings that make it."""


def inject(settings: Settings, names: str) -> Settings:
    """Return *settings* with the faults in the comma-separated *names*.

    Raises:
        UsageError: A name that is no fault.

    """
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in FAULTS:
            raise UsageError(f"{name!r} is no fault", hint=f"choose from {', '.join(FAULTS)}")
        settings = msgspec.structs.replace(settings, **FAULTS[name])
    return settings
