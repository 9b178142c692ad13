from datetime import timedelta

import pytest
from msgspec.structs import replace

from readiness_kit.checks.database import backup_verification, failover
from readiness_kit.facts.failover_means import Member

MANAGER, WAY, WRITTEN, JOB = (
    failover.MANAGER,
    failover.WAY,
    failover.WRITTEN,
    backup_verification.JOB,
)
LEADER, REPLICA = MANAGER.members
SECOND = Member(name="db-3", role="leader", state="running")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"voters": 2}, "WARN"),
        ({"voters": None}, "UNKNOWN"),
        ({"answered": 1}, "UNKNOWN"),
        ({"paused": True}, "FAIL"),
        ({"agreed": False}, "FAIL"),
        ({"members": ()}, "FAIL"),
        ({"members": (LEADER,)}, "FAIL"),
        ({"members": (LEADER, REPLICA, SECOND)}, "FAIL"),
        ({"members": (LEADER, replace(REPLICA, state="stopped"))}, "FAIL"),
    ],
)
def test_the_manager(changes, status):
    assert failover.CHECK.shows(MANAGER.replace(**changes))["auto"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"target_session_attrs": "primary"}, "PASS"),
        ({"target_session_attrs": "any"}, "FAIL"),
        ({"target_session_attrs": ""}, "FAIL"),
        ({"hosts": 1, "leads": "pooler"}, "PASS"),
        ({"hosts": 1, "literal": True}, "FAIL"),
        ({"hosts": 1}, "UNKNOWN"),
        ({"hosts": 0}, "FAIL"),
    ],
)
def test_the_way_to_the_primary(changes, status):
    assert failover.CHECK.shows(WAY.replace(**changes))["dsn"] == status


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("changes", [{"acts": ()}, {"commands": 0}])
def test_each_part_of_a_failover_needs_its_commands(number, changes):
    paper = WRITTEN.papers[0]
    steps = list(paper.procedures[0].steps)
    steps[number] = replace(steps[number], **changes)
    procedure = replace(paper.procedures[0], steps=tuple(steps))
    papers = WRITTEN.replace(papers=(replace(paper, procedures=(procedure,)),))
    assert failover.CHECK.shows(papers)["manual"] == "FAIL"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"reads": "restore"}, "PASS"),
        ({"reads": "list_only"}, "WARN"),
        ({"reads": "nothing"}, "FAIL"),
        ({"reads": "not_known"}, "UNKNOWN"),
        ({"every_days": 7.0}, "PASS"),
        ({"every_days": 7.1}, "WARN"),
        ({"every_days": None}, "UNKNOWN"),
        ({"result": "failed"}, "FAIL"),
        ({"result": "failed", "every_days": None}, "FAIL"),
        ({"result": "not_known"}, "UNKNOWN"),
        ({"finished_at": JOB.observed_at - timedelta(days=2)}, "PASS"),
        ({"finished_at": JOB.observed_at - timedelta(days=2, seconds=1)}, "UNKNOWN"),
        ({"finished_at": JOB.observed_at + timedelta(days=2)}, "UNKNOWN"),
    ],
)
def test_verification_by_itself(changes, status):
    assert backup_verification.CHECK.shows(JOB.replace(**changes))["automated"] == status
