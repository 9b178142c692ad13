"""Point-in-time recovery: it was done, and the archive that it needs is whole and growing.

>>> CHECK.shows()
{'recovered_to_a_marker': 'PASS', 'archiving_works': 'PASS', 'archive_command_safe': 'PASS'}
>>> CHECK.shows(too_far(DRILL))["recovered_to_a_marker"]
'FAIL'
>>> CHECK.shows(plain_copy(COMMAND))["archive_command_safe"]
'WARN'
>>> CHECK.shows(COMMAND.replace(way="other"))["archive_command_safe"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from readiness_kit.checks.disaster_recovery.objectives import (
    ARCHIVING,
    command_fails,
    queue_grows,
    says_so_only,
)
from readiness_kit.facts.drills.recovery import CopyRecovered, PointInTimeRecovery
from readiness_kit.facts.drills.restore import Phase
from readiness_kit.facts.wal.archiver import PostgresArchiving
from readiness_kit.facts.wal.command import ArchiveCommand
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

LONGEST_WAITING_S = 900.0
"""A quarter of an hour: the checklist's loss objective."""


@judges("recovered_to_a_marker")
def to_a_marker(drill: PointInTimeRecovery) -> Iterator[Finding]:
    """What was written before a moment came back, and nothing that was written after it."""
    copy = drill.recovered
    this = Case(
        claim="recovered_to_a_marker",
        got=f"{copy.error or 'recovered'}: {drill.before_recovered} of {drill.before_written} rows "
        f"from before {drill.marker:%H:%M:%S} UTC, {drill.after_recovered} of "
        f"{drill.after_written} from after it; timeline {copy.timeline_before} to "
        f"{copy.timeline_after} in {copy.wall_s:.1f} s; base backup: {copy.base}",
        want="all rows from before, none from after, recovery ended on a timeline of its own",
        seen=[drill.at(path) for path in ("/before_recovered", "/after_recovered", "/recovered")],
        reproduce="restore_command and recovery_target_time in postgresql.conf of a copy, touch "
        "recovery.signal, start it, SELECT pg_is_in_recovery()",
    )
    finished = copy.promoted and not copy.error
    promoted = copy.timeline_after is not None and copy.timeline_after > copy.timeline_before
    if not finished or drill.after_recovered > 0 or not promoted:
        yield this.fails()
    elif drill.before_recovered < drill.before_written:
        yield this.fails("rows are missing: is every segment in the archive?")
    elif drill.before_written <= 0 or drill.after_written <= 0:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES)
    else:
        yield this.holds()


@judges("archiving_works")
def archiving_works(archiving: PostgresArchiving) -> Iterator[Finding]:
    """Finished segments are archived soon, and the newest of them lies in the archive."""
    waits = archiving.oldest_waiting_age_s
    this = Case(
        claim="archiving_works",
        got=f"archive_mode {archiving.archive_mode}, {archiving.archived_count} archived, the last "
        f"{archiving.last_archived_wal or 'none'}, {archiving.waiting} waiting, "
        f"the oldest {'none' if waits is None else f'{waits:.0f} s'}",
        want=f"on, last attempt successful, nothing waits over {LONGEST_WAITING_S:g} s",
        seen=[archiving.at(path) for path in ("/archive_mode", "/failing", "/waiting")],
        reproduce='psql "$READINESS_DB_DSN" -c "SELECT * FROM pg_stat_archiver"',
        grade=Grade.OBSERVED,
    )
    if archiving.archive_mode not in {"on", "always"}:
        yield this.fails("without archived WAL a recovery ends at the last backup (manual 25.3)")
    elif archiving.failing or archiving.last_in_archive is False:
        yield this.fails("archive_command fails, or says it archived what is not in the archive")
    elif waits is not None and not waits <= LONGEST_WAITING_S:
        yield this.fails()
    elif archiving.waiting > 0 and waits is None:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif archiving.archived_count <= 0:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "nothing was archived yet: pg_switch_wal()")
    elif archiving.last_in_archive is None:
        yield this.not_seen(Cause.UNPROVEN, "name the archive in backups.wal_archive")
    else:
        yield this.holds()


@judges("archive_command_safe")
def command_safe(command: ArchiveCommand) -> Iterator[Finding]:
    """A segment is neither overwritten, nor called archived before it is on the disk."""
    steps = {"compares": command.compares, "syncs": command.syncs, "renames": command.renames}
    missing = [name for name, there in steps.items() if not there]
    this = Case(
        claim="archive_command_safe",
        got=f"{command.way} {command.program}".strip()
        + (f", leaves out: {', '.join(missing)}" if missing and command.way == "script" else "")
        + (f" ({command.why_not_read})" if command.why_not_read else ""),
        want="a library, pgBackRest, WAL-G, Barman, or a script that compares, writes aside, "
        "syncs and renames",
        seen=[command.at("/way"), command.at("/always_succeeds")],
        reproduce='psql "$READINESS_DB_DSN" -c "SHOW archive_command"',
        grade=Grade.DECLARED,
    )
    if command.always_succeeds or command.way == "none":
        yield this.fails("a segment that was not archived is called archived, and removed")
    elif command.way in ("library", "tool") or (command.way == "script" and not missing):
        yield this.holds()
    elif command.way == "script":
        yield this.holds(f"like cp, the script leaves out: {', '.join(missing)} (manual 25.3.1)")
    elif command.way == "copy":
        yield this.holds(
            "cp, as the checklist has it, overwrites and does not sync (manual 25.3.1)"
        )
    else:
        yield this.not_seen(Cause.COULD_NOT_ASK, "the script was not read, or not understood")


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECOVERED = CopyRecovered(
    base="taken by the drill from the primary",
    base_seconds=12.0,
    server="postgres (PostgreSQL) 17.10",
    phases=(
        Phase(name="fetch", since_s=0.0, until_s=4.0),
        Phase(name="restore", since_s=4.0, until_s=4.1),
        Phase(name="start", since_s=4.1, until_s=4.2),
        Phase(name="replay", since_s=4.2, until_s=9.8),
        Phase(name="first_query", since_s=9.8, until_s=9.9),
    ),
    wall_s=9.9,
    promoted=True,
    timeline_before=1,
    timeline_after=2,
    error="",
)
DRILL = PointInTimeRecovery(
    observed_at=_NOON,
    recovered=RECOVERED,
    marker=_NOON - timedelta(minutes=1),
    before_written=10,
    before_recovered=10,
    after_written=10,
    after_recovered=0,
    archived_after_s=0.3,
)
COMMAND = ArchiveCommand(
    observed_at=_NOON,
    way="script",
    program="archive_wal.sh",
    why_not_read="",
    always_succeeds=False,
    compares=True,
    syncs=True,
    renames=True,
)


def too_far(drill: PointInTimeRecovery) -> PointInTimeRecovery:
    """Recover beyond the marker."""
    return drill.replace(after_recovered=max(1, drill.after_written))


def not_far_enough(drill: PointInTimeRecovery) -> PointInTimeRecovery:
    """Lose a row from before the marker."""
    return drill.replace(before_recovered=drill.before_written - 1)


def never_ends(drill: PointInTimeRecovery) -> PointInTimeRecovery:
    """Stay in recovery, as pg_ctl -w start does not tell."""
    return drill.replace(recovered=replace(drill.recovered, promoted=False))


def plain_copy(command: ArchiveCommand) -> ArchiveCommand:
    """Archive with cp, unless it was no better before."""
    worse = command.way in ("copy", "other", "none")
    return command if worse else command.replace(way="copy", program="cp")


def always_true(command: ArchiveCommand) -> ArchiveCommand:
    """Say yes whatever happens."""
    return command.replace(always_succeeds=True)


CHECK = Check(
    (to_a_marker, archiving_works, command_safe),
    remedy="Archive WAL with pgBackRest, WAL-G, Barman or a script that compares, syncs and "
    "renames, keep base backups, and recover to a chosen moment once a quarter.",
    references=(
        "PostgreSQL manual 25.3, Continuous Archiving and Point-in-Time Recovery",
        "PostgreSQL manual 25.3.1: an archive command must not overwrite",
    ),
    good=(DRILL, ARCHIVING, COMMAND),
    worsen=(
        too_far,
        not_far_enough,
        never_ends,
        command_fails,
        queue_grows,
        says_so_only,
        plain_copy,
        always_true,
    ),
    thresholds={
        "recovered_to_a_marker": "all rows before, none after; 90 days",
        "archiving_works": "no failure since the last success, nothing waits over 15 min",
        "archive_command_safe": "compare, write aside, sync, rename",
    },
)
