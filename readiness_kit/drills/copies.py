"""A copy of a data directory, made ready to recover apart from the server that it was taken from.

A copy carries the configuration of its server: it would archive into the server's archive, and
follow its primary. So nothing of that is used but what recovery itself demands; the copy listens on
a Unix socket in a folder that nobody else may enter.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from psycopg.conninfo import make_conninfo

from readiness_kit.drills.placed import demand_inside
from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.reading import label
from readiness_kit.servers.postgres import Cluster, Postgres, Setting
from readiness_kit.sources import Visit

DEMANDED = {
    "max_connections setting": "max_connections",
    "max_worker_processes setting": "max_worker_processes",
    "max_wal_senders setting": "max_wal_senders",
    "max_prepared_xacts setting": "max_prepared_transactions",
    "max_locks_per_xact setting": "max_locks_per_transaction",
}
"""What pg_controldata says, and the setting that must not be smaller for recovery to go on."""

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
            # A copy of a subscriber would take from the publisher what is the subscriber's.
            "max_logical_replication_workers": 0,
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
            NotSeen: Something in it leads out of the scratch folder.
            ServerError: It ended before.

        """
        demand_inside(self.postgres.home, self.data)
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


def combine(postgres: Postgres, copies: tuple[Path, ...], cluster: Copy) -> None:
    """Make one data directory for *cluster* out of *copies*.

    Raises:
        ServerError: pg_combinebackup failed, or is not there (before PostgreSQL 17).

    """
    if len(copies) == 1:
        copies[0].rename(cluster.data)
        return
    spaces = postgres.home / f"{cluster.name}-tablespaces"
    links = [one for one in (copies[-1] / "pg_tblspc").iterdir() if one.is_symlink()]
    mappings = (mapping(one.readlink(), spaces / one.name) for one in links)
    postgres.run(
        "pg_combinebackup", "--no-sync", *mappings, f"--output={cluster.data}", "--", *copies
    )


def mapping(old: Path, new: Path) -> str:
    r"""Return the option that has a tablespace at *old* written to *new*.

    >>> mapping(Path("/a=b"), Path("/c"))
    '--tablespace-mapping=/a\\=b=/c'
    """
    escaped = (str(one).replace("=", "\\=") for one in (old, new))
    return "--tablespace-mapping=" + "=".join(escaped)


def restore_command(folder: Path) -> str:
    """Return the ``restore_command`` that takes segments out of *folder*."""
    quoted = shlex.quote(str(folder)).replace("%", "%%")
    return f'cp {quoted}/%f "%p"'


def first_segment(backup: Path) -> str:
    """Return the name of the segment that the recovery of *backup* begins with.

    Raises:
        NotSeen: It is no base backup.

    """
    text = label(backup)
    if not text:
        raise NotSeen(f"{backup} has no backup_label: it is no base backup")
    found = _LABEL_START.search(text)
    if found is None:
        raise NotSeen(f"the backup_label of {backup} names no segment")
    return found.group(1)
