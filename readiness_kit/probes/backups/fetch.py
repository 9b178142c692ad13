"""The newest backup on this machine: where it lies in a folder, or fetched from a bucket."""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import NamedTuple

from readiness_kit.errors import NotSeen
from readiness_kit.evidence import locks
from readiness_kit.facts.backups.folder import Backup
from readiness_kit.probes.aws.s3 import FROZEN, S3, Object
from readiness_kit.probes.backups.bucket import Stored, kept
from readiness_kit.probes.backups.folder import declared_backups, newest_backup
from readiness_kit.sources import Visit
from readiness_kit.target import Backups, Bucket

FETCHED = "readiness-fetched-"
"""Of the folders below ``database.scratch`` that hold what was fetched, while it is needed."""

SPARE_BYTES = 1_000_000_000
"""What must stay free beside it: the volume may be the database's."""

EMPTY_FOLDERS = (
    "pg_commit_ts",
    "pg_dynshmem",
    "pg_logical/mappings",
    "pg_logical/snapshots",
    "pg_notify",
    "pg_replslot",
    "pg_serial",
    "pg_snapshots",
    "pg_stat",
    "pg_stat_tmp",
    "pg_subtrans",
    "pg_tblspc",
    "pg_twophase",
    "pg_wal/archive_status",
    "pg_wal/summaries",
)
"""Folders that initdb makes: a bucket has no empty ones, and a server does not run without."""


class Local(NamedTuple):
    """A backup on this machine."""

    backup: Backup
    path: Path

    fetched_s: float = 0.0
    """How long it took to fetch; nothing where it lies here."""


@contextlib.contextmanager
def local_backup(visit: Visit) -> Iterator[Local]:
    """Yield the newest backup that is marked as successful, else the newest.

    What is fetched goes into a new folder below ``database.scratch``, and is removed at the end.

    Raises:
        NotSeen: None is there, or it cannot be fetched, or is too large to be.

    """
    declared = declared_backups(visit)
    if declared.bucket is None:
        yield Local(*newest_backup(visit))
        return
    with _folder(visit) as folder:
        began = monotonic()
        backup, path = _fetched(visit, declared, declared.bucket, folder)
        yield Local(backup, path, round(monotonic() - began, 3))


def _fetched(visit: Visit, declared: Backups, bucket: Bucket, folder: Path) -> tuple[Backup, Path]:
    store = S3(visit, bucket, bucket.url)
    found = kept(store, declared)
    if not found.whole:
        raise NotSeen(f"more lies in {store.place} than was listed", hint="narrow the prefix")
    newest = max(
        found.stored, key=lambda one: (one.backup.marked, one.backup.made_at), default=None
    )
    if newest is None:
        raise NotSeen(f"nothing matches {declared.pattern!r} in {store.place}")
    _demand_room(newest, bucket, folder)
    path = folder / PurePosixPath(newest.backup.name).name
    sums = found.others.get(declared.sums.format(name=newest.backup.name))
    try:
        for one in newest.objects:
            rest = store.name(one).removeprefix(newest.backup.name)
            _download(store, one, path, rest.removeprefix("/"))
        if sums is not None:
            _download(store, sums, folder, declared.sums.format(name=path.name))
        if (path / "PG_VERSION").is_file():
            for name in EMPTY_FOLDERS:
                (path / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotSeen(
            f"the backup cannot be written below {folder.parent}: {error.strerror}",
            hint="give the kit's user access, and room",
        ) from error
    return newest.backup, path


def local_wal(visit: Visit, bucket: Bucket, local: Local, since: str) -> tuple[Path, float]:
    """Fetch the WAL behind a base backup beside it; return its folder, and the seconds.

    Raises:
        NotSeen: As :func:`fetch_wal`.

    """
    began, folder = monotonic(), local.path.parent / "wal"
    folder.mkdir()
    fetch_wal(visit, bucket, since, folder)
    return folder, round(monotonic() - began, 3)


def fetch_wal(visit: Visit, bucket: Bucket, since: str, folder: Path) -> None:
    """Fetch the archived WAL from the segment *since* on into *folder*.

    Raises:
        NotSeen: It may not be read, or is too large.

    """
    store = S3(visit, bucket, bucket.wal_url or "")
    wanted = [one for one in _archived(store) if _follows(one.key.rpartition("/")[2], since)]
    if frozen := next((one for one in wanted if one.storage_class in FROZEN), None):
        raise NotSeen(f"{frozen.key} lies in {frozen.storage_class}, and must be thawed first")
    _demand_bytes(f"the WAL since {since}", sum(one.size for one in wanted), bucket, folder)
    try:
        for one in wanted:
            _download(store, one, folder, one.key.rpartition("/")[2])
    except OSError as error:
        raise NotSeen(f"the WAL cannot be written to {folder}: {error.strerror}") from error


def wal_bytes(visit: Visit, bucket: Bucket) -> int:
    """Return how many bytes the archive in *bucket* holds.

    Raises:
        NotSeen: It may not be listed, or holds more than is listed.

    """
    return sum(one.size for one in _archived(S3(visit, bucket, bucket.wal_url or "")))


def _archived(store: S3) -> tuple[Object, ...]:
    listing = store.listing()
    if not listing.whole:
        raise NotSeen(f"more lies in {store.place} than was listed", hint="narrow the prefix")
    return listing.objects


def _follows(name: str, since: str) -> bool:
    """Tell whether recovery from *since* on may ask for the file *name*, on any timeline."""
    behind = re.match(r"[0-9A-F]{24}(?![0-9A-F])", name) is not None and name[8:24] >= since[8:24]
    return behind or re.match(r"[0-9A-F]{8}\.history", name) is not None


def _download(store: S3, one: Object, folder: Path, name: str) -> None:
    """Write an object to *name* below *folder*, and nowhere else."""
    parts = name.split("/") if name else []
    if any(part in ("", ".", "..") for part in parts):
        raise NotSeen(f"the key {one.key!r} is no name of a file")
    to = folder.joinpath(*parts)
    to.parent.mkdir(parents=True, exist_ok=True)
    store.download(one, to)


def _demand_room(newest: Stored, bucket: Bucket, folder: Path) -> None:
    backup = newest.backup
    if backup.frozen_in:
        raise NotSeen(
            f"{backup.name} lies in {backup.frozen_in}, and must be thawed before it is read",
            hint="keep the newest backups in a class that can be read at once",
        )
    _demand_bytes(backup.name, backup.size_bytes, bucket, folder)


def _demand_bytes(what: str, size_bytes: int, bucket: Bucket, folder: Path) -> None:
    most = bucket.max_download_bytes
    if size_bytes > most:
        raise NotSeen(
            f"{what} has {size_bytes} bytes, and at most {most} may be fetched",
            cause="not_allowed",
            hint="raise backups.bucket.max_download_bytes: its traffic may cost money",
        )
    free = shutil.disk_usage(folder).free
    if free < size_bytes + SPARE_BYTES:
        raise NotSeen(
            f"{folder.parent} has {free // 10**6} MB left, too few for {what} of "
            f"{size_bytes // 10**6} MB and {SPARE_BYTES // 10**6} MB to spare",
            hint="name a folder on a larger volume as database.scratch",
        )


@contextlib.contextmanager
def _folder(visit: Visit) -> Iterator[Path]:
    """Yield a new folder below ``database.scratch``; those that were left there are removed."""
    scratch = visit.database.scratch
    if scratch is None:
        raise NotSeen(
            "readiness.yaml has no database.scratch: there is no place to fetch a backup to",
            cause="not_allowed",
            hint="add database.scratch, an empty folder with room for the backup",
        )
    place = scratch.resolve()
    if any((one / "PG_VERSION").exists() for one in (place, *place.parents)):
        raise NotSeen(
            f"database.scratch: {scratch} lies in a data directory",
            hint="name a folder of its own: nothing is written among the target's files",
        )
    with contextlib.ExitStack() as life:
        try:
            _tidy(scratch)
            folder = Path(tempfile.mkdtemp(prefix=FETCHED, dir=scratch))
        except OSError as error:
            raise NotSeen(
                f"database.scratch: {scratch} cannot be used: {error.strerror}",
                hint="make it, an empty folder of the kit's user",
            ) from error
        life.callback(shutil.rmtree, folder, ignore_errors=True)
        if (held := locks.take_file(folder)) is not None:
            life.callback(held.release)
        yield folder


def _tidy(scratch: Path) -> None:
    """Remove what a killed run has left: a folder that nobody holds."""
    for one in scratch.glob(f"{FETCHED}*"):
        if one.is_symlink() or (held := locks.take_file(one)) is None:
            continue
        shutil.rmtree(one, ignore_errors=True)
        held.release()
