"""How Quill is configured: one record, read once from the environment at start."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from readiness_kit.errors import UsageError

MIN_SECRET_BYTES = 32
"""Shortest HS256 key that RFC 7518 §3.2 allows."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may differ between two processes of Quill.

    The defaults are the hardened service; every fault of
    :mod:`readiness_kit.sandbox.app.faults` is another value of some of these fields.
    """

    variant: Literal["hardened", "stock"] = "hardened"
    environment: Literal["development", "production", "testing"] = "production"
    instance: str = "quill"
    log_file: Path | None = None
    log_format: Literal["json", "text"] = "json"
    log_level: Literal["INFO", "DEBUG"] = "INFO"
    log_credentials: bool = False
    log_user: bool = True
    audit: bool = True

    database_url: str = ""
    pool_size: int = 10
    pool_timeout_s: float = 3.0
    pool_max_lifetime_s: float = 3600.0
    pool_check: bool = True

    redis_url: str | None = None
    redis_ca: Path | None = None
    cache_ttl_s: int | None = 60
    cache_reads: bool = True
    cache_invalidation: bool = True
    batch_loading: bool = True
    breakers: bool = True
    cache_needed: bool = False

    jwt_secret: str = ""
    jwt_issuer: str = "quill"
    jwt_audience: str = "quill-api"
    jwt_algorithms: tuple[str, ...] = ("HS256",)
    jwt_verify: bool = True
    jwt_checked_claims: frozenset[str] = frozenset({"exp", "nbf", "aud", "iss"})
    anonymous_role: str | None = None
    enforce_access: bool = True
    enforce_ownership: bool = True

    validate_queries: bool = True
    max_depth: int = 15
    max_cost: int = 5000
    max_body_bytes: int = 100_000
    open_introspection: bool = False

    ready_asks_database: bool = True
    health_asks_database: bool = False
    shows_metrics: bool = True
    real_metrics: bool = True
    debug_routes: bool = False
    crash_route: bool = False
    tracker: str | None = None
    release: str = "quill@1.0.0"
    reveal_errors: bool = False
    error_share: float = 0.0
    stall_every_s: float | None = None
    delay_s: float = 0.0
    leak_bytes: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Raises:
            UsageError: A value is missing or makes no sense.

        """
        given = {
            field: environment[name] for field, name in _VARIABLES.items() if environment.get(name)
        }
        try:
            settings = msgspec.convert(given, cls, strict=False, dec_hook=_path)
        except msgspec.ValidationError as error:
            raise UsageError(f"Quill's environment makes no sense: {error}") from None
        if settings.variant == "hardened" and len(settings.jwt_secret) < 2 * MIN_SECRET_BYTES:
            raise UsageError(
                f"JWT_SECRET wants at least {MIN_SECRET_BYTES} bytes in hexadecimal digits",
                hint="make one with: python -c 'import secrets; print(secrets.token_hex(32))'",
            )
        return settings


def _path(kind: type, value: str) -> object:
    if kind is not Path:
        raise NotImplementedError
    return Path(value)


_VARIABLES = {
    "variant": "APP_VARIANT",
    "environment": "FRAISEQL_ENVIRONMENT",
    "instance": "APP_INSTANCE",
    "crash_route": "APP_CRASH_ROUTE",
    "release": "APP_RELEASE",
    "tracker": "SENTRY_DSN",
    "log_file": "APP_LOG_FILE",
    "database_url": "FRAISEQL_DATABASE_URL",
    "pool_size": "APP_POOL_SIZE",
    "redis_url": "REDIS_URL",
    "redis_ca": "REDIS_CA",
    "jwt_secret": "JWT_SECRET",
    "jwt_issuer": "JWT_ISSUER",
    "jwt_audience": "JWT_AUDIENCE",
}
