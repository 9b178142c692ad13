"""Backup testing: what was restored equals its source, and the time of each test is kept.

>>> CHECK.shows()
{'weekly': 'PASS', 'integrity': 'PASS', 'recovery_time': 'PASS'}
>>> CHECK.shows(loses_a_row(DRILL))["integrity"], CHECK.shows(not_timed(DRILL))["recovery_time"]
('FAIL', 'FAIL')
>>> CHECK.shows(checksums_off(DRILL))["integrity"]
'WARN'
>>> CHECK.shows(DRILL.replace(sums_from="nowhere", tables=()))["integrity"]
'UNKNOWN'
"""

import math
from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from readiness_kit.checks.database.backup_verification import (
    DRILL,
    damaged,
    how_to_restore,
    loses_a_row,
    stops,
)
from readiness_kit.checks.disaster_recovery.drills import RECORDS
from readiness_kit.facts.drills.restore import Recovery, RestoreDrill
from readiness_kit.facts.records.drills import DrillKind, DrillRecords
from readiness_kit.load_verdict.restores import PHASES, complete, summed_s
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

TOLERANCE = 0.05
"""How far the sum of the phases may be from the wall time (default)."""

CLOCK_S = 0.05
"""What two clocks and their rounding may differ, however short a restore is."""


WEEK = timedelta(days=7)
"""No middle band: two weeks are not weekly."""

TESTS: tuple[DrillKind, ...] = ("restore", "point_in_time")
"""Drills that restore a backup."""


@judges("weekly")
def weekly(records: DrillRecords, drill: RestoreDrill | None) -> Iterator[Finding]:
    """A backup was restored within the week: in this run, or by a signed record."""
    times = [
        one.held_at
        for one in records.records
        if one.kind in TESTS and one.outcome == "succeeded" and one.held_at <= records.observed_at
    ]
    now = "held" if drill else "none"
    got = f"{len(times)} successful tests on record; in this run: {(drill and drill.error) or now}"
    if drill is not None and not drill.error and drill.queried and drill.recoveries:
        times.append(min(drill.observed_at, records.observed_at))
    age = records.observed_at - max(times) if times else None
    this = Case(
        claim="weekly",
        got=got + (f"; the last {age / timedelta(days=1):.1f} days ago" if age is not None else ""),
        want=f"a successful one within {WEEK.days} days",
        seen=[records.at("/records")],
        reproduce="cat the newest file in drills.records; ssh-keygen -Y verify checks it",
        grade=Grade.DOCUMENTED,
    )
    if drill is not None and drill.error:
        yield this.fails("the newest test failed")
    elif age is not None and age <= WEEK:
        yield this.holds()
    elif age is None and not records.declared:
        yield this.not_seen(Cause.NOT_CONFIGURED, "declare drills.records: `readiness drilled`")
    else:
        yield this.fails()


@judges("integrity")
def integrity(drill: RestoreDrill) -> Iterator[Finding]:
    """Each table has the source's rows, and the restored cluster is sound."""
    equal = [one for one in drill.tables if one.equal]
    rows = sum(one.restored_rows or 0 for one in equal)
    this = Case(
        claim="integrity",
        got=f"{drill.error or f'{len(equal)} of {len(drill.tables)} tables equal, {rows} rows'}; "
        f"compared with {_compared(drill)}; pg_amcheck {drill.amcheck.replace('_', ' ')}, "
        f"{len(drill.invalid)} invalid, data checksums of the source {_on(drill.source_checksums)}",
        want="rows and digests of all tables equal, pg_amcheck clean, constraints and indexes "
        "valid, data checksums on",
        seen=[drill.at(path) for path in ("/tables", "/amcheck", "/invalid", "/source_checksums")],
        reproduce=how_to_restore(drill),
    )
    if drill.error or drill.amcheck == "damaged" or drill.invalid:
        yield this.fails(*drill.invalid)
    elif drill.sums_from == "nowhere" or drill.amcheck != "clean":
        yield this.not_seen(Cause.COULD_NOT_ASK, drill.amcheck_said or "declare drills.dsn")
    elif drill.unequal() and drill.sums_from == "backup":
        yield this.fails(f"not as in the source: {', '.join(drill.unequal()[:5])}")
    elif drill.unequal() or rows <= 0:
        yield this.not_seen(
            Cause.TOO_FEW_SAMPLES,
            "tables that were written since, or are not readable, cannot be compared: keep their "
            "sums beside the backup (backups.sums)",
        )
    elif drill.source_checksums is None:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif not drill.source_checksums:
        yield this.holds(
            "data checksums are off: a rotten page is backed up as it is; pg_checksums"
        )
    else:
        yield this.holds()


@judges("recovery_time")
def recovery_time(drill: RestoreDrill) -> Iterator[Finding]:
    """The phases of each test were timed, and together they are all of it."""
    last = drill.recoveries[-1] if drill.recoveries else None
    parts = [f"{one.name} {one.until_s - one.since_s:.2f}" for one in last.phases] if last else []
    this = Case(
        claim="recovery_time",
        got=f"{len(drill.recoveries)} restores timed, the last: {', '.join(parts) or 'nothing'}; "
        f"sum {summed_s(last) if last else 0:.2f} s of {last.wall_s if last else 0:.2f} s",
        want=f"{', '.join(PHASES)} of each, their sum within {TOLERANCE:.0%} of the wall time",
        seen=[drill.at("/recoveries")],
        reproduce=f"time {how_to_restore(drill)}",
    )
    if drill.error or not drill.recoveries:
        yield this.fails("no restore came to its end")
    elif not all(one.wall_s > 0 and math.isfinite(one.wall_s) for one in drill.recoveries):
        yield this.fails("no time was taken")
    elif not all(map(complete, drill.recoveries)):
        yield this.holds(
            "only the whole was timed: without its phases nobody knows what to speed up"
        )
    elif all(map(_adds_up, drill.recoveries)):
        yield this.holds()
    else:
        yield this.fails("the phases do not add up to the whole")


def _adds_up(one: Recovery) -> bool:
    return abs(summed_s(one) - one.wall_s) <= max(TOLERANCE * one.wall_s, CLOCK_S)


def _compared(drill: RestoreDrill) -> str:
    return {
        "backup": "the sums of the backup's own snapshot",
        "live": "the live database",
        "nowhere": "nothing",
    }[drill.sums_from]


def _on(value: bool | None) -> str:  # noqa: FBT001 - a word for it
    return "not known" if value is None else "on" if value else "off"


def not_timed(drill: RestoreDrill) -> RestoreDrill:
    """Keep no time."""
    return drill.replace(recoveries=())


def gap_between_phases(drill: RestoreDrill) -> RestoreDrill:
    """Leave a tenth of the time to no phase."""
    return drill.replace(
        recoveries=tuple(
            replace(one, wall_s=1.2 * max(one.wall_s, summed_s(one))) for one in drill.recoveries
        )
    )


def checksums_off(drill: RestoreDrill) -> RestoreDrill:
    """Switch data checksums off in the source."""
    return drill.replace(source_checksums=drill.source_checksums and False)


CHECK = Check(
    (weekly, integrity, recovery_time),
    remedy="Restore into a cluster of its own, compare rows and digests of every table with those "
    "written in the backup's snapshot, run pg_amcheck, and keep the time of each phase.",
    references=(
        "PostgreSQL manual, pg_amcheck",
        "PostgreSQL manual 28.2, Data Checksums",
        "PostgreSQL manual, pg_export_snapshot and pg_dump --snapshot",
    ),
    good=(DRILL, RECORDS),
    worsen=(
        stops,
        loses_a_row,
        damaged,
        not_timed,
        gap_between_phases,
        checksums_off,
    ),
    thresholds={
        "weekly": "7 days",
        "integrity": "all tables equal, pg_amcheck clean, data checksums on",
        "recovery_time": "five phases, sum within 5 % of the wall time (default)",
    },
)
