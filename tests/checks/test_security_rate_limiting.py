import pytest
from msgspec.structs import replace

from readiness_kit.checks.security.rate_limiting import CHECK, GOOD_BURST, GOOD_MINUTE


@pytest.mark.parametrize(
    ("changes", "seconds", "status"),
    [
        ({"accepted": 22}, 0.0001, "PASS"),
        ({"accepted": 23}, 0.0001, "FAIL"),
        ({"accepted": 23}, 0.55, "PASS"),
        ({"accepted": 22}, 5.1, "UNKNOWN"),
        ({"refused": 0, "unavailable": 0}, 0.5, "UNKNOWN"),
        ({"with_retry_after": 37}, 0.5, "WARN"),
        ({"refused": 37, "unavailable": 1}, 0.5, "WARN"),
        ({"good": 0}, 0.5, "UNKNOWN"),
    ],
)
def test_burst(changes, seconds, status):
    fact = GOOD_BURST.replace(caller=replace(GOOD_BURST.caller, **changes), seconds=seconds)
    assert CHECK.shows(fact)["burst"] == status


def test_503_without_a_second_caller_who_is_answered_may_be_overload():
    caller = replace(GOOD_BURST.caller, refused=0, unavailable=38)
    assert CHECK.shows(GOOD_BURST.replace(caller=caller))["burst"] == "WARN"
    assert CHECK.shows(GOOD_BURST.replace(caller=caller, other=None))["burst"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("refused", "address", "status"),
    [(0, True, "PASS"), (1, True, "FAIL"), (1, False, "UNKNOWN")],
)
def test_others(refused, address, status):
    other = replace(GOOD_BURST.other, refused=refused)
    fact = GOOD_BURST.replace(other=other, other_address=address)
    assert CHECK.shows(fact)["others_unaffected"] == status


@pytest.mark.parametrize(
    ("accepted", "refused", "status"),
    [(132, 1, "PASS"), (133, 1, "FAIL"), (0, 1, "UNKNOWN"), (1, 1, "PASS"), (140, 0, "FAIL")],
)
def test_minute(accepted, refused, status):
    caller = replace(
        GOOD_MINUTE.caller,
        accepted=accepted,
        good=accepted,
        sent=accepted + refused,
        refused=refused,
    )
    fact = GOOD_MINUTE.replace(caller=caller, seconds=58.0)
    assert CHECK.shows(fact)["per_minute"] == status


def test_a_minute_that_did_not_go_beyond_the_limit_shows_nothing():
    caller = replace(GOOD_MINUTE.caller, accepted=140, good=140, sent=140, refused=0)
    fact = GOOD_MINUTE.replace(caller=caller, per_minute=300, seconds=58.0)
    assert CHECK.shows(fact)["per_minute"] == "UNKNOWN"
