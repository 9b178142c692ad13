import pytest
from msgspec.structs import replace

from readiness_kit.checks.application.error_tracking import CHECK, CONFIGURATION, CRASH
from readiness_kit.facts.environment.error_tracker import SampleRate

EVENT = CRASH.tracker.events[0]
ONE = CRASH.crashes[0]


def arrives(*events, crashes=(ONE,), **changes):
    tracker = replace(CRASH.tracker, events=events, **changes)
    return CHECK.shows(CRASH.replace(tracker=tracker, crashes=crashes))["event_arrives"]


@pytest.mark.parametrize(
    ("event", "changes", "status"),
    [
        ({}, {}, "PASS"),
        ({}, {"waited_s": 60.0}, "PASS"),
        ({}, {"waited_s": 60.1}, "FAIL"),
        ({"release": ""}, {}, "WARN"),
        ({"environment": ""}, {}, "FAIL"),
        ({"environment": "staging"}, {}, "FAIL"),
        ({"environment": "staging"}, {"environment": "staging"}, "PASS"),
        ({"reference": ""}, {"waited_s": 60.0}, "FAIL"),
        ({"reference": ""}, {"waited_s": 20.0}, "UNKNOWN"),
        ({}, {"status": 403, "reason": "the tracker answered 403"}, "UNKNOWN"),
        ({}, {"status": 0, "reason": "ConnectError"}, "UNKNOWN"),
    ],
)
def test_an_event_must_arrive_with_its_labels(event, changes, status):
    assert arrives(replace(EVENT, **event), **changes) == status


def test_every_instance_must_be_heard_of():
    other = replace(ONE, reference="77aa", answer=replace(ONE.answer, address="192.0.2.2:443"))
    both = (ONE, other)
    assert arrives(EVENT, crashes=both, waited_s=60.0) == "FAIL"
    assert arrives(EVENT, replace(EVENT, reference="77aa"), crashes=both) == "PASS"


def test_without_request_ids_there_must_be_an_event_for_each():
    other = replace(ONE, answer=replace(ONE.answer, address="192.0.2.2:443"))
    both = (replace(ONE, reference=""), replace(other, reference=""))
    anonymous = replace(EVENT, reference="")
    assert arrives(anonymous, crashes=both, waited_s=60.0) == "FAIL"
    assert arrives(anonymous, replace(anonymous, id="2"), crashes=both) == "PASS"


def test_what_did_not_crash_proves_nothing():
    calm = replace(ONE, answer=replace(ONE.answer, status=404))
    assert arrives(EVENT, crashes=(calm,)) == "UNKNOWN"
    assert arrives(EVENT, crashes=()) == "UNKNOWN"


def rates(*values):
    return tuple(SampleRate(where="a.py:1", rate=value) for value in values)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"sample_rates": rates(1.0)}, "PASS"),
        ({"sample_rates": rates(1.01)}, "FAIL"),
        ({"sample_rates": rates(-0.1)}, "FAIL"),
        ({"sample_rates": rates(0.0)}, "WARN"),
        ({"sample_rates": rates(0.1, 0.0)}, "WARN"),
        ({"sample_rates": ()}, "WARN"),
        ({"sample_rates": rates(None)}, "UNKNOWN"),
        ({"written_in": ("a.py:1",)}, "FAIL"),
        ({"set_in": ()}, "FAIL"),
        ({"set_in": (), "environments_searched": ()}, "UNKNOWN"),
        ({"read_in": ()}, "PASS"),
        ({"read_in": (), "started_in": ()}, "UNKNOWN"),
        ({"source_complete": False}, "UNKNOWN"),
        ({"source_files": 0}, "UNKNOWN"),
        ({"planted": False}, "UNKNOWN"),
    ],
)
def test_the_address_comes_from_the_environment(changes, status):
    assert CHECK.shows(CONFIGURATION.replace(**changes))["dsn_from_environment"] == status
