"""A copy of a data directory, made ready to recover apart from the server that it was taken from.

A copy carries the configuration of its server: it would archive into the server's archive, and
follow its primary. So nothing of that is used but what recovery itself demands; the copy listens on
a Unix socket in a folder that nobody else may enter.
"""

import gzip
import re
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from psycopg.conninfo import make_conninfo

from readiness_kit.drills.scratch import own_all
from readiness_kit.errors import NotSeen
from readiness_kit.probes.backup_reading import chain
from readiness_kit.servers.postgres import Cluster, Postgres, Setting
from readiness_kit.sources import Visit

SEGMENT = re.compile(r"[0-9A-F]{24}(\.gz)?|[0-9A-F]{8}\.history(\.gz)?")
"""Names in an archive that recovery asks for; compressed with gzip or not."""

TIMELINE = 8
"""Characters of a segment's name that say its timeline."""

DEMANDED = {
    "max_connections setting": "max_connections",
    "max_worker_processes setting": "max_worker_processes",
    "max_wal_senders setting": "max_wal_senders",
    "max_prepared_xacts setting": "max_prepared_transactions",
    "max_locks_per_xact setting": "max_locks_per_transaction",
}
"""What pg_controldata says, and the setting that must not be smaller for recovery to go on."""

POLL_S = 0.02

_LABEL_START = re.compile(r"^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)", re.MULTILINE)


class Copy(Cluster):
    """A recovering copy, for one superuser on a Unix socket."""

    def __init__(self, postgres: Postgres, name: str, *, socket: Path, user: str) -> None:
        """Describe the copy in the folder *name*, which :func:`place` fills."""
        super().__init__(postgres, name, port=5432, password="")
        self.socket = socket
        self.user = user

    def prepare(self, settings: Mapping[str, Setting], *, signal: str = "") -> None:
        """Replace the server's configuration; *signal* is the file that begins a recovery.

        Raises:
            ServerError: The copy has no readable control file.

        """
        write = self.postgres.write
        write(self.data / "postgresql.conf", "include 'readiness.conf'\n")
        write(self.data / "postgresql.auto.conf", "")
        for name in ("standby.signal", "recovery.signal", "postmaster.pid"):
            (self.data / name).unlink(missing_ok=True)
        if signal:
            write(self.data / signal, "")
        quiet: dict[str, Setting] = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket),
            "unix_socket_permissions": "0700",
            "archive_mode": False,
            "hot_standby": True,
        }
        self.configure({**self._demanded(), **quiet, **settings}, ("local all all trust",))

    def dsn(self, user: str, password: str, database: str = "postgres", **more: str) -> str:
        """Return a connection string for its one superuser, whoever is asked for."""
        del user, password
        return make_conninfo(
            host=str(self.socket), port=self.port, user=self.user, dbname=database, **more
        )

    def client(self, user: str, password: str) -> dict[str, str]:
        """Return the environment by which libpq's own tools connect."""
        del user, password
        return {"PGHOST": str(self.socket), "PGPORT": str(self.port), "PGUSER": self.user}

    def begin(self, visit: Visit) -> None:
        """Start it, and return when it has begun to recover.

        Raises:
            ServerError: It ended before.

        """
        self.process.start()
        self.process.wait_until(
            (self.data / "postmaster.pid").is_file, timeout_s=min(60.0, visit.remaining_s)
        )

    def recovered(self, visit: Visit) -> None:
        """Return when it answers and is a primary: that it was started says nothing.

        Raises:
            ServerError: It ended before.

        """
        self.process.wait_until(self._leads, timeout_s=visit.remaining_s)

    def _leads(self) -> bool:
        return self.answers() and not self.in_recovery()

    def _demanded(self) -> dict[str, Setting]:
        said = self.postgres.run("pg_controldata", f"--pgdata={self.data}").stdout
        pairs = (line.partition(":")[::2] for line in said.splitlines())
        found = {name.strip(): value.strip() for name, value in pairs}
        return {name: int(found[word]) for word, name in DEMANDED.items() if word in found}


def place(postgres: Postgres, backup: Path, name: str) -> tuple[Path, ...]:
    """Copy *backup*, and those it rests on, below the home of *postgres*; return the copies.

    Raises:
        NotSeen: It has tablespaces, whose links would lead out of the scratch folder.

    """
    copies = []
    for number, one in enumerate(chain(backup)):
        if any((one / "pg_tblspc").iterdir()):
            raise NotSeen(
                f"{one.name} has tablespaces: restoring those is not implemented",
                cause="not_implemented",
                hint="restore it by hand with --tablespace-mapping",
            )
        copy = postgres.home / f"{name}-{number}"
        shutil.copytree(one, copy, symlinks=True)
        own_all(postgres.account, copy)
        copies.append(copy)
    return tuple(copies)


def combine(postgres: Postgres, copies: tuple[Path, ...], cluster: Copy) -> None:
    """Make one data directory for *cluster* out of *copies*.

    Raises:
        ServerError: pg_combinebackup failed, or is not there (before PostgreSQL 17).

    """
    if len(copies) == 1:
        copies[0].rename(cluster.data)
        return
    postgres.run("pg_combinebackup", "--no-sync", f"--output={cluster.data}", "--", *copies)


def fetch_wal(visit: Visit, postgres: Postgres, archive: Path, since: str) -> Path:
    """Copy what lies in *archive* from the segment *since* on, unpacked; return the folder.

    Raises:
        NotSeen: It cannot be read.

    """
    folder = postgres.folder("wal")
    try:
        for path in _wanted(archive, since):
            _ = visit.remaining_s
            target = folder / path.name.removesuffix(".gz")
            if path.suffix == ".gz":
                with gzip.open(path) as packed, target.open("wb") as file:
                    shutil.copyfileobj(packed, file)
            else:
                shutil.copyfile(path, target)
    except (OSError, EOFError) as error:
        raise NotSeen(
            f"{archive} cannot be read: {error}", hint="give the kit's user access"
        ) from error
    own_all(postgres.account, folder)
    return folder


def _wanted(archive: Path, since: str) -> Iterator[Path]:
    for path in archive.iterdir():
        name = path.name
        if SEGMENT.fullmatch(name) and (".history" in name or name[TIMELINE:] >= since[TIMELINE:]):
            yield path


def restore_command(folder: Path) -> str:
    """Return the ``restore_command`` that takes segments out of *folder*."""
    quoted = shlex.quote(str(folder)).replace("%", "%%")
    return f'cp {quoted}/%f "%p"'


def first_segment(backup: Path) -> str:
    """Return the name of the segment that the recovery of *backup* begins with.

    Raises:
        NotSeen: It is no base backup.

    """
    try:
        text = (backup / "backup_label").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotSeen(f"{backup} has no backup_label: it is no base backup") from error
    found = _LABEL_START.search(text)
    if found is None:
        raise NotSeen(f"{backup / 'backup_label'} names no segment")
    return found.group(1)


def await_archived(visit: Visit, archive: Path, segment: str, timeout_s: float) -> float | None:
    """Wait until *segment* lies in *archive*; return the seconds it took, or ``None``."""
    began = time.monotonic()
    while time.monotonic() - began < min(timeout_s, visit.remaining_s):
        if any((archive / f"{segment}{end}").is_file() for end in ("", ".gz")):
            return round(time.monotonic() - began, 3)
        time.sleep(POLL_S)
    return None
