import pytest
from msgspec.structs import replace

from readiness_kit.checks.disaster_recovery.objectives import (
    ARCHIVING,
    CHECK,
    DOCUMENTS,
    REPLICATION,
)
from readiness_kit.facts.database.replication import Replica, Standby
from readiness_kit.target import Objectives

RTO, RPO = DOCUMENTS.stated


def stated(rto, rpo, *, below=False):
    figures = (replace(RTO, minutes=rto, below=below), replace(RPO, minutes=rpo, below=below))
    return DOCUMENTS.replace(stated=figures)


@pytest.mark.parametrize(
    ("documents", "objectives", "status"),
    [
        (stated(60, 15, below=True), Objectives(), "PASS"),
        (stated(60, 15), Objectives(), "FAIL"),  # "under an hour" is the letter
        (stated(59, 14), Objectives(rto_minutes=59, rpo_minutes=14), "PASS"),
        (stated(59, 14), Objectives(), "FAIL"),  # they differ
        (stated(120, 5), Objectives(rto_minutes=120, rpo_minutes=5), "FAIL"),
        (stated(30, 30), Objectives(rto_minutes=30, rpo_minutes=30), "FAIL"),
        (DOCUMENTS.replace(stated=(RTO,)), Objectives(), "FAIL"),
        (DOCUMENTS.replace(stated=()), Objectives(), "FAIL"),
        (DOCUMENTS.replace(documents=()), Objectives(), "UNKNOWN"),
    ],
)
def test_defined(documents, objectives, status):
    assert CHECK.shows(documents, objectives)["defined"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"archive_timeout_s": 900}, "PASS"),
        ({"archive_timeout_s": 901}, "FAIL"),
        ({"archive_timeout_s": 0}, "WARN"),
        ({"archive_timeout_s": 0, "last_archived_age_s": 900.0}, "FAIL"),
        ({"archive_timeout_s": 0, "last_archived_age_s": 9e5, "unarchived_bytes": 100}, "WARN"),
        ({"waiting": 1, "oldest_waiting_age_s": 899.9}, "PASS"),
        ({"waiting": 1, "oldest_waiting_age_s": 900.0}, "FAIL"),
        ({"archive_mode": "off"}, "FAIL"),
        ({"failing": True}, "FAIL"),
        ({"last_in_archive": False}, "FAIL"),  # archive_command = /bin/true
        ({"last_in_archive": None}, "UNKNOWN"),
        ({"archived_count": 0}, "UNKNOWN"),
        ({"unarchived_bytes": None}, "UNKNOWN"),
    ],
)
def test_archiving(changes, status):
    assert CHECK.shows(ARCHIVING.replace(**changes))["rpo_continuous"] == status


def test_a_tighter_objective_is_the_limit():
    waiting = ARCHIVING.replace(waiting=1, oldest_waiting_age_s=300.0)
    assert CHECK.shows(waiting, Objectives(rpo_minutes=5))["rpo_continuous"] == "FAIL"


@pytest.mark.parametrize(
    ("same_machine", "lag_s", "status"),
    [(False, 1.0, "PASS"), (True, 1.0, "FAIL"), (False, 900.0, "FAIL")],
)
def test_a_standby_elsewhere_does_as_well(same_machine, lag_s, status):
    standby = Standby(
        name="b", state="streaming", sync_state="async", lag_bytes=9, replay_lag_s=lag_s
    )
    replica = Replica(
        address="b:5432",
        unseen="",
        in_recovery=True,
        receiver_status="streaming",
        message_age_s=0.1,
        same_machine=same_machine,
    )
    replication = REPLICATION.replace(samples=((standby,),) * 3, replicas=(replica,))
    shown = CHECK.shows(ARCHIVING.replace(archive_mode="off"), replication)
    assert shown["rpo_continuous"] == status
