"""Follow the archived WAL from a base backup to its newest segment, over every change of timeline.

A segment's name is timeline, and high and low part of its number, eight hexadecimal digits each
(PostgreSQL, src/include/access/xlog_internal.h). Tools add a checksum, or what packed it.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import NotSeen
from readiness_kit.facts.backups import WalArchive
from readiness_kit.probes.postgres_session import Sql, parameters, session
from readiness_kit.sources import Visit, source

SHOWN = 10
LONGEST_CHAIN = 1_000_000

_SEGMENT = re.compile(
    r"(?P<name>[0-9A-F]{24})(-[0-9a-f]{40})?"
    r"(?P<packed>(\.(gz|bz2|xz|zst|lz4|lzo|br|gpg|pgp|enc|age|aes))*)"
)
_HISTORY = re.compile(r"(?P<timeline>[0-9A-F]{8})\.history(-[0-9a-f]{40})?(\.\w+)*")
_BASE = re.compile(r"(?P<name>[0-9A-F]{24})\.[0-9A-F]{8}\.backup(-[0-9a-f]{40})?(\.\w+)*")


class Segment(NamedTuple):
    """Timeline and number of a segment."""

    timeline: int
    number: int

    @classmethod
    def of(cls, name: str, per_part: int) -> "Segment":
        """Return the segment called *name*, of which *per_part* make 4 GB."""
        number = int(name[8:16], 16) * per_part + int(name[16:24], 16)
        return cls(int(name[:8], 16), number)

    def name(self, per_part: int) -> str:
        """Return its name."""
        high, low = divmod(self.number, per_part)
        return f"{self.timeline:08X}{high:08X}{low:08X}"


class Switch(NamedTuple):
    """Where a timeline was left: at this segment, of which the next timeline has its own copy."""

    timeline: int
    number: int


class Found(NamedTuple):
    """What lies in the archive."""

    segments: frozenset[Segment]
    histories: dict[int, tuple[Switch, ...]]
    bases: tuple[Segment, ...]


@source(effect="read", asks="no request: lists the WAL archive; 1 SQL statement", deadline_s=30)
def wal_archive(visit: Visit) -> WalArchive:
    """List the archive, and follow the chain from the newest base backup.

    Raises:
        NotSeen: No archive is declared, or it cannot be read.

    """
    declared = visit.target.backups
    if declared is None or declared.wal_archive is None:
        raise NotSeen(
            "readiness.yaml names no WAL archive",
            cause="not_configured",
            hint="add backups.wal_archive",
        )
    with session(visit, parameters(visit.database.dsn)) as database:
        segment_bytes = int(database.row(Sql.ARCHIVER)["segment_bytes"])
    per_part = 2**32 // segment_bytes
    try:
        found = look(declared.wal_archive, segment_bytes)
        kept = list(_kept_bases(declared.directory, per_part))
    except OSError as error:
        raise NotSeen(f"{declared.wal_archive} cannot be read: {error.strerror}") from error
    newest = max(found.segments, default=None)
    base = max(kept or found.bases, key=lambda one: (one.number, one.timeline), default=None)
    chain = follow(found, base, newest) if base and newest else Chain((), ())
    missing = [one.name(per_part) for one in chain.wanted if one not in found.segments]
    return WalArchive(
        observed_at=datetime.now(UTC),
        directory=str(declared.wal_archive),
        segment_bytes=segment_bytes,
        segments=len(found.segments),
        newest=newest.name(per_part) if newest else "",
        base=base.name(per_part) if base else "",
        base_known_by=_told_by(kept, found.bases),
        followed=len(chain.wanted),
        missing=tuple(missing[:SHOWN]),
        missing_count=len(missing),
        histories_missing=chain.histories_missing,
    )


class Chain(NamedTuple):
    """The segments that a recovery needs, and history files it lacks."""

    wanted: tuple[Segment, ...]
    histories_missing: tuple[str, ...]


def follow(found: Found, base: Segment, newest: Segment) -> Chain:
    """Return what a recovery from *base* to *newest* needs.

    >>> found = Found(frozenset(), {2: (Switch(1, 5),)}, ())
    >>> [tuple(one) for one in follow(found, Segment(1, 4), Segment(2, 6)).wanted]
    [(1, 4), (2, 5), (2, 6)]
    """
    if newest.timeline == base.timeline:
        switches: tuple[Switch, ...] = ()
    elif newest.timeline in found.histories:
        switches = found.histories[newest.timeline]
    else:
        return Chain((base, newest), (f"{newest.timeline:08X}.history",))
    numbers = range(base.number, min(newest.number, base.number + LONGEST_CHAIN) + 1)
    wanted = tuple(Segment(_timeline(number, switches, newest), number) for number in numbers)
    return Chain(wanted or (base, newest), ())


def _timeline(number: int, switches: tuple[Switch, ...], newest: Segment) -> int:
    """Return the timeline whose copy of segment *number* leads on to the newest one."""
    left = (one.timeline for one in switches if number < one.number)
    return next(left, newest.timeline)


def look(archive: Path, segment_bytes: int) -> Found:
    """Return what lies in *archive*, flat or as pgBackRest keeps it: in a folder for each 4 GB.

    Raises:
        OSError: It cannot be read.

    """
    per_part = 2**32 // segment_bytes
    segments, bases = set(), []
    histories: dict[int, tuple[Switch, ...]] = {}
    for path in _files(archive):
        if segment := _SEGMENT.fullmatch(path.name):
            size = path.stat().st_size
            if size == segment_bytes or (size and path.name != segment["name"]):
                segments.add(Segment.of(segment["name"], per_part))
        elif history := _HISTORY.fullmatch(path.name):
            histories[int(history["timeline"], 16)] = tuple(_switches(path, segment_bytes))
        elif base := _BASE.fullmatch(path.name):
            bases.append(Segment.of(base["name"], per_part))
    return Found(frozenset(segments), histories, tuple(bases))


def _files(archive: Path) -> Iterator[Path]:
    for path in archive.iterdir():
        if path.is_file():
            yield path
        elif path.is_dir() and re.fullmatch(r"[0-9A-F]{16}", path.name):
            yield from (one for one in path.iterdir() if one.is_file())


def _switches(history: Path, segment_bytes: int) -> Iterator[Switch]:
    """Yield the timelines before; a packed file tells none, and so shows a gap."""
    for line in history.read_text(encoding="utf-8", errors="replace").splitlines():
        if found := re.match(r"\s*(\d+)\s+([0-9A-F]+)/([0-9A-F]+)", line):
            position = (int(found[2], 16) << 32) + int(found[3], 16)
            yield Switch(int(found[1]), position // segment_bytes)


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


def _told_by(kept: list[Segment], bases: tuple[Segment, ...]) -> str:
    if kept:
        return "a base backup in the backup folder"
    return "a backup history file in the archive" if bases else ""
