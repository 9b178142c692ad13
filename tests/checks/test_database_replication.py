import math

import pytest
from msgspec.structs import replace

from readiness_kit.checks.database.replication import ARCHIVING, CHECK, GOOD
from readiness_kit.target import Objectives

MIB = 1024**2


def with_replica(**changes):
    return GOOD.replace(replicas=(replace(GOOD.replicas[0], **changes),))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"in_recovery": False}, "FAIL"),
        ({"receiver_status": None}, "FAIL"),
        ({"message_age_s": 60.1}, "FAIL"),
        ({"message_age_s": None}, "FAIL"),
        ({"unseen": "no route"}, "UNKNOWN"),
    ],
)
def test_a_declared_standby_is_asked_itself(changes, status):
    assert CHECK.shows(with_replica(**changes))["streaming"] == status


def test_one_of_two_streams():
    idle = replace(GOOD.replicas[0], receiver_status=None)
    shown = CHECK.shows(GOOD.replace(replicas=(*GOOD.replicas, idle)))
    assert (shown["streaming"], shown["lag"]) == ("WARN", "UNKNOWN")


def test_pg_receivewal_is_no_standby():
    assert CHECK.shows(GOOD.replace(replicas=()))["streaming"] == "UNKNOWN"


def test_no_loss_needs_a_synchronous_standby():
    promised = Objectives(rpo_minutes=0)
    assert CHECK.shows(GOOD, promised)["streaming"] == "WARN"
    sync = tuple(tuple(replace(one, sync_state="sync") for one in row) for row in GOOD.samples)
    assert CHECK.shows(GOOD.replace(samples=sync), promised)["streaming"] == "PASS"


@pytest.mark.parametrize(
    ("lag_bytes", "lag_s", "status"),
    [
        (0, None, "PASS"),
        (16 * MIB, 10.0, "PASS"),
        (16 * MIB + 1, 10.0, "WARN"),
        (0, 10.1, "WARN"),
        (0, 60.0, "WARN"),
        (0, 60.1, "FAIL"),
        (16 * MIB + 1, None, "UNKNOWN"),
        (None, 0.0, "UNKNOWN"),
        (0, math.nan, "UNKNOWN"),
    ],
)
def test_lag(lag_bytes, lag_s, status):
    late = replace(GOOD.samples[0][0], lag_bytes=lag_bytes, replay_lag_s=lag_s)
    samples = (GOOD.samples[0], GOOD.samples[0], (late,))
    assert CHECK.shows(GOOD.replace(samples=samples))["lag"] == status


def test_two_samples_are_too_few_and_a_pause_is_never_close():
    assert CHECK.shows(GOOD.replace(samples=GOOD.samples[:2]))["lag"] == "UNKNOWN"
    assert CHECK.shows(with_replica(replay_paused=True))["lag"] == "FAIL"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"active": False}, "FAIL"),
        ({"wal_status": "lost"}, "FAIL"),
        ({"wal_status": "unreserved"}, "FAIL"),
        ({"wal_status": "extended"}, "WARN"),
        ({"wal_status": None}, "UNKNOWN"),
    ],
)
def test_slots(changes, status):
    slots = (replace(GOOD.slots[0], **changes),)
    assert CHECK.shows(GOOD.replace(slots=slots))["slots_healthy"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [({}, "PASS"), ({"archive_mode": "off"}, "FAIL"), ({"failing": True}, "FAIL")],
)
def test_without_slots_the_archive_must_do(changes, status):
    shown = CHECK.shows(GOOD.replace(slots=()), ARCHIVING.replace(**changes))
    assert shown["slots_healthy"] == status
