"""Recovery to a moment, the archive command, failover, and what objectives make of them."""

import pytest
from msgspec.structs import replace

from readiness_kit.checks.database import failover, pitr, pooling
from readiness_kit.checks.disaster_recovery import objectives as goals
from readiness_kit.target import Objectives


@pytest.mark.parametrize(
    ("changes", "copy", "status"),
    [
        ({}, {}, "PASS"),
        ({"after_recovered": 1}, {}, "FAIL"),
        ({"before_recovered": 9}, {}, "FAIL"),
        ({"before_written": 0, "before_recovered": 0}, {}, "UNKNOWN"),
        ({"after_written": 0}, {}, "UNKNOWN"),
        ({}, {"promoted": False}, "FAIL"),
        ({}, {"error": "FATAL: recovery ended before configured recovery target"}, "FAIL"),
        ({}, {"timeline_after": 1}, "FAIL"),  # it never left the primary's timeline
        ({}, {"timeline_after": None}, "FAIL"),
    ],
)
def test_recovered_to_a_marker(changes, copy, status):
    drill = pitr.DRILL.replace(recovered=replace(pitr.DRILL.recovered, **copy), **changes)
    assert pitr.CHECK.shows(drill)["recovered_to_a_marker"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"archive_mode": "off"}, "FAIL"),
        ({"archive_mode": "always"}, "PASS"),
        ({"failing": True}, "FAIL"),
        ({"waiting": 3, "oldest_waiting_age_s": 900.0}, "PASS"),
        ({"waiting": 3, "oldest_waiting_age_s": 900.1}, "FAIL"),
        ({"waiting": 3, "oldest_waiting_age_s": None}, "UNKNOWN"),
        ({"archived_count": 0}, "UNKNOWN"),
        ({"last_in_archive": None}, "UNKNOWN"),
        ({"last_in_archive": False}, "FAIL"),
    ],
)
def test_archiving_works(changes, status):
    assert pitr.CHECK.shows(goals.ARCHIVING.replace(**changes))["archiving_works"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"way": "library", "compares": False}, "PASS"),
        ({"way": "tool", "syncs": False}, "PASS"),
        ({"way": "copy"}, "WARN"),
        ({"syncs": False}, "WARN"),
        ({"way": "other"}, "UNKNOWN"),
        ({"way": "none"}, "FAIL"),
        ({"way": "tool", "always_succeeds": True}, "FAIL"),
    ],
)
def test_archive_command(changes, status):
    assert pitr.CHECK.shows(pitr.COMMAND.replace(**changes))["archive_command_safe"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"gap_s": 60.0}, "PASS"),
        ({"gap_s": 60.1}, "WARN"),
        ({"gap_s": 300.0}, "WARN"),
        ({"gap_s": 300.1}, "FAIL"),
        ({"gap_s": None}, "FAIL"),
        ({"leaders": 2}, "FAIL"),
        ({"leaders": 0}, "UNKNOWN"),
        ({"old_primary": "leads"}, "FAIL"),
        ({"old_primary": "follows"}, "PASS"),
        ({"old_primary": "not_asked"}, "UNKNOWN"),
        ({"lost": 3, "lost_s": 900.0}, "PASS"),
        ({"lost": 3, "lost_s": 900.1}, "FAIL"),
        ({"lost": 1, "lost_s": 0.1, "synchronous": True}, "FAIL"),
        ({"rejoined": False}, "FAIL"),
        ({"rejoined": None}, "UNKNOWN"),
        ({"back": False}, "FAIL"),
        ({"error": "drills.rejoin failed"}, "UNKNOWN"),
        ({"acknowledged": 9}, "UNKNOWN"),
        ({"acknowledged_after": 0}, "UNKNOWN"),
    ],
)
def test_writer_survives(changes, status):
    assert failover.CHECK.shows(failover.DRILL.replace(**changes))["writer_survives"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"lost_s": None}, "FAIL"),
        ({"acknowledged": 9}, "UNKNOWN"),
        ({"archive_timeout_s": 0}, "UNKNOWN"),
        ({"archive_timeout_s": 898}, "PASS"),
        ({"archive_timeout_s": 899}, "FAIL"),  # and the second that was lost
        ({"archive_timeout_s": 0, "switched_by_drill": False}, "PASS"),
        ({"lost_s": 899.9, "switched_by_drill": False}, "PASS"),
        ({"lost_s": 900.0, "switched_by_drill": False}, "FAIL"),
        ({"recovered": replace(goals.LOSS.recovered, promoted=False)}, "FAIL"),
        ({"recovered": replace(goals.LOSS.recovered, error="FATAL")}, "FAIL"),
    ],
)
def test_rpo(changes, status):
    assert goals.CHECK.shows(goals.LOSS.replace(**changes))["rpo"] == status


@pytest.mark.parametrize(("lost_s", "status"), [(899.9, "PASS"), (900.0, "FAIL")])
def test_rpo_counts_what_a_failover_lost(lost_s, status):
    assert goals.CHECK.shows(goals.FAILOVER.replace(lost_s=lost_s))["rpo"] == status


def test_rto_is_the_sum_of_noticing_restoring_and_being_ready():
    assert goals.READINESS.changed_s("cut_database", ready=False) == pytest.approx(1.02)
    assert goals.READINESS.changed_s("cut_database", ready=True) == pytest.approx(0.82)
    assert goals.READINESS.changed_s("cut_cache", ready=True) is None
    assert goals.CHECK.shows(Objectives(rto_minutes=60.0))["rto"] == "PASS"
    assert goals.CHECK.shows(Objectives(rto_minutes=1.2))["rto"] == "UNKNOWN"  # straddles
    assert goals.CHECK.shows(Objectives(rto_minutes=0.5))["rto"] == "FAIL"
    stuck = goals.READINESS.replace(polls=goals.READINESS.polls[:6])
    assert goals.CHECK.shows(stuck)["rto"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"answered": 19}, "FAIL"),
        ({"back": False}, "FAIL"),
        ({"answered_before": 3}, "UNKNOWN"),
        ({"answered_before": 0, "asked_before": 0}, "UNKNOWN"),
        ({"asked": 19, "answered": 19}, "UNKNOWN"),
        ({"pools": ()}, "UNKNOWN"),
        ({"pools": (replace(pooling.DEAD.pools[0], opened=0),)}, "UNKNOWN"),
        ({"pools": (*pooling.DEAD.pools, replace(pooling.DEAD.pools[0], ended=0))}, "UNKNOWN"),
    ],
)
def test_dead_connections(changes, status):
    shown = pooling.CHECK.shows(pooling.DEAD.replace(**changes))
    assert shown["dead_connections_replaced"] == status
