from datetime import timedelta

import pytest
from msgspec.structs import replace

from readiness_kit.checks.database import backup_verification, failover
from readiness_kit.facts.failover.means import Member
from readiness_kit.facts.failover.names import Link, NameKept

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
        ({"down": "the operator sleeps"}, "FAIL"),
        ({"voters": None, "managed": True}, "PASS"),
        ({"voters": None, "managed": True, "ours": False}, "UNKNOWN"),
        ({"ours": True}, "PASS"),
        ({"members": (LEADER, replace(REPLICA, state=""))}, "UNKNOWN"),
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


def kept(*links, told_by="authority", addresses=1):
    """One host's name with links of such kinds and times."""
    return {
        "hosts": 1,
        "name": NameKept(
            name="db.example.com",
            addresses=addresses,
            links=tuple(Link(name="x", kind=kind, ttl_s=ttl_s) for kind, ttl_s in links),
            told_by=told_by,
            why="",
        ),
    }


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        (kept(("A", 0)), "PASS"),
        (kept(("A", 60)), "PASS"),
        (kept(("A", 61)), "WARN"),
        (kept(("A", 300)), "WARN"),
        (kept(("A", 301)), "FAIL"),
        (kept(("CNAME", 300), ("A", 5)), "PASS"),
        (kept(("CNAME", 301), ("A", 5)), "WARN"),
        (kept(("CNAME", 5), ("A", 301)), "WARN"),
        (kept(("CNAME", 400), ("A", 301)), "FAIL"),
        (kept(("A", 60), ("AAAA", 3600)), "FAIL"),
        (kept(("A", 60), ("AAAA", 61)), "WARN"),
        (kept(("A", 1), told_by="cache"), "UNKNOWN"),
        (kept(("A", 301), told_by="cache"), "FAIL"),
        (kept(told_by="hosts_file"), "UNKNOWN"),
        (kept(told_by="nobody"), "UNKNOWN"),
        (kept(("A", 5), addresses=2), "UNKNOWN"),
        (kept(("A", 301), addresses=2), "FAIL"),
        (kept(("A", 5), addresses=0), "UNKNOWN"),
        (kept(("A", 301)) | {"leads": "pooler"}, "PASS"),
        (kept(("A", 1)) | {"literal": True}, "FAIL"),
    ],
)
def test_the_name_of_the_only_host(changes, status):
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
