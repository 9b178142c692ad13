"""Look into the backup folder or bucket, and find out where it lies as seen from the database."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil

from readiness_kit.errors import NotSeen
from readiness_kit.facts.backups.folder import Backup, BackupFolder, Place
from readiness_kit.probes.aws.s3 import PAGES, S3, command, store_of
from readiness_kit.probes.backups.bucket import HEADS, MANIFESTS, kept
from readiness_kit.probes.backups.names import CLOCK_S, PARTIAL_FILE, named_day
from readiness_kit.probes.backups.pgbackrest import Tool
from readiness_kit.probes.backups.pgbackrest_facts import Repo, backups, repos
from readiness_kit.probes.backups.store_place import place_of_store
from readiness_kit.probes.database.session import parameters, servers, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.host.machine import is_our_backend
from readiness_kit.sources import Visit, source
from readiness_kit.target import Backups, Bucket, PgBackRest

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone"}
)
"""Types of file system that lie on another machine."""


class Mount(NamedTuple):
    """Where a folder lies."""

    filesystem: str
    device: str


@source(
    effect="read",
    asks="no request: lists the backup folder; of a bucket at most "
    f"{PAGES} lists, {HEADS} heads and {MANIFESTS} manifests of base backups; 1 SQL statement; "
    "where pgBackRest makes them, its info once",
    deadline_s=60,
)
def backup_folder(visit: Visit) -> BackupFolder:
    """List the backups, and compare their place with the database's.

    Raises:
        NotSeen: No place is declared, or it cannot be read.

    """
    declared = declared_backups(visit)
    if declared.bucket is not None:
        return _bucket(visit, declared, declared.bucket)
    if declared.pgbackrest is not None:
        return _repository(visit, declared.pgbackrest)
    directory = folder_of(declared)
    found = _listed(declared, directory)
    mount = _mount(directory)
    place, detail = _place(visit, directory, mount)
    return BackupFolder(
        observed_at=datetime.now(UTC),
        directory=str(directory),
        pattern=declared.pattern,
        backups=tuple(found),
        filesystem=mount.filesystem,
        mounted_from=mount.device,
        place=place,
        place_detail=detail,
    )


def _bucket(visit: Visit, declared: Backups, bucket: Bucket) -> BackupFolder:
    store = S3(visit, bucket, bucket.url)
    found = kept(store, declared)
    place, detail = place_of_store(visit, store)
    return BackupFolder(
        observed_at=datetime.now(UTC),
        directory=str(store.place),
        pattern=declared.pattern,
        backups=tuple(one.backup for one in found.stored),
        filesystem="s3",
        mounted_from=store_of(bucket.endpoint_url),
        place=place,
        place_detail=detail,
        truncated=not found.whole,
        listed_by=command(str(store.place), bucket.endpoint_url),
    )


def _repository(visit: Visit, declared: PgBackRest) -> BackupFolder:
    tool = Tool(visit, declared)
    found = backups(tool)
    place, detail = _place_of_repositories(visit, tool)
    return BackupFolder(
        observed_at=datetime.now(UTC),
        directory=f"pgBackRest's stanza {declared.stanza}",
        pattern="*",
        backups=found,
        filesystem="pgbackrest",
        mounted_from=detail,
        place=place,
        place_detail=detail,
        listed_by=f"{tool.by_hand} info",
    )


def _place_of_repositories(visit: Visit, tool: Tool) -> tuple[Place, str]:
    """Return the place of the repository that lies furthest from the database."""
    try:
        found = [(*_place_of_repository(visit, one), str(one)) for one in repos(tool)]
    except NotSeen as error:
        return "not_known", error.message
    order: tuple[Place, ...] = ("elsewhere", "same_machine", "inside_data_directory", "not_known")
    place, detail, repo = min(found, key=lambda one: order.index(one[0]))
    return place, f"{repo}: {detail}"


def _place_of_repository(visit: Visit, repo: Repo) -> tuple[Place, str]:
    if visit.target.database is None:
        return "not_known", "readiness.yaml has no database to compare with"
    if (folder := repo.folder) is not None:
        return _place(visit, folder, _mount(folder))
    return place_of_store(visit, repo)


def newest_backup(visit: Visit) -> tuple[Backup, Path]:
    """Return the newest backup that is marked as successful, else the newest, and where it lies.

    Raises:
        NotSeen: No folder is declared, it cannot be read, or it holds none.

    """
    declared = declared_backups(visit)
    directory = folder_of(declared)
    newest = max(
        _listed(declared, directory), key=lambda one: (one.marked, one.made_at), default=None
    )
    if newest is None:
        raise NotSeen(f"nothing matches {declared.pattern!r} in {directory}")
    within = directory.glob(f"backup/*/{newest.name}")
    at = next(within, None) if declared.tool == "pgbackrest" else None
    return newest, at or directory / newest.name


def declared_backups(visit: Visit) -> Backups:
    """Return what the target says of its backups, or NotSeen ``not_configured``."""
    if visit.target.backups is None:
        raise NotSeen(
            "readiness.yaml has no backups",
            cause="not_configured",
            hint="add backups.directory, backups.bucket or backups.pgbackrest",
        )
    return visit.target.backups


def folder_of(declared: Backups) -> Path:
    """Return the declared folder, or NotSeen where a bucket is declared instead."""
    if declared.directory is None:
        where = "a bucket" if declared.bucket else "a repository of pgBackRest"
        raise NotSeen(f"the backups lie in {where}", cause="not_implemented")
    return declared.directory


def _listed(declared: Backups, directory: Path) -> list[Backup]:
    """Return the backups, newest first."""
    try:
        return sorted(_backups(declared, directory), key=lambda one: one.made_at, reverse=True)
    except OSError as error:
        raise NotSeen(
            f"{directory} cannot be read: {error.strerror}",
            hint="correct backups.directory, or give the kit's user access",
        ) from error


def _backups(declared: Backups, directory: Path) -> Iterator[Backup]:
    if declared.tool == "pgbackrest":
        yield from _pgbackrest(directory)
        return
    names = [path.name for path in directory.iterdir()]
    kinds = (declared.success_marker, declared.sums)
    beside = {kind.format(name=name) for name in names for kind in kinds}
    for path in directory.glob(declared.pattern):
        if path.name not in beside and not path.name.startswith("."):
            yield _backup(path, path.with_name(declared.success_marker.format(name=path.name)))


def _backup(path: Path, mark: Path) -> Backup:
    files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    changed_s = max((one.stat().st_mtime for one in files), default=path.stat().st_mtime)
    changed = datetime.fromtimestamp(changed_s, UTC)
    return Backup(
        name=path.name,
        size_bytes=sum(one.stat().st_size for one in files),
        made_at=min([changed, *named_day(path.name)]),
        marked=mark.is_file() and mark.stat().st_mtime >= changed_s - CLOCK_S,
        full=not _is_incremental(path),
    )


def _is_incremental(path: Path) -> bool:
    """Tell whether it is a base backup with files that hold only what changed (PostgreSQL 17)."""
    try:
        with (path / "backup_manifest").open("rb") as manifest:
            return any(PARTIAL_FILE in line for line in manifest)
    except OSError:
        return False


def _pgbackrest(repository: Path) -> Iterator[Backup]:
    """Yield the backups that each stanza's ``backup.info`` records, with their full size."""
    for file in repository.glob("backup/*/backup.info"):
        current = file.read_text(encoding="utf-8").partition("[backup:current]\n")[2]
        for line in current.partition("\n\n")[0].splitlines():
            label, _, text = line.partition("=")
            try:
                record = json.loads(text)
                stop, size = record["backup-timestamp-stop"], record["backup-info-size"]
                made_at = datetime.fromtimestamp(stop, UTC)
                whole = record.get("backup-error") is not True
                exists = (file.parent / label / "backup.manifest").is_file()
                yield Backup(
                    name=label,
                    size_bytes=int(size),
                    made_at=made_at,
                    marked=whole and exists,
                    full=label.endswith("F"),
                )
            except (ValueError, KeyError, TypeError, OverflowError) as error:
                raise NotSeen(f"{file} is no pgBackRest file: {error!r}") from error


def _mount(directory: Path) -> Mount:
    """Return the innermost mount that *directory* lies on."""
    here = directory.resolve()
    above = [one for one in psutil.disk_partitions(all=True) if here.is_relative_to(one.mountpoint)]
    if not above:
        return Mount("", "")
    inner = max(above, key=lambda one: len(Path(one.mountpoint).parts))
    return Mount(inner.fstype, inner.device)


def _place(visit: Visit, directory: Path, mount: Mount) -> tuple[Place, str]:
    if visit.target.database is None:
        return "not_known", "readiness.yaml has no database to compare with"
    params = parameters(visit.database.dsn)
    if mount.filesystem in NETWORK:
        return _place_of_share(mount, {server.host for server in servers(params)})
    try:
        with session(visit, params) as database:
            row = database.row(Sql.SERVER)
            here = is_our_backend(row["pid"], row["client_port"])  # while the backend lives
    except NotSeen as error:
        return "not_known", error.message
    if row["data_directory"] is None or not here:
        return "not_known", "the database's data directory was not found on this machine"
    if directory.resolve().is_relative_to(Path(row["data_directory"]).resolve()):
        return "inside_data_directory", f"inside {row['data_directory']}"
    return "same_machine", f"{mount.filesystem} {mount.device} of the database's machine"


def _place_of_share(mount: Mount, hosts: set[str]) -> tuple[Place, str]:
    """Return the place of a share: ``host:/path``, ``//host/share`` or ``user@host:/path``."""
    host = re.split("[:/]", mount.device.lstrip("/"))[0].rpartition("@")[2]
    if host in hosts | {"localhost", "127.0.0.1"}:
        return "same_machine", f"{mount.device} is the database's own host"
    return "elsewhere", f"{mount.filesystem} share {mount.device}"
