"""Look at the volumes below the service: what lies on them, and how much room they have."""

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import NotSeen
from readiness_kit.facts.storage.volumes import Holds, ServiceVolumes, Volume, WalArchive
from readiness_kit.probes.database.session import parameters, servers, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.host.disks import Mount, disks, mount_of
from readiness_kit.probes.host.machine import is_our_backend
from readiness_kit.probes.metrics.prometheus import api_client, instant
from readiness_kit.probes.storage.remote import volume_of
from readiness_kit.sources import Visit, source

DAY_S = 86_400.0


class _Server(NamedTuple):
    """Where the database says that its data lies, and whether that is on this machine."""

    folder: str
    here: bool


@source(
    effect="read",
    asks="1 SQL statement; free space of the volumes of data, WAL, logs and backups",
    deadline_s=20,
)
def service_volumes(visit: Visit) -> ServiceVolumes:
    """Look at each volume of this machine that something of the service lies on.

    Raises:
        NotSeen: Nothing of it lies on this machine.

    """
    unseen: dict[str, str] = {}
    found: dict[int, tuple[list[Holds], Path]] = {}
    server = _asked(visit, unseen)
    for what, path in _places(visit, server, unseen):
        try:
            real = path.resolve(strict=True)
            found.setdefault(real.stat().st_dev, ([], real))[0].append(what)
        except OSError as error:
            unseen[what] = f"{path} cannot be looked at: {error.strerror}"
    volumes = [
        _volume(visit, number, tuple(dict.fromkeys(holds)), path)
        for number, (holds, path) in found.items()
    ]
    if "data" in unseen and server is not None:
        volumes += _elsewhere(visit, server, unseen)
    if not volumes:
        reasons = "; ".join(unseen.values()) or "readiness.yaml names no database, logs or backups"
        raise NotSeen(
            f"no volume of the service was seen: {reasons}",
            cause="could_not_ask" if unseen else "not_configured",
            hint="run the kit on the database's machine, as an account that may enter its folders",
        )
    return ServiceVolumes(
        observed_at=datetime.now(UTC),
        volumes=tuple(volumes),
        unseen=unseen,
        wal_archive=_archived(visit),
    )


def _asked(visit: Visit, unseen: dict[str, str]) -> _Server | None:
    """Return what the database says of itself; why it does not goes to *unseen*."""
    if visit.target.database is None:
        return None
    try:
        return _server(visit)
    except NotSeen as error:
        unseen["data"] = unseen["wal"] = error.message
        return None


def _places(
    visit: Visit, server: _Server | None, unseen: dict[str, str]
) -> Iterator[tuple[Holds, Path]]:
    """Yield what lies where; why the database's place is not known goes to *unseen*."""
    if server is not None:
        try:
            data = _here(server)
        except NotSeen as error:
            unseen["data"] = unseen["wal"] = error.message
        else:
            yield "data", data
            yield "wal", data / "pg_wal"
    for file in visit.target.logs.application:
        yield "logs", file.parent
    if visit.target.backups is not None:
        if visit.target.backups.directory is not None:
            yield "backups", visit.target.backups.directory
        if visit.target.backups.wal_archive is not None:
            yield "wal_archive", visit.target.backups.wal_archive


def _elsewhere(visit: Visit, server: _Server, unseen: dict[str, str]) -> Iterator[Volume]:
    """Yield the volume of a database on another machine, if Prometheus watches that."""
    hosts = {one.host for one in servers(parameters(visit.database.dsn))}
    try:
        yield volume_of(visit, hosts, server.folder, ("data",))
    except NotSeen as error:
        unseen["data"] = f"{unseen['data']}; {error.message}"
        return
    del unseen["data"]
    unseen["wal"] = "pg_wal of another machine may be a link to another volume"


def data_directory(visit: Visit) -> Path:
    """Return the database's data directory, if it lies on this machine.

    Raises:
        NotSeen: It does not, or the role may not ask for it.

    """
    return _here(_server(visit))


def _server(visit: Visit) -> _Server:
    with session(visit, parameters(visit.database.dsn)) as database:
        row = database.row(Sql.SERVER)
        here = is_our_backend(row["pid"], row["client_port"])  # while the backend lives
    return _Server(row["data_directory"] or "", here)


def _here(server: _Server) -> Path:
    if not server.folder:
        raise NotSeen("the probe's role may not read data_directory", hint="grant it pg_monitor")
    if not server.here:
        raise NotSeen(
            "the database runs on another machine", hint="run the kit on the database's machine"
        )
    return Path(server.folder)


def _volume(visit: Visit, number: int, holds: tuple[Holds, ...], path: Path) -> Volume:
    mount, room = mount_of(path), os.statvfs(path)
    size_bytes = room.f_blocks * room.f_frsize
    return Volume(
        holds=holds,
        mount=mount.point,
        filesystem=mount.filesystem,
        size_bytes=size_bytes,
        available_bytes=room.f_bavail * room.f_frsize,
        used_bytes=(room.f_blocks - room.f_bfree) * room.f_frsize,
        inodes=room.f_files,
        inodes_free=room.f_ffree,
        disks=disks(number, mount),
        shrinking_bytes_per_day=_shrinking(visit, mount, size_bytes),
    )


def _shrinking(visit: Visit, mount: Mount, size_bytes: int) -> float | None:
    """Ask Prometheus how fast the free space goes down; None without history of this volume.

    A volume is known by its mount point and its exact size; where two machines have such a one, it
    is not known which is meant.
    """
    point = f"{{mountpoint={json.dumps(mount.point)}}}"
    free, size = f"node_filesystem_avail_bytes{point}", f"node_filesystem_size_bytes{point}"
    query = (
        f"-86400 * deriv({free}[6h]) and on(instance) ({size} == {size_bytes})"
        f" and on(instance) ({free} offset 5h)"
    )
    try:
        with api_client(visit) as client:
            found = list(instant(client, query).values())
    except NotSeen:
        return None
    return found[0] if len(found) == 1 else None


def _archived(visit: Visit) -> WalArchive | None:
    """Return what lies in the archive; None when there is none to look at."""
    archive = visit.target.backups.wal_archive if visit.target.backups else None
    if archive is None or not archive.is_dir():
        return None
    yesterday = time.time() - DAY_S
    old: list[int] = []
    fresh: list[int] = []
    try:
        for file in archive.rglob("*"):
            _ = visit.remaining_s
            with contextlib.suppress(FileNotFoundError):  # one that was removed meanwhile
                status = file.stat()
                if stat.S_ISREG(status.st_mode):
                    (fresh if status.st_mtime > yesterday else old).append(status.st_size)
    except OSError:
        return None
    return WalArchive(size_bytes=sum(old) + sum(fresh), last_day_bytes=sum(fresh) if old else None)
