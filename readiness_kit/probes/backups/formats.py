"""Tell encrypted files from plain ones by their first bytes."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from readiness_kit.facts.storage.encryption import ArchiveFiles

Form = Literal["encrypted", "plain", "unknown"]

FILES_CAP = 20_000
HEAD_BYTES = 600
NAMES_SHOWN = 5

ENCRYPTED = (
    b"age-encryption.org/v1",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"Salted__",
)
"""age, its armour, armoured OpenPGP, OpenSSL's ``enc`` and pgBackRest."""

PLAIN = (
    b"PGDMP",
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"\xfd7zXZ\x00",
    b"BZh",
    b"PK\x03\x04",
    b"--\n-- PostgreSQL database",
    b"[backrest]",
    b"[backup]",
    b"[db]",
    b"{",
)
"""pg_dump's own form, gzip, zstd, lz4, xz, bzip2, zip, plain SQL, pgBackRest's notes, manifests."""

_TAR_AT = 257
_TAR = b"ustar"
_WAL_PAGES = range(0xD0, 0xD3)
"""Upper byte of the magic of a WAL page: 0xD116 is PostgreSQL 17."""

_PGP_KEY, _PGP_PASSWORD = 1, 3
"""Packets that an encrypted OpenPGP message begins with (RFC 9580 5): for a key, for a password."""

_VERSIONS = {_PGP_KEY: {3, 6}, _PGP_PASSWORD: {4, 5, 6}}


def form_of(head: bytes) -> Form:
    r"""Return the form of a file that begins with *head*.

    >>> form_of(b"age-encryption.org/v1\n-> X25519"), form_of(b"PGDMP\x01"), form_of(b"")
    ('encrypted', 'plain', 'unknown')
    """
    if head.startswith(ENCRYPTED) or _is_openpgp(head):
        return "encrypted"
    tar = head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR
    wal = len(head) > 1 and head[1] in _WAL_PAGES and head[0] != 0
    sql = head.lstrip().startswith((b"--", b"SET ", b"CREATE ", b"START WAL LOCATION", b"INSERT "))
    return "plain" if head.startswith(PLAIN) or tar or wal or sql else "unknown"


def _is_openpgp(head: bytes) -> bool:
    """Tell whether *head* is the packet header of an encrypted session key, version included."""
    if len(head) < 6 or not head[0] & 0x80:
        return False
    if head[0] & 0x40:  # the new format
        kind, length = head[0] & 0x3F, 1 if head[1] < 192 else 2 if head[1] < 224 else 5
    else:
        kind, length = (head[0] >> 2) & 0xF, (1, 2, 4, 0)[head[0] & 3]
    return head[1 + length] in _VERSIONS.get(kind, set())


def look(
    holds: Literal["backups", "wal_archive"], paths: Iterable[Path], ignore: frozenset[str]
) -> ArchiveFiles:
    """Return the forms of all files in *paths*, those with a name in *ignore* apart."""
    counts: dict[str, int] = {"encrypted": 0, "plain": 0, "unknown": 0, "unread": 0}
    names: list[str] = []
    for seen, file in enumerate(_files(paths)):
        if file.name in ignore:
            continue
        form = _form(file) if seen < FILES_CAP else "unread"
        counts[form] += 1
        if form == "plain" and len(names) < NAMES_SHOWN:
            names.append(file.name)
    return ArchiveFiles(holds=holds, plain_names=tuple(names), **counts)


def _form(file: Path) -> Form | Literal["unread"]:
    try:
        with file.open("rb") as stream:
            return form_of(stream.read(HEAD_BYTES))
    except OSError:
        return "unread"


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            for folder, below, names in os.walk(path):
                below.sort()
                yield from (Path(folder, name) for name in sorted(names))
        else:
            yield path
