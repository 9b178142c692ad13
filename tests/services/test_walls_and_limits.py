"""What says the same to everything, what is down, and what limits its callers: nothing is green by accident."""

import contextlib
import ssl

import pytest
import yaml
from services.fleet import ITEMS, THOROUGH, Fleet, assess
from services.limiter import BURST, PER_MINUTE
from tlsserver import authority_file, context, listen

from readiness_kit.checks.security.rate_limiting import CHECK
from readiness_kit.probes.refusals.rate_limit import rate_limit_burst
from readiness_kit.sources import Pacer, Visit
from readiness_kit.target_file import load_target
from readiness_kit.verdict import Status

pytestmark = pytest.mark.live

WALLS = {
    "wall_unavailable": set(),
    "wall_html": set(),
    "wall_yes": {
        "security.authentication.token_lifetime",
        "security.authentication.algorithm",
    },
    "wall_empty": set(),
    "wall_no": set(),
}
"""What says the same to everything, and what holds there: a token that is accepted may be read."""

FROM_FILES = {
    "application.production_mode.environment_named",
    "security.sql_injection.code_parameterized",
}
SOUND = FROM_FILES | {
    "security.tls.modern_version_spoken",
    "security.tls.http_redirects",
    "security.headers.xxp",
}
"""What holds of a wall as of a service; the last is about a header that is to be absent."""

RATE = {"per_minute": PER_MINUTE, "per_hour": 60 * PER_MINUTE, "burst": BURST}
LIMITS = {"requests_per_minute": 100_000, "rate": RATE}
LIMITED = [
    ((), {"burst": "PASS", "per_minute": "PASS", "others_unaffected": "PASS"}),
    (("no_retry_after",), {"burst": "WARN", "per_minute": "WARN", "others_unaffected": "PASS"}),
    (("limits_all_as_one",), {"others_unaffected": "FAIL"}),
]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    wanted = [(library, (wall,)) for library in ("strawberry", "rest") for wall in WALLS]
    wanted += [("rest", ("limited", *faults)) for faults, _ in LIMITED]
    wanted += [(library, ("limited",)) for library in ("strawberry", "ariadne")]
    wanted += [("ariadne", ()), ("ariadne", ("limited", "limits_by_503"))]
    with Fleet(tmp_path_factory.mktemp("fleet"), wanted) as running:
        yield running


def green(file) -> set[str]:
    claims = assess(file, *THOROUGH).values()
    return {claim.id for claim in claims if claim.status in (Status.PASS, Status.WARN)}


@pytest.mark.parametrize("library", ["strawberry", "rest"])
@pytest.mark.parametrize("wall", WALLS)
def test_what_says_the_same_to_everything_proves_nothing(fleet, library, wall, tmp_path):
    assert green(fleet.project(library, wall, folder=tmp_path)) <= SOUND | WALLS[wall]


@pytest.mark.parametrize("library", ["ariadne", "rest"])
def test_a_service_that_is_down_is_unknown(fleet, library, tmp_path, free_port):
    one = next(one for one in fleet.services if one.library == library)
    api = {"url": f"https://localhost:{free_port}", "http_url": f"http://localhost:{free_port}"}
    file = fleet.describe(one, tmp_path)
    _change_api(file, api)
    claims = [one for one in assess(file, *ITEMS).values() if one.id not in FROM_FILES]
    assert {claim.status for claim in claims} == {Status.UNKNOWN}
    assert all(claim.cause for claim in claims)


def test_a_service_that_hangs_up_after_the_handshake_proves_its_handshake_alone(fleet, tmp_path):
    def hang_up(wire):
        with contextlib.suppress(OSError, ssl.SSLError), made.wrap_socket(wire, server_side=True):
            """Nothing is said."""

    made = context()
    with listen(hang_up) as port:
        file = fleet.project("ariadne", folder=tmp_path)
        authority_file(tmp_path)
        _change_api(file, {"url": f"https://localhost:{port}", "http_url": None})
        assert {one for one in green(file) if "security.tls." not in one} <= FROM_FILES


def _change_api(file, changes) -> None:
    description = yaml.safe_load(file.read_text())
    description["api"] |= changes
    file.write_text(yaml.safe_dump(description))


def limiting(file) -> dict[str, str]:
    claims = assess(file, "security.rate_limiting", allow=("load",))
    return {name.rpartition(".")[2]: claim.status.name for name, claim in claims.items()}


@pytest.mark.parametrize(("faults", "wanted"), LIMITED)
def test_limits_and_their_faults(fleet, faults, wanted, tmp_path):
    file = fleet.project("rest", "limited", *faults, folder=tmp_path, limits=LIMITS)
    assert limiting(file).items() >= wanted.items()


@pytest.mark.parametrize("library", ["strawberry", "ariadne"])
def test_limits_of_graphql_services_are_measured(fleet, library, tmp_path):
    file = fleet.project(library, "limited", folder=tmp_path, limits=LIMITS)
    assert limiting(file).items() >= LIMITED[0][1].items()


@pytest.mark.parametrize(
    ("faults", "wanted"),
    [((), ("FAIL", "UNKNOWN")), (("limited", "limits_by_503"), ("WARN", "PASS"))],
)
def test_bursts_where_a_minute_would_take_a_minute(fleet, faults, wanted, tmp_path):
    target = load_target(fleet.project("ariadne", *faults, folder=tmp_path, limits=LIMITS))
    visit = Visit(target, "run-1", "rate_limit_burst", 30.0, Pacer(100_000))
    shown = CHECK.shows(rate_limit_burst.gather(visit))
    assert (shown["burst"], shown["others_unaffected"]) == wanted
