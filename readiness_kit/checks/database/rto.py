"""Recovery time: a restore at today's size ends in an hour, by a procedure that is rehearsed.

>>> CHECK.shows()
{'target': 'PASS', 'procedure': 'PASS', 'drills': 'PASS'}
>>> CHECK.shows(an_hour(DRILL))["target"], CHECK.shows(only_once(DRILL))["target"]
('FAIL', 'UNKNOWN')
"""

from collections.abc import Iterator

from msgspec.structs import replace

from readiness_kit.checks.database.backup_verification import DRILL, how_to_restore, stops
from readiness_kit.checks.disaster_recovery.drills import (
    QUARTER,
    RECORDS,
    half_a_year_on,
    missing,
    newest,
    none_held,
)
from readiness_kit.checks.disaster_recovery.drills import case as on_record
from readiness_kit.checks.disaster_recovery.drills import in_words as told
from readiness_kit.checks.disaster_recovery.runbooks import (
    PAPERS,
    age_days,
    takes,
    two_years_old,
    without_commands,
)
from readiness_kit.checks.disaster_recovery.runbooks import case as documented
from readiness_kit.facts.drills.restore import RestoreDrill
from readiness_kit.facts.papers.parts import RecoveryPapers, Way
from readiness_kit.facts.records.drills import DrillRecords
from readiness_kit.load_verdict.restores import LARGEST_RATIO, expected, in_words, ratio
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, judges

RTO_MINUTES = 60.0
"""The checklist's hour; the target's own objective where that is shorter."""


PROCEDURE_DAYS, OLD_DAYS = 180, 365
"""How old the procedure may be, at best and at most (default)."""

STUB_WORDS = 50
"""A document of fewer words is none (default)."""

RECOVERING: tuple[Way, ...] = ("restore", "point_in_time")
"""Ways that bring a lost database back."""


@judges("target")
def target(drill: RestoreDrill, objectives: Objectives) -> Iterator[Finding]:
    """The restore is timed, scaled to the live database's size, and ends in time."""
    limit_s = min(objectives.rto_minutes, RTO_MINUTES) * 60
    found = expected(drill)
    this = Case(
        claim="target",
        got=drill.error or in_words(drill),
        want=f"upper end of the 90 % interval under {limit_s / 60:g} min, at most "
        f"{LARGEST_RATIO:g} times the size that was restored",
        seen=[drill.at(path) for path in ("/recoveries", "/restored_bytes", "/database_bytes")],
        reproduce=f"time {how_to_restore(drill)}",
    )
    if drill.error:
        yield this.fails("a backup that cannot be restored is never restored in time")
    elif found is None or ratio(drill) is None:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "set drills.restores to 3")
    elif found.low_s >= limit_s:
        yield this.fails("restore with more jobs or from a physical backup, or fail over instead")
    elif found.high_s < limit_s:
        yield this.holds()
    else:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "the interval straddles the limit: repeat")


@judges("procedure")
def procedure(papers: RecoveryPapers) -> Iterator[Finding]:
    """One document says step by step, with commands, how a lost database comes back."""
    tells = [one for one in papers.papers if any(any(takes(one, way)) for way in RECOVERING)]
    whole = [one for one in tells if one.words >= STUB_WORDS]
    dead = [f"{one.file}: {href}" for one in whole for href in one.dead_links]
    ages = [age for one in whole if (age := age_days(papers, one)) is not None]
    this = documented(
        papers,
        "procedure",
        f"{', '.join(one.file for one in whole) or 'no document'} with steps and commands, "
        f"changed or reviewed {min(ages) if ages else '?'} days ago; {len(dead)} dead links",
        f"steps with commands to restore, changed or reviewed in {PROCEDURE_DAYS} days",
    )
    if not papers.papers:
        yield this.not_seen(Cause.NOT_CONFIGURED)
    elif not whole:
        yield this.fails("write down the steps of a restore with their commands")
    elif dead:
        yield this.fails(f"a link leads nowhere: {dead[0]}")
    elif not ages:
        yield this.not_seen(Cause.COULD_NOT_ASK, "add a line: Reviewed: YYYY-MM-DD")
    elif min(ages) <= PROCEDURE_DAYS:
        yield this.holds()
    elif min(ages) <= OLD_DAYS:
        yield this.holds(f"nobody has looked through it for {min(ages)} days")
    else:
        yield this.fails()


@judges("drills")
def drills(records: DrillRecords) -> Iterator[Finding]:
    """The last drill on record was held within the quarter, and succeeded."""
    last = newest(records)
    want = f"the last within {QUARTER.days} days, and successful"
    this = on_record(records, "drills", told(records, last), want)
    if last is None:
        yield missing(this, records)
    elif last.outcome == "succeeded" and records.observed_at - last.held_at <= QUARTER:
        yield this.holds()
    else:
        yield this.fails("hold it again until it succeeds, every quarter")


def an_hour(drill: RestoreDrill) -> RestoreDrill:
    """Take an hour longer each time."""
    return drill.replace(
        recoveries=tuple(
            replace(
                one,
                phases=tuple(
                    replace(phase, until_s=phase.until_s + 3600.0)
                    if phase.name == "restore"
                    else phase
                    for phase in one.phases
                ),
            )
            for one in drill.recoveries
        )
    )


def only_once(drill: RestoreDrill) -> RestoreDrill:
    """Restore once: nothing is known of the spread."""
    return drill.replace(recoveries=drill.recoveries[:1])


def grown_tenfold(drill: RestoreDrill) -> RestoreDrill:
    """Let the database grow to ten times what was restored."""
    return drill.replace(database_bytes=10 * max(1, drill.restored_bytes or 1))


def last_failed(records: DrillRecords) -> DrillRecords:
    """Let every drill have failed."""
    failed = (replace(one, outcome="failed") for one in records.records)
    return records.replace(records=tuple(failed))


CHECK = Check(
    (target, procedure, drills),
    remedy="Restore with parallel jobs or from physical backups on a machine like the "
    "database's, keep the backup near, shorten what does not grow; else agree on a longer time.",
    references=(
        "PostgreSQL manual, pg_restore: --jobs",
        "NIST SP 800-34 rev. 1: recovery time objective",
    ),
    good=(DRILL, PAPERS, RECORDS),
    worsen=(
        an_hour,
        only_once,
        grown_tenfold,
        stops,
        without_commands,
        two_years_old,
        half_a_year_on,
        none_held,
        last_failed,
    ),
    thresholds={
        "target": "under 60 min (checklist), or objectives.rto_minutes where shorter",
        "procedure": "180 days, 365 at most (default)",
        "drills": "92 days (checklist: quarterly), and successful",
    },
)
