from datetime import timedelta

import pytest
from msgspec.structs import replace

from readiness_kit.checks.database import rto
from readiness_kit.checks.disaster_recovery import backup_testing, drills
from readiness_kit.facts.papers.parts import PaperDates
from readiness_kit.facts.records.drills import AgreedAction

RECORDS, PAPERS, NOON = drills.RECORDS, rto.PAPERS, drills.RECORDS.observed_at
DONE = AgreedAction(what="mend", owner="A. Ito", due=NOON)


def held(**changes):
    return RECORDS.replace(records=(replace(RECORDS.records[0], **changes),))


def ago(**age):
    return NOON - timedelta(**age)


def written(**changes):
    return PAPERS.replace(papers=(replace(PAPERS.papers[0], **changes),))


def reviewed(days):
    return PaperDates(reviewed_on=ago(days=days), changed_at=None, ignored_commits=0)


NEVER = PaperDates(reviewed_on=None, changed_at=None, ignored_commits=0)


@pytest.mark.parametrize(
    ("held_at", "quarterly"),
    [(ago(days=92), "PASS"), (ago(days=92, seconds=1), "FAIL"), (ago(days=-1), "FAIL")],
)
def test_a_drill_a_quarter(held_at, quarterly):
    records = held(held_at=held_at)
    assert drills.CHECK.shows(records)["quarterly"] == quarterly
    assert rto.CHECK.shows(records)["drills"] == quarterly


def test_a_failed_drill_was_held_but_does_not_count_as_rehearsed():
    records = held(outcome="failed")
    assert drills.CHECK.shows(records)["quarterly"] == "PASS"
    assert rto.CHECK.shows(records)["drills"] == "FAIL"
    earlier = replace(RECORDS.records[0], held_at=ago(days=40))
    assert rto.CHECK.shows(records.replace(records=(*records.records, earlier)))["drills"] == "FAIL"


@pytest.mark.parametrize(("declared", "status"), [(True, "FAIL"), (False, "UNKNOWN")])
def test_no_drill_on_record(declared, status):
    records = RECORDS.replace(declared=declared, records=())
    assert set(drills.CHECK.shows(records).values()) == {status}
    assert rto.CHECK.shows(records)["drills"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"lessons": (), "actions": (DONE,)}, "FAIL"),
        ({"lessons": (" ",)}, "FAIL"),
        ({"actions": (DONE, replace(DONE, owner=""))}, "WARN"),
        ({"actions": (replace(DONE, due=None),)}, "WARN"),
        ({"actions": ()}, "WARN"),
        ({"lessons": ("None needed: nothing was unclear",), "actions": ()}, "PASS"),
    ],
)
def test_lessons(changes, status):
    assert drills.CHECK.shows(held(**changes))["lessons"] == status


@pytest.mark.parametrize(
    ("changes", "dates", "status"),
    [
        ({"held_at": ago(days=10)}, reviewed(9), "PASS"),
        ({"held_at": ago(days=14)}, reviewed(14), "UNKNOWN"),
        ({"held_at": ago(days=15)}, reviewed(16), "FAIL"),
        ({"held_at": ago(days=15)}, NEVER, "FAIL"),
        ({"held_at": ago(days=15), "reviewed_at": ago(days=1)}, NEVER, "PASS"),
        ({"held_at": ago(days=15), "reviewed_at": ago(days=16)}, NEVER, "FAIL"),
    ],
)
def test_procedures_after_the_drill(changes, dates, status):
    assert drills.CHECK.shows(held(**changes), written(dates=dates))["updated"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"dates": reviewed(180)}, "PASS"),
        ({"dates": reviewed(181)}, "WARN"),
        ({"dates": reviewed(365)}, "WARN"),
        ({"dates": reviewed(366)}, "FAIL"),
        ({"dates": NEVER}, "UNKNOWN"),
        ({"words": 49}, "FAIL"),
        ({"procedures": ()}, "FAIL"),
        ({"procedures": PAPERS.papers[0].procedures[2:]}, "FAIL"),
        ({"dead_links": ("#gone",)}, "FAIL"),
    ],
)
def test_procedure(changes, status):
    assert rto.CHECK.shows(written(**changes))["procedure"] == status


FRESH, TRIED = backup_testing.DRILL, backup_testing.DRILL.replace(error="pg_restore failed")


@pytest.mark.parametrize(
    ("records", "drill", "status"),
    [
        (held(held_at=ago(days=7)), FRESH, "PASS"),
        (held(held_at=ago(days=30)), FRESH, "PASS"),
        (held(held_at=ago(days=1)), TRIED, "FAIL"),
        (RECORDS.replace(declared=False, records=()), FRESH, "PASS"),
    ],
)
def test_weekly(records, drill, status):
    assert backup_testing.CHECK.shows(records, drill)["weekly"] == status


@pytest.mark.parametrize(
    ("records", "status"),
    [
        (held(held_at=ago(days=7)), "holds"),
        (held(held_at=ago(days=7, seconds=1)), "fails"),
        (held(held_at=ago(days=1), kind="failover"), "fails"),
        (held(held_at=ago(days=1), outcome="failed"), "fails"),
        (RECORDS.replace(declared=False, records=()), "not_seen"),
    ],
)
def test_weekly_without_a_drill_of_this_run(records, status):
    (finding,) = backup_testing.weekly(records, None)
    assert finding.outcome.value == status
