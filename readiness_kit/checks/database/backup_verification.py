"""Backup verification: the newest backup is read to its last byte, and has been restored in full.

>>> CHECK.shows(READING, DRILL)["readable_end_to_end"], CHECK.shows(READING, DRILL)["restored"]
('PASS', 'PASS')
>>> CHECK.shows(half(READING))["readable_end_to_end"], CHECK.shows(stops(DRILL))["restored"]
('FAIL', 'FAIL')
>>> CHECK.shows(DRILL.replace(amcheck="not_run"))["restored"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from readiness_kit.facts.backups.verification import BackupVerification
from readiness_kit.facts.drills.restore import (
    BackupReading,
    Phase,
    Recovery,
    RestoreDrill,
    TableSum,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges


@judges("restored")
def restored(drill: RestoreDrill) -> Iterator[Finding]:
    """The newest backup becomes a database again that answers, with its rows and sound pages."""
    rows = sum(one.restored_rows or 0 for one in drill.tables)
    gone = [one.name for one in drill.tables if one.restored_rows is None and one.source_rows]
    this = Case(
        claim="restored",
        got=f"{drill.backup} ({drill.kind}): {drill.error or 'restored'}; "
        f"{len(drill.tables)} tables, {rows} rows, {len(drill.unequal())} not as in the source; "
        f"pg_amcheck {drill.amcheck.replace('_', ' ')} {drill.amcheck_said}".rstrip(),
        want="restored without error into a cluster of its own, the source's rows, "
        "pg_amcheck clean, constraints and indexes valid",
        seen=[drill.at(path) for path in ("/error", "/tables", "/amcheck", "/invalid")],
        reproduce=how_to_restore(drill),
    )
    if drill.error:
        yield this.fails("the backup cannot be restored: make a new one now, and find out why")
    elif drill.amcheck == "damaged" or drill.invalid:
        yield this.fails(*drill.invalid)
    elif drill.unequal() and drill.sums_from == "backup":
        yield this.fails(f"not as in the source: {', '.join(drill.unequal()[:5])}")
    elif not drill.queried or not drill.recoveries:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif not any(one.equal and one.restored_rows for one in drill.tables):
        yield this.not_seen(
            Cause.TOO_FEW_SAMPLES, "no table with rows was compared and found equal"
        )
    elif gone:
        yield this.not_seen(
            Cause.UNPROVEN, f"not in the backup, or made since: {', '.join(gone[:5])}"
        )
    elif drill.amcheck != "clean":
        yield this.not_seen(Cause.COULD_NOT_ASK, "pg_amcheck did not run")
    else:
        yield this.holds()


@judges("readable_end_to_end")
def readable(reading: BackupReading) -> Iterator[Finding]:
    """Whatever would restore the newest backup reads all of it without complaint."""
    this = Case(
        claim="readable_end_to_end",
        got=f"{reading.backup} ({reading.kind}, {reading.size_bytes} bytes): "
        f"{'whole' if reading.whole else reading.said or 'not whole'}; read by {reading.read_by}",
        want="read to its last byte without error, plain dumps with their end mark",
        seen=[reading.at("/whole"), reading.at("/said")],
        reproduce=_how_to_read(reading),
    )
    if not reading.whole:
        yield this.fails("make a new backup now; pg_restore --list would not have shown this")
    elif reading.size_bytes <= 0 or not reading.read_by:
        yield this.not_seen(Cause.COULD_NOT_ASK, "nothing was read")
    else:
        yield this.holds()


WEEK_DAYS = 7.0
"""Longest time between two verifications."""

GRACE_DAYS = 1.0
"""How late a job may be before it is taken for one that does not run (default)."""


@judges("automated")
def automated(job: BackupVerification) -> Iterator[Finding]:
    """A job reads or restores backups by itself, and its last run went well."""
    age = None if job.finished_at is None else job.observed_at - job.finished_at
    ago = "" if age is None else f" {age / timedelta(days=1):.1f} days ago"
    this = Case(
        claim="automated",
        got=f"{job.file} ({job.means.replace('_', ' ')}, {job.schedule or 'no schedule'}): "
        f"{job.reads.replace('_', ' ')}; last run {job.result.replace('_', ' ')}{ago} "
        f"({job.result_said})",
        want="a restore or full read at least weekly, the last one successful",
        seen=[job.at("/reads"), job.at("/every_days"), job.at("/result")],
        reproduce=f"cat {job.file}; systemctl list-timers; cat the file verification_result",
        grade=Grade.DECLARED,
    )
    if job.reads == "nothing":
        yield this.fails("it neither restores nor reads a backup")
    elif job.result == "failed":
        yield this.fails("the last verification failed: make a new backup, find out why")
    elif job.reads == "not_known":
        yield this.not_seen(Cause.COULD_NOT_ASK, "name a script that the kit can read, or a tool")
    elif job.every_days is None or not job.every_days > 0:
        yield this.not_seen(Cause.COULD_NOT_ASK, "no schedule that can be understood")
    elif job.result == "not_known" or age is None:
        yield this.not_seen(Cause.COULD_NOT_ASK, "name its result in backups.verification_result")
    elif not -GRACE_DAYS <= age / timedelta(days=1) <= job.every_days + GRACE_DAYS:
        yield this.not_seen(Cause.STALE, "it has not run when it should have")
    else:
        rare = [] if job.every_days <= WEEK_DAYS else ["it runs less often than weekly"]
        list_only = job.reads == "list_only"
        listed = ["pg_restore --list accepts half a dump: read it all"] if list_only else []
        yield this.holds(*rare, *listed)


def how_to_restore(drill: RestoreDrill) -> str:
    """Return the command that restores such a backup by hand."""
    if drill.kind == "pgbackrest":
        return (
            f"pgbackrest --stanza=NAME --set={drill.backup} --pg1-path=EMPTY_FOLDER "
            "--archive-mode=off --tablespace-map-all=OTHER_FOLDER restore"
        )
    if drill.kind in ("base", "incremental"):
        return "copy it into an empty folder; postgres -D FOLDER -c archive_mode=off -p 5499"
    if drill.kind == "plain":
        return f"psql -X -v ON_ERROR_STOP=1 -d postgres -f '{drill.backup}', in a new cluster"
    return f"pg_restore --create --exit-on-error -d postgres -- '{drill.backup}'"


def _how_to_read(reading: BackupReading) -> str:
    if reading.kind == "pgbackrest":
        return f"{reading.read_by} --output=text --verbose"
    if reading.kind in ("base", "incremental"):
        return f"pg_verifybackup -- '{reading.backup}' (tar files: unpacked, before 18)"
    if reading.kind == "plain":
        return f"tail -n 3 '{reading.backup}'"
    return f"pg_restore -f /dev/null -- '{reading.backup}'; echo $?"


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_NIGHT = _NOON - timedelta(hours=10)
READING = BackupReading(
    observed_at=_NOON,
    backup="shop-2026-03-01.dump",
    kind="custom",
    size_bytes=40_000_000,
    made_at=_NIGHT,
    read_by="pg_restore of postgres (PostgreSQL) 17.10",
    whole=True,
    said="",
)


def _recovery(pace: float) -> Recovery:
    ends = (2.0, 5.0, 5.0 + 60.0 * pace, 5.0 + 60.0 * pace, 5.2 + 60.0 * pace)
    starts = (0.0, *ends)
    return Recovery(
        phases=(
            Phase(name="fetch", since_s=starts[0], until_s=ends[0]),
            Phase(name="start", since_s=starts[1], until_s=ends[1]),
            Phase(name="restore", since_s=starts[2], until_s=ends[2]),
            Phase(name="replay", since_s=starts[3], until_s=ends[3]),
            Phase(name="first_query", since_s=starts[4], until_s=ends[4]),
        ),
        wall_s=ends[-1],
    )


_ORDERS = TableSum(
    name="public.orders",
    source_rows=250_000,
    source_sha256="5f" * 32,
    restored_rows=250_000,
    restored_sha256="5f" * 32,
)
DRILL = RestoreDrill(
    observed_at=_NOON,
    backup=READING.backup,
    kind="custom",
    backup_bytes=READING.size_bytes,
    made_at=_NIGHT,
    server="postgres (PostgreSQL) 17.10",
    recoveries=(_recovery(1.0), _recovery(1.1), _recovery(0.95)),
    restored_bytes=380_000_000,
    database_bytes=400_000_000,
    error="",
    queried=True,
    tables=(_ORDERS, replace(_ORDERS, name="public.customers")),
    sums_from="backup",
    amcheck="clean",
    amcheck_said="",
    invalid=(),
    source_checksums=True,
)


JOB = BackupVerification(
    observed_at=_NOON,
    file="backup-verification.timer",
    means="timer",
    schedule="*-*-* 05:30:00",
    every_days=1.0,
    command="pg_restore --file=/dev/null /backup/shop-latest.dump",
    reads="full_read",
    result="succeeded",
    finished_at=_NOON - timedelta(hours=6),
    result_said="0",
)


def half(reading: BackupReading) -> BackupReading:
    """Keep the first half of the backup."""
    return reading.replace(whole=False, said="pg_restore: error: could not read from input file")


def stops(drill: RestoreDrill) -> RestoreDrill:
    """Stop the restore in the middle."""
    return drill.replace(
        error="pg_restore: error: could not uncompress data", queried=False, tables=()
    )


def loses_a_row(drill: RestoreDrill) -> RestoreDrill:
    """Restore one row less of the first table."""
    first, *rest = drill.tables
    fewer = replace(first, restored_rows=(first.source_rows or 0) - 1, restored_sha256="")
    return drill.replace(tables=(fewer, *rest))


def leaves_a_table_out(drill: RestoreDrill) -> RestoreDrill:
    """Restore all tables but the first."""
    first, *rest = drill.tables
    return drill.replace(tables=(replace(first, restored_rows=None, restored_sha256=""), *rest))


def damaged(drill: RestoreDrill) -> RestoreDrill:
    """Damage a page."""
    return drill.replace(amcheck="damaged", amcheck_said="heap table public.orders, block 4")


def nothing_in_it(drill: RestoreDrill) -> RestoreDrill:
    """Restore no table."""
    return drill.replace(tables=())


def verified_by_nothing(job: BackupVerification) -> BackupVerification:
    """Let the job read no backup."""
    return job.replace(reads="nothing", command="/bin/true")


def last_verification_failed(job: BackupVerification) -> BackupVerification:
    """Let the last run have failed."""
    return job.replace(result="failed", result_said="1")


CHECK = Check(
    (restored, readable, automated),
    remedy="Restore the newest backup somewhere else every week, and compare the rows; after "
    "each backup read it to its end with pg_restore -f /dev/null or pg_verifybackup.",
    references=(
        "PostgreSQL manual, pg_restore and pg_verifybackup",
        "PostgreSQL manual, pg_amcheck",
        "NIST SP 800-34 rev. 1, 3.4.1: backups are tested",
    ),
    good=(READING, DRILL, JOB),
    worsen=(
        half,
        stops,
        loses_a_row,
        leaves_a_table_out,
        damaged,
        nothing_in_it,
        verified_by_nothing,
        last_verification_failed,
    ),
    thresholds={
        "restored": "no error, equal rows, pg_amcheck clean; 30 days (default)",
        "readable_end_to_end": "the tool's exit status 0, and the end mark of plain dumps",
        "automated": "at least weekly, the last run successful",
    },
)
