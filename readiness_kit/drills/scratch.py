"""A place of the kit's own beside the target: a scratch folder, and the cluster to make in it.

Nothing of the target is ever overwritten: the folder must be empty and lie apart from the data
directory, and whatever is written goes into a new folder below it, which is removed at the end.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
from psycopg.conninfo import make_conninfo

from readiness_kit.errors import NotSeen
from readiness_kit.evidence import locks
from readiness_kit.probes.backups.fetch import FETCHED
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.database.tools import installation
from readiness_kit.probes.host.machine import is_our_backend
from readiness_kit.servers import programs
from readiness_kit.servers.account import Account, unprivileged
from readiness_kit.servers.postgres import Postgres
from readiness_kit.servers.programs import Program, major
from readiness_kit.sources import Visit
from readiness_kit.target import Secret

PREFIX = "readiness-drill-"
"""Of the folders made below the scratch folder: what such a one holds is the kit's, and is removed
by the next drill where one was killed."""

EMPTY_CLUSTER_BYTES = 250_000_000
"""A new cluster with its first WAL, and the programs where they must be copied."""

LONGEST_SOCKET_FOLDER = 80


class Live:
    """What the live server says of itself, asked once."""

    def __init__(self, visit: Visit) -> None:
        """Ask.

        Raises:
            NotSeen: It does not answer.

        """
        params = parameters(visit.database.dsn)
        with session(visit, params) as database:
            row = database.row(Sql.SERVER)
            self.program = _own_program(int(row["pid"]), row["client_port"])
            more = database.row(Sql.SOURCE)
            spaces = database.rows(Sql.TABLESPACES)
        self.name = params.get("dbname", "")
        self.major = int(row["version_num"]) // 10_000
        self.bytes: int | None = row["database_bytes"]
        self.cluster_bytes: int | None = more["cluster_bytes"]
        self.timeline: int = more["timeline"]
        self.data: Path | None = Path(row["data_directory"]) if row["data_directory"] else None
        self.tablespaces = tuple(Path(one["location"]) for one in spaces)
        self.roles: tuple[str, ...] = tuple(more["roles"])
        self.superusers: tuple[str, ...] = tuple(more["superusers"])
        self.invalid = frozenset(more["invalid"])
        self.archive_timeout_s: int = more["archive_timeout_s"]
        self.checksums: bool = more["checksums"] == "on"

    @property
    def places(self) -> tuple[Path, ...]:
        """Folders that the live server works in: nothing of a drill may lead there."""
        own = () if self.data is None else (self.data, self.data / "pg_wal")
        return tuple(one.resolve() for one in (*own, *self.tablespaces))


def _own_program(pid: int, client_port: int | None) -> Program | None:
    """Return the program of the live server where it runs on this machine and may be looked at."""
    if not is_our_backend(pid, client_port):
        return None
    try:
        path = Path(psutil.Process(pid).exe())
    except psutil.Error:
        return None
    return next((one for one in programs.postgres_installations() if one.path == path), None)


def suitable(live: Live, *, exactly: bool) -> Program:
    """Return PostgreSQL to restore with: the server's own, else of its major version.

    Raises:
        NotSeen: There is none of that version, or for a dump none as new.

    """
    if live.program is not None and major(live.program) == live.major:
        return live.program
    return installation(exactly=live.major) if exactly else installation(least=live.major)


@contextlib.contextmanager
def scratch(visit: Visit, live: Live, program: Program, needed_bytes: int) -> Iterator[Postgres]:
    """Yield an installation of *program* whose home is a new folder below ``database.scratch``.

    Raises:
        NotSeen: The folder is not declared, not empty, lies with the data, or is too small.

    """
    place = demand_place(visit, live.data, *live.tablespaces)
    free = shutil.disk_usage(place).free
    needed_bytes += EMPTY_CLUSTER_BYTES
    if free < needed_bytes:
        raise NotSeen(
            f"{place} has {free // 10**6} MB left, and {needed_bytes // 10**6} MB are needed",
            hint="name a folder on a larger volume as database.scratch",
        )
    with contextlib.ExitStack() as life:
        held = locks.take_file(place)
        if held is None:
            raise NotSeen(f"another drill restores into {place}", hint="wait until it has ended")
        life.callback(held.release)
        _demand_empty(place)
        home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        life.callback(shutil.rmtree, home, ignore_errors=True)
        yield Postgres(home, unprivileged(), program)


def demand_place(visit: Visit, *own: Path | None) -> Path:
    """Return the declared scratch folder, which lies apart from the target's *own* ones.

    Raises:
        NotSeen: It is not declared, is no folder, or lies with the data.

    """
    declared = visit.database.scratch
    if declared is None:
        raise NotSeen(
            "readiness.yaml has no database.scratch: there is no place to restore into",
            cause="not_allowed",
            hint="add database.scratch, an empty folder with room for the database",
        )
    place = declared.resolve()
    if not place.is_dir():
        raise NotSeen(f"database.scratch: {declared} is no folder", hint="make it, empty")
    for one in own:
        if one is not None and related(place, one.resolve()):
            raise NotSeen(
                f"database.scratch: {declared} lies with the data directory or tablespace {one}",
                hint="name a folder of its own: nothing of the target is overwritten",
            )
    return place


def _demand_empty(place: Path) -> None:
    """Remove what a drill left that was killed, and see that there is nothing else."""
    for one in place.iterdir():
        if one.name.startswith(PREFIX) and one.is_dir() and not one.is_symlink():
            shutil.rmtree(one, ignore_errors=True)
    if left := sorted(one.name for one in place.iterdir() if not one.name.startswith(FETCHED)):
        raise NotSeen(
            f"database.scratch: {place} is not empty ({', '.join(left[:3])})",
            hint="name an empty folder: nothing of the target is overwritten",
        )


def related(one: Path, other: Path) -> bool:
    """Tell whether one of two folders lies in the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def dialled(secret: Secret) -> str:
    """Return the connection string behind *secret*, which waits five seconds at most.

    Raises:
        NotSeen: It is not a connection string.

    """
    fixed = {"connect_timeout": "5", "application_name": "readiness-kit"}
    return make_conninfo(**{**parameters(secret), **fixed})


def own_all(account: Account | None, folder: Path) -> None:
    """Give *folder* and all below it to *account*, for it alone."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        path.chmod(0o700 if path.is_dir() else 0o600)
        if account is not None:
            account.own(path)


@contextlib.contextmanager
def socket_folder(postgres: Postgres) -> Iterator[Path]:
    """Yield a folder for a Unix socket, which nobody but the server's account may enter."""
    account = postgres.account
    near = len(str(postgres.home)) <= LONGEST_SOCKET_FOLDER
    folder = Path(tempfile.mkdtemp(prefix="s-", dir=postgres.home if near else None))
    if account is not None:
        account.own(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def password() -> str:
    """Return a fresh password for a scratch cluster."""
    return secrets.token_hex(32)


def size(path: Path) -> int:
    """Return how many bytes *path* and all below it hold."""
    files = (path, *path.rglob("*")) if path.is_dir() else (path,)
    return sum(os.lstat(one).st_size for one in files if one.is_file())
