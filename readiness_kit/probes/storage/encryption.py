"""Look below data, WAL, tablespaces and backups for a layer that encrypts."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import NotSeen
from readiness_kit.facts.storage.encryption import (
    ArchiveFiles,
    DeclaredStorage,
    EncryptionAtRest,
    Holds,
    StoredAt,
)
from readiness_kit.probes.aws.s3 import PAGES
from readiness_kit.probes.backups import pgbackrest_facts
from readiness_kit.probes.backups.formats import look
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.host.layers import below
from readiness_kit.probes.host.machine import is_our_backend
from readiness_kit.probes.kubernetes.manifests import manifest_files, manifests
from readiness_kit.probes.kubernetes.secrets import mapping
from readiness_kit.probes.storage.bucket_encryption import LOOKED_AT, sealed
from readiness_kit.sources import Visit, source
from readiness_kit.target import Backups

KEYS = frozenset(
    {"kmskeyid", "disk-encryption-kms-key", "diskencryptionsetid", "encryptionkeyid", "keyid"}
)
"""Parameters of storage classes that name a key: AWS, Google, Azure, and others."""


class Server(NamedTuple):
    """What the server tells of its storage."""

    data: Path | None
    reason: str
    tablespaces: tuple[Path, ...] = ()
    archiving: bool | None = None
    encrypts: bool = False


@source(
    effect="read",
    asks="1 SQL statement; the layers below folders of this machine; first bytes of backups; of a "
    f"bucket at most {2 * PAGES} lists, and {4 * LOOKED_AT} heads or first bytes",
    deadline_s=60,
)
def encryption_at_rest(visit: Visit) -> EncryptionAtRest:
    """Look below every folder of this machine that holds data or copies of it.

    Raises:
        NotSeen: The target names neither a database nor backups.

    """
    target = visit.target
    if target.database is None and target.backups is None:
        raise NotSeen(
            "readiness.yaml names neither a database nor backups",
            cause="not_configured",
            hint="add database.dsn, and backups.directory",
        )
    server = _server(visit)
    stored = tuple(_sealed(visit, target.backups)) if target.backups else ()
    return EncryptionAtRest(
        database_declared=target.database is not None,
        backups_declared=target.backups is not None,
        archiving=server.archiving,
        server_encrypts=server.encrypts,
        places=(*_places(visit, server), *(place for place, _ in stored)),
        files=(*_archives(target.backups), *(files for _, files in stored))
        if target.backups
        else (),
        classes=tuple(_classes(visit)),
        observed_at=datetime.now(UTC),
    )


def _sealed(visit: Visit, backups: Backups) -> Iterator[tuple[StoredAt, ArchiveFiles]]:
    yield from sealed(visit, backups)
    yield from pgbackrest_facts.sealed(visit, backups.pgbackrest)


def _server(visit: Visit) -> Server:
    if visit.target.database is None:
        return Server(None, "readiness.yaml names no database")
    try:
        with session(visit, parameters(visit.database.dsn)) as database:
            row = database.row(Sql.PLACES)
            here = is_our_backend(row["pid"], row["client_port"])  # while the backend lives
    except NotSeen as error:
        return Server(None, error.message)
    data = row["data_directory"]
    reason = "" if here else "the database runs on another machine"
    reason = reason or ("" if data else "the role may not read data_directory")
    return Server(
        data=None if reason or not data else Path(data),
        reason=reason,
        tablespaces=tuple(map(Path, row["tablespaces"])) if here else (),
        archiving=row["archive_mode"] != "off",
        encrypts=(row["encryption"] or "0") != "0",
    )


def _places(visit: Visit, server: Server) -> Iterator[StoredAt]:
    if server.data is not None:
        yield _stored("data", server.data)
        yield _stored("wal", server.data / "pg_wal")
        yield from (_stored("tablespace", one) for one in server.tablespaces)
    elif visit.target.database is not None:
        for holds in ("data", "wal"):
            yield StoredAt(holds=holds, path="", layers="hidden", detail=server.reason)
    backups = visit.target.backups
    if backups is not None:
        if backups.directory is not None:
            yield _stored("backups", backups.directory)
        if backups.wal_archive is not None:
            yield _stored("wal_archive", backups.wal_archive)


def _stored(holds: Holds, path: Path) -> StoredAt:
    try:
        seen = below(path)
    except OSError as error:
        detail = f"it cannot be looked at: {error.strerror}"
        return StoredAt(holds=holds, path=str(path), layers="hidden", detail=detail)
    return StoredAt(holds=holds, path=str(path), layers=seen.layers, detail=seen.detail)


def _archives(backups: Backups) -> Iterator[ArchiveFiles]:
    if backups.directory is not None:
        found = _matching(backups, backups.directory)
        paths = [one for one in found if not one.name.startswith(".")]
        marks = frozenset(backups.success_marker.format(name=one.name) for one in paths)
        yield look("backups", paths, marks)
    if backups.wal_archive is not None:
        yield look("wal_archive", [backups.wal_archive], frozenset())


def _matching(backups: Backups, directory: Path) -> list[Path]:
    if backups.tool == "pgbackrest":
        return [directory]
    with suppress(OSError):
        return sorted(directory.glob(backups.pattern))
    return []


def _classes(visit: Visit) -> Iterator[DeclaredStorage]:
    """Yield the storage classes whose parameters speak of encryption."""
    if not visit.target.kubernetes.manifests:
        return
    for file in manifest_files(visit):
        for one in manifests(file):
            if one.kind == "StorageClass":
                name = str(mapping(one.body.get("metadata")).get("name"))
                for label, value in mapping(one.body.get("parameters")).items():
                    key = label.lower().rpartition("/")[2]
                    if key == "encrypted" or key in KEYS:
                        on = key in KEYS or str(value).lower() == "true"
                        yield DeclaredStorage(
                            name=name, encrypted=on, detail=f"{label}: {value}"[:80]
                        )
