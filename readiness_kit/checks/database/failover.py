"""Failover: a writer goes on at the new primary, and nothing that was acknowledged is lost.

>>> CHECK.shows(DRILL)["writer_survives"]
'PASS'
>>> CHECK.shows(two_writers(DRILL))["writer_survives"], CHECK.shows(slow(DRILL))["writer_survives"]
('FAIL', 'WARN')
>>> CHECK.shows(DRILL.replace(rejoined=None))["writer_survives"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from readiness_kit.facts.failover import FailoverDrill, Stage
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, judges

GAP_S, LONGEST_GAP_S = 60.0, 300.0
"""Without writing, and up to here a weakness (default)."""

FEWEST = 10
"""Rows that must have been acknowledged before the loss, to say that none is missing."""


@judges("writer_survives")
def writer_survives(drill: FailoverDrill, objectives: Objectives) -> Iterator[Finding]:
    """Writing resumes soon, at one server alone, with what had been acknowledged."""
    gap = "never" if drill.gap_s is None else f"after {drill.gap_s:.1f} s"
    rpo_s = objectives.rpo_minutes * 60
    this = Case(
        claim="writer_survives",
        got=f"writing went on {gap}; {drill.lost} of {drill.acknowledged} acknowledged rows lost "
        f"({drill.lost_s:.1f} s), {drill.acknowledged_after} more at the new primary; the old one "
        f"{_answered(drill)}, servers that take writes: {drill.leaders}, "
        f"{'all as before' if drill.back else 'not as before'} at the end {drill.error}".rstrip(),
        want=f"gap at most {GAP_S:g} s, no row lost with synchronous commit, else at most "
        f"{rpo_s:g} s of them, one server that takes writes",
        seen=[drill.at(path) for path in ("/gap_s", "/lost", "/old_primary", "/leaders", "/back")],
        reproduce="run drills.stop_primary.do, drills.promote and drills.rejoin of readiness.yaml "
        "while rows are inserted; then drills.stop_primary.undo",
    )
    if drill.gap_s is None or not drill.gap_s <= LONGEST_GAP_S:
        yield this.fails("automate promotion, and name all servers in the connection string")
    elif drill.leaders > 1 or drill.old_primary == "leads":
        yield this.fails("two servers take writes: fence the old primary before promoting")
    elif not drill.lost_s <= rpo_s or (drill.synchronous and drill.lost > 0):
        yield this.fails("acknowledged rows are gone: synchronous_standby_names")
    elif drill.rejoined is False or not drill.back:
        yield this.fails("primary and standbys are not as before: put that right first")
    elif drill.error or drill.old_primary == "not_asked" or drill.leaders < 1:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif drill.rejoined is None:
        yield this.not_seen(Cause.UNPROVEN, "declare drills.rejoin: an old primary that restarts")
    elif drill.acknowledged < FEWEST or drill.acknowledged_after <= 0:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES)
    elif drill.gap_s > GAP_S:
        yield this.holds(
            "over a minute without writing: promote sooner, reconnect sooner (default)"
        )
    else:
        yield this.holds()


def _answered(drill: FailoverDrill) -> str:
    return {
        "down": "is down",
        "follows": "follows",
        "leads": "takes writes",
        "not_asked": "was not asked",
    }[drill.old_primary]


DRILL = FailoverDrill(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    servers=("db-1.example.com:5432", "db-2.example.com:5432"),
    acknowledged=120,
    lost=0,
    lost_s=0.0,
    acknowledged_after=40,
    gap_s=2.4,
    synchronous=False,
    old_primary="down",
    leaders=1,
    rejoined=True,
    back=True,
    stages=(
        Stage(name="stop", since_s=6.0, until_s=6.4),
        Stage(name="promote", since_s=6.4, until_s=7.9),
        Stage(name="writing_again", since_s=7.9, until_s=8.6),
        Stage(name="rejoin", since_s=9.7, until_s=13.0),
        Stage(name="back", since_s=13.0, until_s=15.1),
    ),
    error="",
)


def never_again(drill: FailoverDrill) -> FailoverDrill:
    """Let nobody take writes."""
    return drill.replace(gap_s=None, acknowledged_after=0, leaders=0)


def slow(drill: FailoverDrill) -> FailoverDrill:
    """Let it take two minutes."""
    gap_s = drill.gap_s
    return drill.replace(gap_s=None if gap_s is None else max(gap_s, 120.0))


def two_writers(drill: FailoverDrill) -> FailoverDrill:
    """Let the old primary go on taking writes."""
    return drill.replace(old_primary="leads", leaders=2)


def loses_rows(drill: FailoverDrill) -> FailoverDrill:
    """Lose what an hour of writing had acknowledged."""
    return drill.replace(lost=max(1, drill.acknowledged), lost_s=3600.0)


CHECK = Check(
    (writer_survives,),
    remedy="Let a manager promote a standby and fence the old primary, name all servers and "
    "target_session_attrs=read-write in connection strings, and hold the drill each quarter.",
    references=(
        "PostgreSQL manual 26.3, Failover",
        "PostgreSQL manual 32.1.1.3, Specifying Multiple Hosts",
        "PostgreSQL manual, pg_rewind",
    ),
    good=(DRILL,),
    worsen=(never_again, slow, two_writers, loses_rows),
    thresholds={"writer_survives": "gap 60 s, loss 0 or the loss objective (default)"},
)
