"""WAL out of an archive, brought to where a recovering copy may take it.

Names are those that PostgreSQL asks for; tools add a checksum, or what packed it. What a file is,
its first bytes say.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from readiness_kit.drills.scratch import own_all
from readiness_kit.errors import NotSeen, ServerError
from readiness_kit.probes.backups.packed import Damaged, unpacked
from readiness_kit.servers.postgres import Postgres
from readiness_kit.sources import Visit

NAME = re.compile(
    r"([0-9A-F]{24}|[0-9A-F]{8}\.history)(?:-[0-9a-f]{40})?"
    r"(?:\.(?:gz|bz2|xz|zst|lz4|lzo|br|gpg|pgp|enc|age|aes))*"
)
"""Names in an archive that recovery asks for, and what tools add to them."""

FOLDER = re.compile(r"[0-9A-F]{16}")
"""A folder for each 4 GB of WAL, as pgBackRest keeps them."""

TIMELINE = 8
"""Characters of a segment's name that say its timeline."""

LONGEST_BYTES = 1 << 30
"""Largest segment there is (initdb --wal-segsize)."""

WAL_PAGES = range(0xD0, 0xD3)
"""Upper byte of the magic that each WAL page begins with: 0xD116 is PostgreSQL 17."""

POLL_S = 0.02

SETTLED_S = 1.0
"""For how long a file must not have been written to: it may be on its way into the archive."""

SETTLES_S = 30.0
"""Longest wait for that."""

_CHUNK = 1 << 20


def fetch_wal(visit: Visit, postgres: Postgres, archive: Path, since: str) -> Path:
    """Copy what lies in *archive* from the segment *since* on, unpacked; return the folder.

    Raises:
        NotSeen: It cannot be read, or nothing here unpacks it.
        ServerError: A file in it is damaged.

    """
    folder = postgres.folder("wal")
    try:
        for path, name in _wanted(archive, since):
            _settle(visit, path)
            bring(path, folder / name)
    except OSError as error:
        raise NotSeen(
            f"{archive} cannot be read: {error}", hint="give the kit's user access"
        ) from error
    own_all(postgres.account, folder)
    return folder


def _settle(visit: Visit, path: Path) -> None:
    """Wait until whoever writes *path* has finished."""
    began = time.monotonic()
    while time.monotonic() - began < min(SETTLES_S, visit.remaining_s):
        if not 0 <= time.time() - path.stat().st_mtime < SETTLED_S:
            return
        time.sleep(POLL_S)


def bring(path: Path, target: Path) -> None:
    """Write what *path* holds to *target*, unpacked.

    Raises:
        NotSeen: It is nothing that is known here.
        ServerError: It is damaged.
        OSError: It cannot be read, or *target* not be written.

    """
    try:
        with unpacked(path) as stream, target.open("wb") as file:
            for chunk in _wal(stream, path.name, target.name):
                file.write(chunk)
    except Damaged as error:
        raise ServerError(f"{path.name} in the archive is damaged: {error.message}") from error


def _wal(stream: IO[bytes], name: str, wanted: str) -> Iterator[bytes]:
    seen = 0
    while chunk := stream.read(_CHUNK):
        if not seen and not _is_known(chunk, wanted):
            raise NotSeen(
                f"{name} in the archive is no WAL, or packed or encrypted by something unknown",
                hint="known are plain files, gzip, bzip2, xz, zstd and lz4",
            )
        seen += len(chunk)
        if seen > LONGEST_BYTES:
            raise Damaged(f"it holds more than {LONGEST_BYTES} bytes")
        yield chunk


def _is_known(head: bytes, name: str) -> bool:
    return name.endswith(".history") or (len(head) > 1 and head[1] in WAL_PAGES)


def _wanted(archive: Path, since: str) -> Iterator[tuple[Path, str]]:
    for path in _files(archive):
        if found := NAME.fullmatch(path.name):
            name = found[1]
            if name.endswith(".history") or name[TIMELINE:] >= since[TIMELINE:]:
                yield path, name


def _files(archive: Path) -> Iterator[Path]:
    for path in archive.iterdir():
        if FOLDER.fullmatch(path.name) and path.is_dir():
            yield from path.iterdir()
        else:
            yield path


def await_archived(visit: Visit, archive: Path, segment: str, timeout_s: float) -> float | None:
    """Wait until *segment* lies in *archive*; return the seconds it took, or ``None``."""
    began = time.monotonic()
    while time.monotonic() - began < min(timeout_s, visit.remaining_s):
        if _is_there(archive, segment):
            return round(time.monotonic() - began, 3)
        time.sleep(POLL_S)
    return None


def _is_there(archive: Path, segment: str) -> bool:
    found = (*archive.glob(f"{segment}*"), *archive.glob(f"{segment[:16]}/{segment}*"))
    return any((name := NAME.fullmatch(one.name)) and name[1] == segment for one in found)
