"""Recovery time: a restore at today's size ends in less than an hour.

>>> CHECK.shows(DRILL)["target"]
'PASS'
>>> CHECK.shows(an_hour(DRILL))["target"], CHECK.shows(only_once(DRILL))["target"]
('FAIL', 'UNKNOWN')
"""

from collections.abc import Iterator

from msgspec.structs import replace

from readiness_kit.checks.database.backup_verification import DRILL, how_to_restore, stops
from readiness_kit.facts.restore import RestoreDrill
from readiness_kit.load_verdict.restores import LARGEST_RATIO, expected, in_words, ratio
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, judges

RTO_MINUTES = 60.0
"""The checklist's hour; the target's own objective where that is shorter."""


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


CHECK = Check(
    (target,),
    remedy="Restore with parallel jobs or from physical backups on a machine like the "
    "database's, keep the backup near, shorten what does not grow; else agree on a longer time.",
    references=(
        "PostgreSQL manual, pg_restore: --jobs",
        "NIST SP 800-34 rev. 1: recovery time objective",
    ),
    good=(DRILL,),
    worsen=(an_hour, only_once, grown_tenfold, stops),
    thresholds={"target": "under 60 min (checklist), or objectives.rto_minutes where shorter"},
)
