"""Backup schedule: full every day, changes every hour, and the WAL in between without a gap.

>>> CHECK.shows()
{'daily_full': 'PASS', 'hourly_incremental': 'PASS', 'transaction_log': 'PASS'}
>>> CHECK.shows(a_day_missed(FOLDER))["daily_full"], CHECK.shows(gap(WAL))["transaction_log"]
('FAIL', 'FAIL')
>>> CHECK.shows(WAL.replace(base=""))["transaction_log"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise

from readiness_kit.checks.database.backup_strategy import (
    AHEAD,
    FOLDER,
    NEWEST,
    TOO_MANY,
    not_listed_to_the_end,
    nothing_there,
)
from readiness_kit.checks.disaster_recovery.objectives import (
    ARCHIVING,
    command_fails,
    lag_s,
    queue_grows,
    says_so_only,
)
from readiness_kit.facts.backups.folder import BackupFolder
from readiness_kit.facts.wal.archive import WalArchive
from readiness_kit.facts.wal.archiver import PostgresArchiving
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

DAYS = 7
HOURS = 24
LATE_S = 900.0
"""A quarter of an hour: the most that may be unsaved at any time."""


@judges("daily_full")
def daily_full(folder: BackupFolder) -> Iterator[Finding]:
    """Each of the last seven days has its full, successful backup."""
    times = sorted(_times(folder, full=True), reverse=True)
    missed = list(_missed(times))
    since = (folder.observed_at - times[-1]).days if times else 0
    this = Case(
        claim="daily_full",
        got=f"{len(times)} full and successful backups, the first {since} days ago; "
        f"missed: {', '.join(day.isoformat() for day in missed) or 'no day'}",
        want=f"one on each of {DAYS} days",
        seen=[folder.at("/backups"), folder.at("/observed_at")],
        reproduce=folder.reproduce(),
        grade=Grade.OBSERVED,
    )
    if folder.truncated:
        yield this.not_seen(Cause.COULD_NOT_ASK, TOO_MANY)
    elif not times or folder.observed_at - times[0] > NEWEST:
        yield this.fails("the newest is older than a day")
    elif missed and missed[0] > times[-1].date():
        yield this.fails("find out why it failed, and alert when the mark of success is late")
    elif missed:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "keep backups for eight days at least")
    else:
        yield this.holds()


@judges("hourly_incremental")
def hourly(folder: BackupFolder, archiving: PostgresArchiving) -> Iterator[Finding]:
    """Changes are saved hour by hour: by backups, or all the time as WAL."""
    ages = [(folder.observed_at - one) / timedelta(hours=1) for one in _times(folder, full=False)]
    hours = {int(age) for age in ages if 0 <= age < HOURS}
    late_s = lag_s(archiving)
    this = Case(
        claim="hourly_incremental",
        got=f"backups in {len(hours)} of {HOURS} hours; archive_mode {archiving.archive_mode}, "
        f"lag {'not seen' if late_s is None else f'{late_s:.0f} s'}",
        want=f"each of {HOURS} hours, or WAL archived within {LATE_S:g} s",
        seen=[folder.at("/backups"), archiving.at("/oldest_waiting_age_s")],
        reproduce='psql "$READINESS_DB_DSN" -c "SELECT * FROM pg_stat_archiver"',
        grade=Grade.OBSERVED,
    )
    if len(hours) == HOURS and not folder.truncated:
        yield this.holds()
    elif fault := _fault(archiving, late_s):
        yield this.fails(fault)
    elif cause := _unseen(archiving, late_s):
        yield this.not_seen(*cause)
    else:
        yield this.holds()


@judges("transaction_log")
def transaction_log(wal: WalArchive, archiving: PostgresArchiving) -> Iterator[Finding]:
    """Every segment from a base backup to now lies in the archive."""
    late_s = lag_s(archiving)
    gaps = [*wal.histories_missing, *wal.missing]
    this = Case(
        claim="transaction_log",
        got=f"{wal.segments} segments; from {wal.base or 'no base backup'} "
        f"({wal.base_known_by or 'none known'}) to {wal.newest or 'nothing'}: {wal.followed} "
        f"wanted, {wal.missing_count} missing {', '.join(gaps[:3])}".rstrip()
        + f"; lag {'not seen' if late_s is None else f'{late_s:.0f} s'}",
        want=f"no gap from a base backup on, and at most {LATE_S:g} s behind",
        seen=[wal.at("/base"), wal.at("/missing"), archiving.at("/oldest_waiting_age_s")],
        reproduce=f"{wal.listed_by or f'ls {wal.directory}'}; "
        "pg_archivecleanup -n shows what precedes a segment",
        grade=Grade.OBSERVED,
    )
    if gaps or wal.missing_count > 0:
        yield this.fails("take a base backup now: no recovery gets past the gap")
    elif fault := _fault(archiving, late_s):
        yield this.fails(fault)
    elif not wal.base:
        yield this.not_seen(Cause.UNPROVEN, "no base backup is known that this WAL leads on from")
    elif not wal.newest or wal.followed <= 0 or wal.segments <= 0:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "nothing was archived yet: pg_switch_wal()")
    elif cause := _unseen(archiving, late_s):
        yield this.not_seen(*cause)
    else:
        yield this.holds()


def _fault(archiving: PostgresArchiving, late_s: float | None) -> str:
    """Return what is wrong with the archiving, or nothing."""
    if archiving.archive_mode not in {"on", "always"}:
        return "archive_mode is off (manual 25.3)"
    if archiving.failing or archiving.last_in_archive is False:
        return "archive_command fails, or says it archived what is not in the archive"
    return "" if late_s is None or late_s <= LATE_S else "WAL waits for its archiving"


def _unseen(archiving: PostgresArchiving, late_s: float | None) -> tuple[Cause, str] | None:
    """Return why it is not known whether the archiving keeps up."""
    if late_s is None or archiving.archived_count <= 0:
        return Cause.TOO_FEW_SAMPLES, "nothing was archived yet: pg_switch_wal()"
    if archiving.last_in_archive is None:
        return Cause.UNPROVEN, "name the archive in backups.wal_archive"
    return None


def _times(folder: BackupFolder, *, full: bool) -> Iterator[datetime]:
    """Yield when the successful backups were made, none of them in the future."""
    for one in folder.backups:
        past = one.made_at <= folder.observed_at + AHEAD
        if one.marked and one.size_bytes > 0 and past and (one.full or not full):
            yield one.made_at


def _missed(times: list[datetime]) -> Iterator[date]:
    """Yield the days without a backup, of the seven up to the newest, the latest first.

    A day between two backups that are no more than 26 hours apart was not missed.
    """
    days = {one.date() for one in times}
    close = [(old, new) for new, old in pairwise(times) if new - old <= NEWEST]
    for back in range(DAYS if times else 0):
        day = times[0].date() - timedelta(days=back)
        spanned = any(old.date() < day < new.date() for old, new in close)
        if day not in days and not spanned:
            yield day


WAL = WalArchive(
    observed_at=FOLDER.observed_at,
    directory="/backup/wal",
    segment_bytes=16 * 1024**2,
    segments=120,
    newest="000000010000000000000078",
    base="000000010000000000000010",
    base_known_by="a base backup in the backup folder",
    followed=105,
    missing=(),
    missing_count=0,
    histories_missing=(),
)


def a_day_missed(folder: BackupFolder) -> BackupFolder:
    """Lose the backups of the last few days but the newest."""
    newest = max(folder.backups, key=lambda one: one.made_at)
    lost = newest.made_at - timedelta(days=4)
    kept = (one for one in folder.backups if one is newest or one.made_at < lost)
    return folder.replace(backups=tuple(kept))


def gap(wal: WalArchive) -> WalArchive:
    """Lose a segment in the middle."""
    return wal.replace(missing=("000000010000000000000042",), missing_count=1)


def base_forgotten(wal: WalArchive) -> WalArchive:
    """Know of no base backup."""
    return wal.replace(base="", base_known_by="", followed=0)


CHECK = Check(
    (daily_full, hourly, transaction_log),
    remedy="Run the full backup every day and keep eight of them; archive WAL all the time with "
    "archive_timeout of a minute, and take a new base backup as soon as a segment is lost.",
    references=(
        "PostgreSQL manual 25.3, Continuous Archiving and Point-in-Time Recovery",
        "PostgreSQL manual 25.3.6, Timelines",
    ),
    good=(FOLDER, ARCHIVING, WAL),
    worsen=(
        a_day_missed,
        not_listed_to_the_end,
        nothing_there,
        queue_grows,
        command_fails,
        says_so_only,
        gap,
        base_forgotten,
    ),
    thresholds={
        "daily_full": "7 of 7 days (checklist)",
        "hourly_incremental": "24 of 24 hours, or WAL within 15 min",
        "transaction_log": "no gap, at most 15 min behind",
    },
)
