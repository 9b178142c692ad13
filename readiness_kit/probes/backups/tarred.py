"""Base backups in tar format: ``base.tar``, ``pg_wal.tar``, one for each tablespace, a manifest.

Read to the last byte, each file compared with ``backup_manifest``, without unpacking anything onto
a disk: before PostgreSQL 18, pg_verifybackup reads no tar files.
"""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from readiness_kit.probes.backups.packed import Damaged, unpacked

PACKED_AS = "(?:\\.(?:gz|tgz|zst|lz4|bz2|xz))?"

END_BYTES = 1024
"""Two empty blocks end an archive (POSIX, pax)."""

_TAR = re.compile(rf"(base|pg_wal|\d+)\.tar{PACKED_AS}")
_CHUNK = 1 << 20


class Tar(NamedTuple):
    """One of the archives that make a backup."""

    path: Path
    name: str
    """``base``, ``pg_wal``, or a tablespace's number."""

    @property
    def is_base(self) -> bool:
        """Whether it holds the data directory."""
        return self.name == "base"

    @property
    def is_wal(self) -> bool:
        """Whether it holds WAL."""
        return self.name == "pg_wal"

    @property
    def is_tablespace(self) -> bool:
        """Whether it holds a tablespace."""
        return self.name.isdigit()

    def within(self, name: str) -> str:
        """Return the path, in the data directory, of what is called *name* in here."""
        above = "" if self.is_base else "pg_wal/" if self.is_wal else f"pg_tblspc/{self.name}/"
        return above + name.removeprefix("./")


def tars(backup: Path) -> tuple[Tar, ...]:
    """Return the archives in the folder *backup*, that of the data directory first.

    Raises:
        OSError: It cannot be read.

    """
    names = sorted(backup.iterdir(), key=lambda one: (not one.name.startswith("base"), one.name))
    return tuple(Tar(one, found[1]) for one in names if (found := _TAR.fullmatch(one.name)))


def is_tarred(backup: Path) -> bool:
    """Tell whether *backup* is a folder with a base backup in tar format."""
    return backup.is_dir() and any(one.is_base for one in tars(backup))


def members(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, "Content | None"]]:
    """Yield what an archive holds, files with their content, which must be read at once.

    Raises:
        Damaged: It breaks off, or is no archive.

    """
    watched = _Tail(stream)
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", watched), mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                yield member, None if content is None else Content(content)
    except tarfile.TarError as error:
        raise Damaged(str(error)) from error
    while watched.read(_CHUNK):
        pass
    if watched.tail != bytes(END_BYTES):  # tarfile takes any end for the end
        raise Damaged(f"the archive breaks off after {watched.size} bytes")


class Content:
    """What one file of an archive holds."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read from *file*."""
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* bytes; none at the end.

        Raises:
            Damaged: The archive breaks off.

        """
        try:
            return self._file.read(size)
        except tarfile.TarError as error:
            raise Damaged(str(error)) from error


class _Tail:
    """A stream of which the last bytes are kept."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.tail = b""
        self.size = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.size += len(data)
        self.tail = (self.tail + data[-END_BYTES:])[-END_BYTES:]
        return data


def label(backup: Path) -> str:
    """Return the ``backup_label`` in the archive of the data directory; else nothing.

    Raises:
        OSError: It cannot be read.
        Damaged: It breaks off before.

    """
    base = next(one for one in tars(backup) if one.is_base)
    with unpacked(base.path) as stream:
        for member, content in members(stream):
            if member.name.removeprefix("./") == "backup_label" and content is not None:
                return content.read(_CHUNK).decode(errors="replace")
    return ""
