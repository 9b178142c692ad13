"""Strawberry, Ariadne and plain REST over TLS: what is good is green, each fault is red, no more."""

from itertools import chain

import pytest
from services.behaviour import Behaviour
from services.fleet import ITEMS, THOROUGH, Fleet, assess

from readiness_kit.verdict import Status

pytestmark = pytest.mark.live

HEADERS = {f"security.headers.{name}" for name in ("xfo", "xcto", "hsts", "csp")}
TOKENS = {
    "security.authentication.anonymous_requests_refused",
    "security.authentication.forged_tokens_refused",
    "security.authentication.expired_and_misaddressed_tokens_refused",
}
INTERNALS = {
    "application.error_handling.internals_hidden",
    "application.production_mode.debug_off",
}

GOOD = {
    "security.authentication.anonymous_requests_refused",
    "security.tls.modern_version_spoken",
    "security.tls.http_redirects",
    "security.cors.only_listed_origins",
    "security.cors.preflight_limited",
    *HEADERS,
    "security.headers.xxp",
    "application.production_mode.environment_named",
    "application.production_mode.debug_off",
    "application.health_endpoints.liveness_answers",
    "application.health_endpoints.readiness_answers",
}
"""What each of the three shows."""

GOOD_GRAPHQL = {
    *TOKENS,
    "security.authentication.token_lifetime",
    "application.production_mode.exploration_closed",
    "application.error_handling.client_faults_answered",
    "application.error_handling.internals_hidden",
    "security.authorization.rbac",
    "security.authorization.object_ownership",
    "security.authorization.field",
    "security.authorization.depth",
    "security.input_validation.malformed_values_refused",
    "security.input_validation.oversized_input_refused",
    "security.sql_injection.payloads_harmless",
}
"""What a GraphQL service shows on top, and a REST service must not claim."""

FAULTS: dict[str, set[str]] = {
    "bouncer_asleep": TOKENS,
    "strangers_welcome": {"security.authentication.anonymous_requests_refused"},
    "signature_ignored": {"security.authentication.forged_tokens_refused"},
    "expiry_ignored": {"security.authentication.expired_and_misaddressed_tokens_refused"},
    "role_ignored": {"security.authorization.rbac"},
    "notes_of_others": {"security.authorization.object_ownership"},
    "field_open": {"security.authorization.field"},
    "no_depth_limit": {"security.authorization.depth"},
    "sql_concatenated": {"security.sql_injection.payloads_harmless"},
    "any_origin": {"security.cors.only_listed_origins"},
    "any_method": {"security.cors.preflight_limited"},
    "any_header": {"security.cors.preflight_limited"},
    "bare": HEADERS,
    "bare_errors": HEADERS,
    "hsts_short": {"security.headers.hsts"},
    "inline_scripts": {"security.headers.csp"},
    "old_tls": {"security.tls.old_versions_refused"},
    "plain_content": {"security.tls.http_redirects"},
    "ide": {"application.production_mode.exploration_closed"},
    "introspection_open": set(),
    "debug_console": {"application.production_mode.debug_off"},
    "crash_on_nonsense": {"application.error_handling.client_faults_answered"},
    "errors_unmasked": INTERNALS,
    "not_alive": {"application.health_endpoints.liveness_answers"},
    "not_ready": {"application.health_endpoints.readiness_answers"},
}
"""Fault to the claims that fail by it, and by it alone."""

OPEN = ("role_ignored", "notes_of_others", "field_open", "no_depth_limit")
BAD = [
    ("strawberry", ("bouncer_asleep", "any_origin", "hsts_short", "ide", "not_ready")),
    ("strawberry", ("strangers_welcome", "any_method", "inline_scripts", "old_tls")),
    ("strawberry", ("signature_ignored", "bare_errors", "debug_console", "plain_content")),
    ("strawberry", ("expiry_ignored", "any_header", "crash_on_nonsense", "not_alive")),
    ("strawberry", ("crash_on_nonsense", "errors_unmasked", "introspection_open")),
    ("strawberry", (*OPEN, "sql_concatenated")),
    ("ariadne", (*OPEN, "sql_concatenated")),
    ("ariadne", ("bouncer_asleep", "bare", "introspection_open", "ide", "not_alive")),
    ("ariadne", ("signature_ignored", "any_origin", "old_tls", "crash_on_nonsense")),
    ("ariadne", ("expiry_ignored", "introspection_open", "not_ready", "debug_console")),
    ("ariadne", ("strangers_welcome", "crash_on_nonsense", "errors_unmasked", "plain_content")),
    ("rest", ("strangers_welcome", "any_origin", "ide", "not_alive")),
    ("rest", ("bare_errors", "any_header", "debug_console", "not_ready", "plain_content")),
]
GREEN = (Status.PASS, Status.WARN)
LIBRARIES = ("strawberry", "ariadne", "rest")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    wanted = [*((library, ()) for library in LIBRARIES), *BAD]
    with Fleet(tmp_path_factory.mktemp("fleet"), wanted) as running:
        yield running


@pytest.fixture(scope="module")
def good(fleet, tmp_path_factory):
    """What each library's service shows when nothing is wrong with it."""
    return {
        library: look(fleet, fleet.service(library), tmp_path_factory.mktemp(library))
        for library in LIBRARIES
    }


def look(fleet: Fleet, one: Behaviour, folder, **changes) -> dict[str, Status]:
    asked = THOROUGH if {*one.faults} <= {"sql_concatenated", *OPEN} else ITEMS
    claims = assess(fleet.describe(one, folder, **changes), *asked)
    return {name: claim.status for name, claim in claims.items()}


def with_status(shown: dict[str, Status], *statuses: Status) -> set[str]:
    return {claim for claim, status in shown.items() if status in statuses}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_good_service_fails_nothing_and_shows_what_can_be_seen(good, library):
    shown = good[library]
    assert with_status(shown, Status.FAIL) == set()
    wanted = GOOD if library == "rest" else GOOD | GOOD_GRAPHQL
    assert wanted - with_status(shown, Status.PASS) == set()
    if library == "rest":
        assert with_status(shown, Status.UNKNOWN) >= GOOD_GRAPHQL - GOOD


@pytest.mark.parametrize(
    ("library", "status"),
    [("strawberry", Status.WARN), ("ariadne", Status.PASS), ("rest", Status.UNKNOWN)],
)
def test_the_algorithm_of_its_tokens(good, library, status):
    assert good[library]["security.authentication.algorithm"] is status


def test_open_introspection_alone_is_a_weakness(fleet, tmp_path):
    faults = ("expiry_ignored", "introspection_open", "not_ready", "debug_console")
    shown = look(fleet, fleet.service("ariadne", *faults), tmp_path)
    assert shown["application.production_mode.exploration_closed"] is Status.WARN


@pytest.mark.parametrize(("library", "faults"), BAD, ids=lambda part: str(part)[:40])
def test_each_fault_fails_its_claims_and_turns_nothing_green(
    fleet, good, library, faults, tmp_path
):
    shown = look(fleet, fleet.service(library, *faults), tmp_path)
    wanted = set(chain.from_iterable(FAULTS[fault] for fault in faults))
    if library != "rest" and {"bouncer_asleep", "strangers_welcome"} & {*faults}:
        wanted.add("security.authorization.rbac")  # where it is declared, strangers are a role
    assert with_status(shown, Status.FAIL) == wanted
    assert with_status(shown, *GREEN) <= with_status(good[library], *GREEN)
