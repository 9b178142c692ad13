"""Ask PostgreSQL how archiving fares, and look for the newest segment in the archive."""

from datetime import UTC, datetime
from pathlib import Path

from readiness_kit.errors import NotSeen
from readiness_kit.facts.wal.archiver import PostgresArchiving
from readiness_kit.probes.backups import pgbackrest_facts
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.database.wal_names import is_called
from readiness_kit.probes.wal.bucket import holds
from readiness_kit.sources import Visit, source
from readiness_kit.target import Backups


@source(
    effect="read",
    asks="1 SQL statement: the archiver and its queue; of a bucket with WAL at most 2 short lists",
    deadline_s=20,
)
def postgres_archiving(visit: Visit) -> PostgresArchiving:
    """Ask the primary how archiving fares, and look for its newest segment in the archive."""
    with session(visit, parameters(visit.database.dsn)) as primary:
        row = primary.row(Sql.ARCHIVER)
    backups = visit.target.backups
    last = row["last_archived_wal"]
    return PostgresArchiving(
        observed_at=datetime.now(UTC),
        archive_mode=row["archive_mode"],
        archive_timeout_s=row["archive_timeout_s"],
        archived_count=row["archived_count"],
        last_archived_wal=last,
        last_archived_age_s=row["last_archived_age_s"],
        failing=row["failing"],
        waiting=row["waiting"],
        oldest_waiting_age_s=row["oldest_waiting_age_s"],
        unarchived_bytes=_beyond(last, row["position"], row["segment_bytes"]),
        last_in_archive=_archived(visit, backups, last) if backups and last else None,
    )


def _beyond(last: str | None, position: int | None, segment_bytes: int) -> int | None:
    """Return how far the server has written beyond the segment named *last*.

    A segment's name is timeline, high and low part of its number, eight hexadecimal digits each
    (PostgreSQL, src/include/access/xlog_internal.h); a history file's name is no segment.
    """
    name, per_part = last or "", 2**32 // segment_bytes
    try:
        number = int(name[8:16], 16) * per_part + int(name[16:24], 16)
    except ValueError:
        return None
    return None if position is None else position - (number + 1) * segment_bytes


def _archived(visit: Visit, backups: Backups, name: str) -> bool | None:
    """Tell whether the declared archive holds the segment; ``None`` when that was not seen."""
    if backups.wal_archive is not None:
        return _in_archive(backups.wal_archive, name)
    if backups.bucket is not None and backups.bucket.wal_url is not None:
        return holds(visit, backups.bucket, name)
    if backups.pgbackrest is not None:
        return pgbackrest_facts.holds(visit, backups.pgbackrest, name)
    return None


def _in_archive(archive: Path, name: str) -> bool:
    """Tell whether *archive* holds the segment, compressed or not, flat or as pgBackRest does."""
    if not archive.is_dir():
        raise NotSeen(f"backups.wal_archive: {archive} is no folder", hint="correct the path")
    folders = (archive, archive / name[:16])
    found = (one for folder in folders for one in folder.glob(f"{name}*"))
    return any(is_called(one.name, name) and one.stat().st_size for one in found)
