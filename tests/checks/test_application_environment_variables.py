import pytest
from msgspec.structs import replace

from readiness_kit.checks.application.environment_variables import CHECK, GOOD


def every(mode=0o600, **changes):
    (place,) = GOOD.places
    variables = tuple(replace(one, **changes) for one in place.variables)
    return GOOD.replace(places=(replace(place, variables=variables, mode=mode),))


@pytest.mark.parametrize(
    ("fact", "present", "strong"),
    [
        (every(bits=128.0), "PASS", "PASS"),
        (every(bits=127.9), "PASS", "FAIL"),
        (every(bits=float("nan")), "PASS", "FAIL"),
        (every(state="empty", holds_secret=False), "FAIL", "UNKNOWN"),
        (every(state="by_reference", holds_secret=False, bits=None), "PASS", "UNKNOWN"),
        (every(state="not_told", holds_secret=False, bits=None), "UNKNOWN", "UNKNOWN"),
        (every(holds_secret=False, bits=None), "PASS", "UNKNOWN"),
        (every(mode=0o620), "PASS", "WARN"),
        (every(mode=0o602), "PASS", "FAIL"),
        (every(mode=None), "PASS", "UNKNOWN"),
        (GOOD.replace(names=()), "UNKNOWN", "UNKNOWN"),
        (GOOD.replace(names=(*GOOD.names, "OTHER")), "FAIL", "UNKNOWN"),
    ],
)
def test_boundaries(fact, present, strong):
    assert CHECK.shows(fact) == {"present": present, "values_strong": strong}
