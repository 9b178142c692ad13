"""The ``backup_manifest`` of a base backup, and a backup in tar format compared with it.

What pg_verifybackup does for an unpacked one: each file there, of its size and checksum, and none
besides; the manifest's own checksum; and WAL for the range that the manifest names.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.crc32c import Crc32c
from readiness_kit.probes.backups.packed import Damaged, unpacked
from readiness_kit.probes.backups.tarred import Content, members, tars
from readiness_kit.probes.database.tools import Done
from readiness_kit.sources import Visit

NAME = "backup_manifest"

UNLISTED = frozenset(
    {NAME, "postgresql.auto.conf", "standby.signal", "recovery.signal", "tablespace_map"}
)
"""Files that may differ from the manifest, or that it does not list."""

_CHUNK = 1 << 20
_SEGMENT = re.compile(r"pg_wal/[0-9A-F]{24}")


class Listed(msgspec.Struct, frozen=True, rename="pascal"):
    """One file of the backup."""

    size: int
    path: str = ""
    encoded_path: str = msgspec.field(name="Encoded-Path", default="")
    algorithm: str = msgspec.field(name="Checksum-Algorithm", default="NONE")
    checksum: str = ""

    @property
    def name(self) -> str:
        """Its path, also where that is no text."""
        return self.path or bytes.fromhex(self.encoded_path).decode(errors="surrogateescape")


class Manifest(msgspec.Struct, frozen=True, rename="pascal"):
    """What a backup consists of."""

    files: tuple[Listed, ...]
    checksum: str = msgspec.field(name="Manifest-Checksum", default="")

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(one.size for one in self.files)


class Sum(Protocol):
    """A checksum under way."""

    def update(self, data: bytes, /) -> None:
        """Read on."""

    def hexdigest(self) -> str:
        """Return it."""


def manifest(backup: Path) -> Manifest:
    """Return the manifest in the folder *backup*.

    Raises:
        NotSeen: There is none, or it cannot be read.
        Damaged: It is no manifest, or not as it was written.

    """
    try:
        text = (backup / NAME).read_bytes()
    except FileNotFoundError as error:
        raise NotSeen(
            f"{backup.name} has no {NAME}: there is nothing to compare it with",
            hint="take base backups without --no-manifest",
        ) from error
    except OSError as error:
        raise NotSeen(f"{backup / NAME} cannot be read: {error.strerror}") from error
    try:
        found = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{NAME}: {error}") from error
    covered = text[: text.rstrip(b"\n").rfind(b"\n") + 1]
    if hashlib.sha256(covered).hexdigest() != found.checksum.lower():
        raise Damaged(f"{NAME} does not have its own checksum")
    return found


def size_by_manifest(backup: Path) -> int:
    """Return how many bytes the files of *backup* have when unpacked; 0 where nothing says so."""
    try:
        return manifest(backup).bytes
    except (NotSeen, Damaged):
        return 0


def compare_tarred(visit: Visit, backup: Path) -> Done:
    """Read each archive of *backup* to its end, and compare what it holds with the manifest.

    Raises:
        NotSeen: There is no manifest, or something cannot be read or unpacked here.

    """
    try:
        wanted = {one.name: one for one in manifest(backup).files}
        segments = 0
        for name, content in _files(visit, backup):
            segments += _SEGMENT.fullmatch(name) is not None
            _demand_same(visit, name, wanted.pop(name, None), content)
    except Damaged as error:
        return Done(1, f"error: {error.message}")
    except OSError as error:
        raise NotSeen(f"{backup} cannot be read: {error.strerror}") from error
    if missing := sorted(wanted.keys() - UNLISTED):
        return Done(1, f"error: {missing[0]} is missing, and {len(missing) - 1} files more")
    if not segments and not _archived(visit):
        return Done(1, "error: it holds no WAL, and readiness.yaml names no archive that has it")
    return Done(0, "")


def _files(visit: Visit, backup: Path) -> Iterator[tuple[str, Content]]:
    for tar in tars(backup):
        with unpacked(tar.path) as stream:
            try:
                for member, content in members(stream):
                    _ = visit.remaining_s
                    if content is not None:
                        yield tar.within(member.name), content
            except Damaged as error:
                raise Damaged(f"{tar.path.name}: {error.message}") from error


def _demand_same(visit: Visit, name: str, listed: Listed | None, content: Content) -> None:
    if name in UNLISTED or (listed is None and name.startswith("pg_wal/")):
        return
    if listed is None:
        raise Damaged(f"{name} is not in the manifest")
    known, size = _sum(listed.algorithm), 0
    while chunk := content.read(_CHUNK):
        _ = visit.remaining_s
        size += len(chunk)
        if known is not None:
            known.update(chunk)
    if size != listed.size:
        raise Damaged(f"{name} has {size} bytes, and had {listed.size}")
    if known is not None and known.hexdigest() != listed.checksum.lower():
        raise Damaged(f"{name} does not have its checksum")


def _sum(algorithm: str) -> Sum | None:
    if algorithm == "CRC32C":
        return Crc32c()
    if algorithm in ("SHA224", "SHA256", "SHA384", "SHA512"):
        return hashlib.new(algorithm.lower())
    return None


def _archived(visit: Visit) -> bool:
    backups = visit.target.backups
    if backups is None:
        return False
    return bool(backups.wal_archive or (backups.bucket and backups.bucket.wal_url))
