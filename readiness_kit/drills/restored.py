"""One recovery, from the first byte fetched to the first answer, in its phases."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from readiness_kit.drills import copies, repository
from readiness_kit.drills.archived import fetch_wal
from readiness_kit.drills.placed import place
from readiness_kit.drills.scratch import Live, own_all, password, socket_folder
from readiness_kit.drills.sums import OWN_SCHEMA, TABLES
from readiness_kit.errors import NotSeen, ReadinessError, ServerError
from readiness_kit.facts.restore import BackupKind, Phase, PhaseName, Recovery
from readiness_kit.probes.backup_reading import read_script, tar_end
from readiness_kit.probes.packed import Damaged, unpacked
from readiness_kit.probes.pgbackrest import Tool
from readiness_kit.servers.ports import free_ports
from readiness_kit.servers.postgres import SUPERUSER, Cluster, Postgres, Setting
from readiness_kit.sources import Visit

JOBS = min(4, os.cpu_count() or 1)

SCRATCH_LACKS = (
    "could not open extension control file",
    "is not available",
    "invalid locale name",
    "invalid LC_",
    "incompatible with operating system",
    "could not access file",
    "could not load library",
    "No space left on device",
    "unsupported version",
    "could not be run to its end",
)
"""Errors that tell of the scratch server, and nothing of the backup."""

HEAD_BYTES = 20_000

_CONNECT = re.compile(r'^\\connect (?:-reuse-previous=on )?"?([^"\s]+)"?$', re.MULTILINE)
_DATABASE = re.compile(r"^;\s+dbname: (.+)$", re.MULTILINE)
_CLUSTER_DUMP = "PostgreSQL database cluster dump"


class Restored(NamedTuple):
    """A database that was restored and answers."""

    cluster: Cluster
    database: str

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the superuser."""
        return self.cluster.connect(self.database)


class Watch:
    """Takes the time of each phase, and of the whole."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        """Start, the first phase having begun *ahead_s* ago."""
        self._began_s = time.monotonic() - ahead_s
        self.phases: list[Phase] = []
        self.wall_s = 0.0

    @contextlib.contextmanager
    def phase(self, name: PhaseName) -> Iterator[None]:
        """Time the block."""
        since_s = self._now_s() if self.phases else 0.0
        yield
        self.phases.append(Phase(name=name, since_s=since_s, until_s=self._now_s()))

    def stop(self) -> Recovery:
        """Return what was timed."""
        wall_s = round(time.monotonic() - self._began_s, 3)
        return Recovery(phases=tuple(self.phases), wall_s=wall_s)

    def _now_s(self) -> float:
        return round(time.monotonic() - self._began_s, 3)


class Source(NamedTuple):
    """What is restored."""

    path: Path
    kind: BackupKind
    archive: Path | None = None
    """Where the WAL that follows a base backup lies."""

    fetched_s: float = 0.0
    """How long it took to fetch both from a bucket: once, and counted in each recovery."""

    tool: Tool | None = None
    """pgBackRest, where it keeps the backup that ``path`` names."""

    since: str = ""
    """The segment that its recovery begins with."""


class Restore:
    """Restores a backup below the home of a PostgreSQL installation."""

    def __init__(self, visit: Visit, live: Live, postgres: Postgres, life: ExitStack) -> None:
        """Prepare; *life* ends what is started."""
        self._visit = visit
        self._live = live
        self._postgres = postgres
        self._life = life
        self._watch = Watch()

    def run(self, source: Source) -> tuple[Restored, Recovery]:
        """Restore *source*, and ask the result one question.

        Raises:
            NotSeen: The scratch server lacks something, or the time is up.
            ServerError: The backup cannot be restored.

        """
        self._watch = Watch(source.fetched_s)
        try:
            restored = self._from(source)
            with self._watch.phase("first_query"):
                _query(restored)
        except (ServerError, psycopg.Error) as error:
            _ = self._visit.remaining_s  # a program that was cut off tells nothing of the backup
            raise _explained(error) from error
        return restored, self._watch.stop()

    def _from(self, source: Source) -> Restored:
        if source.tool is not None:
            return self._from_repository(source, source.tool)
        physical = source.kind in ("base", "incremental")
        return self._from_copy(source) if physical else self._from_dump(source)

    def _from_dump(self, source: Source) -> Restored:
        visit, watch, postgres = self._visit, self._watch, self._postgres
        with watch.phase("fetch"):
            copy = _fetch(source.path, postgres)
        with watch.phase("start"):
            (port,) = free_ports(1)
            cluster = Cluster(postgres, "restored", port=port, password=password()).create()
            self._life.callback(cluster.stop, immediate=True)
            cluster.configure({}).start(timeout_s=min(60.0, visit.remaining_s))
        with watch.phase("restore"):
            _make_roles(cluster, self._live.roles)
            if source.kind == "plain":
                database = _play(visit, cluster, copy, self._live.name)
            else:
                database = _unpack(visit, cluster, copy, source.kind)
        with watch.phase("replay"):
            pass  # a dump carries no WAL
        return Restored(cluster, database)

    def _from_copy(self, source: Source) -> Restored:
        visit, watch, postgres = self._visit, self._watch, self._postgres
        cluster = self._copy()
        settings: dict[str, Setting] = {}
        with watch.phase("fetch"):
            placed = place(postgres, self._live, source.path, "backup")
            if source.archive is not None:
                since = copies.first_segment(source.path)
                wal = fetch_wal(visit, postgres, source.archive, since)
                settings["restore_command"] = copies.restore_command(wal)
        with watch.phase("restore"):
            copies.combine(postgres, placed, cluster)
            cluster.prepare(settings, signal="recovery.signal" if settings else "")
        return self._recovered(cluster)

    def _from_repository(self, source: Source, tool: Tool) -> Restored:
        watch, postgres = self._watch, self._postgres
        cluster = self._copy()
        with watch.phase("fetch"):
            pass  # it restores straight from where it is kept
        with watch.phase("restore"):
            repository.restore(postgres, tool, source.path.name, cluster)
            wal = repository.fetch(self._visit, postgres, tool, cluster, source.since)
            command = copies.restore_command(wal)
            cluster.prepare({"restore_command": command}, signal="recovery.signal")
        return self._recovered(cluster)

    def _copy(self) -> copies.Copy:
        postgres, superuser = self._postgres, self._live.superusers[0]
        socket = self._life.enter_context(socket_folder(postgres))
        return copies.Copy(postgres, "restored", socket=socket, user=superuser)

    def _recovered(self, cluster: copies.Copy) -> Restored:
        self._life.callback(cluster.stop, immediate=True)
        with self._watch.phase("start"):
            cluster.begin(self._visit)
        with self._watch.phase("replay"):
            cluster.recovered(self._visit)
        return Restored(cluster, self._live.name)


def _explained(error: ServerError | psycopg.Error) -> ReadinessError:
    """Return *error* as one of the backup, or of the scratch server."""
    said = error.message if isinstance(error, ServerError) else str(error)
    if any(words in said for words in SCRATCH_LACKS):
        return NotSeen(
            f"the scratch server cannot restore this: {said[-300:]}",
            hint="install there what the live server has: extensions, locales, space",
        )
    return ServerError(said)


def _fetch(path: Path, postgres: Postgres) -> Path:
    """Copy a dump into the scratch folder, where the server's account may read it."""
    copy = postgres.home / "dump"
    try:
        if path.is_dir():
            shutil.copytree(path, copy)
        else:
            with unpacked(path) as packed, copy.open("wb") as file:
                shutil.copyfileobj(packed, file)
    except Damaged as error:
        raise ServerError(f"{path} cannot be unpacked: {error.message}") from error
    except OSError as error:
        raise ServerError(f"{path} cannot be read to its end: {error}") from error
    own_all(postgres.account, copy)
    return copy


def _make_roles(cluster: Cluster, roles: tuple[str, ...]) -> None:
    """Make the roles that a dump names and does not hold; none may log in."""
    with cluster.connect() as connection:
        for role in roles:
            if role != SUPERUSER:
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))


def _unpack(visit: Visit, cluster: Cluster, dump: Path, kind: BackupKind) -> str:
    """Restore an archive of pg_dump; return the name of its database."""
    if kind == "tar" and (end := tar_end(dump)).status:
        raise ServerError(end.said)
    run, client = cluster.postgres.run, cluster.client(SUPERUSER, cluster.password)
    listed = run("pg_restore", "--list", "--", dump, timeout_s=visit.remaining_s).stdout
    found = _DATABASE.search(listed[:HEAD_BYTES])
    if found is None:
        raise ServerError(f"{dump.name} does not say which database it holds")
    run(
        "pg_restore",
        "--create",
        "--exit-on-error",
        f"--jobs={1 if kind == 'tar' else JOBS}",
        f"--dbname={SUPERUSER}",
        "--",
        dump,
        environment=client,
        timeout_s=visit.remaining_s,
    )
    return found.group(1)


def _play(visit: Visit, cluster: Cluster, script: Path, name: str) -> str:
    """Run a script of pg_dump; return the name of its database."""
    with script.open(encoding="utf-8", errors="replace") as file:
        head = file.read(HEAD_BYTES)
    if _CLUSTER_DUMP in head:
        raise NotSeen(
            "a script of pg_dumpall is not restored: it makes roles that each cluster has already",
            cause="not_implemented",
            hint="keep roles and databases apart: pg_dumpall --globals-only, and pg_dump",
        )
    end = read_script(visit, script)
    if end.status:  # psql takes the end of a cut script for the end of its data
        raise ServerError(end.said)
    own = _CONNECT.search(head)
    if own is None:
        with cluster.connect() as connection:
            create = "CREATE DATABASE {} TEMPLATE template0"
            connection.execute(sql.SQL(create).format(sql.Identifier(name)))
    cluster.postgres.run(
        "psql",
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        # A name with `=` in it would be read as a connection string.
        f"--dbname={make_conninfo(dbname=SUPERUSER if own else name)}",
        f"--file={script}",
        environment=cluster.client(SUPERUSER, cluster.password),
        timeout_s=visit.remaining_s,
    )
    return own.group(1) if own else name


def _query(restored: Restored) -> None:
    """Read one row of the first table."""
    with restored.connect() as connection:
        first = connection.execute(TABLES, [OWN_SCHEMA]).fetchone()
        if first is not None:
            table = sql.Identifier(str(first[0]), str(first[1]))
            connection.execute(sql.SQL("SELECT * FROM {} LIMIT 1").format(table))
