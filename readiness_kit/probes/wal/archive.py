"""Follow the archived WAL from a base backup to its newest segment, over changes of timeline."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from readiness_kit.errors import NotSeen
from readiness_kit.facts.wal.archive import WalArchive
from readiness_kit.probes.aws.s3 import PAGES, S3
from readiness_kit.probes.backups import pgbackrest_facts
from readiness_kit.probes.backups.bucket import MANIFESTS
from readiness_kit.probes.backups.pgbackrest import Tool
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.database.wal_names import (
    Archive,
    Chain,
    Entry,
    Found,
    Segment,
    follow,
    sorted_out,
)
from readiness_kit.probes.wal.bucket import bases_in, in_bucket
from readiness_kit.sources import Visit, source
from readiness_kit.target import Backups

SHOWN = 10


@source(
    effect="read",
    asks="no request: lists the WAL archive; of a bucket at most "
    f"{2 * PAGES} lists and {2 * MANIFESTS + 1} manifests; 1 SQL statement",
    deadline_s=60,
)
def wal_archive(visit: Visit) -> WalArchive:
    """List the archive, and follow the chain from the newest base backup.

    Raises:
        NotSeen: No archive is declared, or it cannot be read.

    """
    declared = visit.target.backups
    bucket = declared.bucket if declared else None
    url = bucket.wal_url if bucket else None
    repository = declared.pgbackrest if declared else None
    if declared is None or not (declared.wal_archive or url or repository):
        raise NotSeen(
            "readiness.yaml names no WAL archive",
            cause="not_configured",
            hint="add backups.wal_archive, wal_url to backups.bucket, or backups.pgbackrest",
        )
    with session(visit, parameters(visit.database.dsn)) as database:
        told = database.rows(Sql.SETTINGS, names=["wal_segment_size"])
    sizes = (int(one["value"]) for one in told if one["name"] == "wal_segment_size")
    segment_bytes = next(sizes, 0)
    if segment_bytes <= 0:
        raise NotSeen("the server does not tell wal_segment_size")
    per_part = 2**32 // segment_bytes
    archive = _looked_at(visit, declared, segment_bytes)
    found, kept = archive.found, archive.bases
    newest = max(found.segments, default=None)
    base = max(kept or found.bases, key=lambda one: (one.number, one.timeline), default=None)
    chain = follow(found, base, newest) if base and newest else Chain((), ())
    missing = [one.name(per_part) for one in chain.wanted if one not in found.segments]
    for one in chain.wanted:
        if one in archive.frozen:
            name = one.name(per_part)
            raise NotSeen(f"{name} lies in {archive.frozen[one]}, and cannot be read for hours")
    return WalArchive(
        observed_at=datetime.now(UTC),
        directory=archive.where,
        segment_bytes=segment_bytes,
        segments=len(found.segments),
        newest=newest.name(per_part) if newest else "",
        base=base.name(per_part) if base else "",
        base_known_by=_told_by(kept, found.bases),
        followed=len(chain.wanted),
        missing=tuple(missing[:SHOWN]),
        missing_count=len(missing),
        histories_missing=chain.histories_missing,
        listed_by=archive.listed_by,
    )


def _looked_at(visit: Visit, declared: Backups, segment_bytes: int) -> Archive:
    per_part, bucket = 2**32 // segment_bytes, declared.bucket
    if bucket is not None and bucket.wal_url is not None:
        return in_bucket(visit, declared, bucket, segment_bytes)
    if declared.pgbackrest is not None:
        return pgbackrest_facts.archive(Tool(visit, declared.pgbackrest), segment_bytes)
    folder = declared.wal_archive or Path()
    try:
        found = look(folder, segment_bytes)
        bases = tuple(_kept_bases(declared.directory, per_part)) if declared.directory else ()
    except OSError as error:
        raise NotSeen(f"{folder} cannot be read: {error.strerror}") from error
    if bucket is not None:
        bases = bases_in(S3(visit, bucket, bucket.url), declared, per_part)
    return Archive(str(folder), found, bases)


def look(archive: Path, segment_bytes: int) -> Found:
    """Return what lies in *archive*, flat or as pgBackRest keeps it: in a folder for each 4 GB.

    Raises:
        OSError: It cannot be read.

    """
    entries = (Entry(one.name, one.stat().st_size, partial(_text, one)) for one in _files(archive))
    return sorted_out(entries, segment_bytes)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _files(archive: Path) -> Iterator[Path]:
    for path in archive.iterdir():
        if path.is_file():
            yield path
        elif path.is_dir() and re.fullmatch(r"[0-9A-F]{16}", path.name):
            yield from (one for one in path.iterdir() if one.is_file())


def _kept_bases(directory: Path, per_part: int) -> Iterator[Segment]:
    """Yield the segments that the base backups in the backup folder begin with."""
    size = 2**32 // per_part
    for manifest in directory.glob("*/backup_manifest"):
        try:
            ranges = json.loads(manifest.read_bytes())["WAL-Ranges"]
            first = min(ranges, key=lambda one: int(one["Timeline"]))
            high, low = (int(part, 16) for part in str(first["Start-LSN"]).split("/"))
            yield Segment(int(first["Timeline"]), ((high << 32) + low) // size)
        except (ValueError, KeyError, TypeError):
            continue
    for info in directory.glob("backup/*/backup.info"):
        for name in re.findall(
            r'"backup-archive-start":"([0-9A-F]{24})"', info.read_text(encoding="utf-8")
        ):
            yield Segment.of(name, per_part)


def _told_by(kept: tuple[Segment, ...], bases: tuple[Segment, ...]) -> str:
    if kept:
        return "a base backup among the backups"
    return "a backup history file in the archive" if bases else ""
