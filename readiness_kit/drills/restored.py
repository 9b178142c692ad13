"""One recovery, from the first byte fetched to the first answer, in its phases."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql

from readiness_kit.drills import copies, dumps, repository
from readiness_kit.drills.archived import fetch_wal
from readiness_kit.drills.placed import place
from readiness_kit.drills.scratch import Live, password, socket_folder
from readiness_kit.drills.sums import OWN_SCHEMA, TABLES
from readiness_kit.errors import NotSeen, ReadinessError, ServerError
from readiness_kit.facts.drills.restore import BackupKind, Phase, PhaseName, Recovery
from readiness_kit.probes.backups.pgbackrest import Tool
from readiness_kit.servers.ports import free_ports
from readiness_kit.servers.postgres import Cluster, Postgres, Setting
from readiness_kit.sources import Visit

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
    "invalid command \\restrict",
)
"""Errors that tell of the scratch server, and nothing of the backup."""


RESTRICTED = "backslash commands are restricted"
"""What psql says then."""


class Restored(NamedTuple):
    """A database that was restored and answers."""

    cluster: Cluster
    database: str

    others: tuple[str, ...] = ()
    """What else was restored, by a script of pg_dumpall."""

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the superuser."""
        return self.cluster.connect(self.database)


class Watch:
    """Takes the time of each phase, and of the whole."""

    def __init__(self, visit: Visit, ahead_s: float = 0.0) -> None:
        """Start, the first phase having begun *ahead_s* ago; *visit* tells of each."""
        self._visit = visit
        self._began_s = time.monotonic() - ahead_s
        self.phases: list[Phase] = []
        self.wall_s = 0.0

    @contextlib.contextmanager
    def phase(self, name: PhaseName) -> Iterator[None]:
        """Time the block."""
        self._visit.step(name.replace("_", " "))
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
        self._watch = Watch(visit)

    def run(self, source: Source) -> tuple[Restored, Recovery]:
        """Restore *source*, and ask the result one question.

        Raises:
            NotSeen: The scratch server lacks something, or the time is up.
            ServerError: The backup cannot be restored.

        """
        self._watch = Watch(self._visit, source.fetched_s)
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
            copy = dumps.fetch(source.path, postgres)
            script = dumps.script(visit, postgres, copy) if source.kind == "plain" else None
        with watch.phase("start"):
            (port,) = free_ports(1)
            cluster = dumps.Fresh(postgres, "restored", port=port, password=password()).create()
            self._life.callback(cluster.stop, immediate=True)
            cluster.configure(dumps.SETTINGS).start(timeout_s=min(60.0, visit.remaining_s))
        others: tuple[str, ...] = ()
        with watch.phase("restore"):
            if script is not None and script.of_cluster:
                database, others = dumps.play_cluster(visit, cluster, script, self._live.name)
            else:
                dumps.make_roles(cluster, self._live.roles)
                database = (
                    dumps.unpack(visit, cluster, copy, source.kind)
                    if script is None
                    else dumps.play(visit, cluster, script, self._live.name)
                )
        with watch.phase("replay"):
            pass  # a dump carries no WAL
        return Restored(cluster, database, others)

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
    if RESTRICTED in said:
        return NotSeen(
            f"the script holds a command of psql, as no dump does; it was refused: {said[-200:]}",
            hint="find out who wrote it; a dump in the custom format is restored without psql",
        )
    if any(words in said for words in SCRATCH_LACKS):
        return NotSeen(
            f"the scratch server cannot restore this: {said[-300:]}",
            hint="install there what the live server has: extensions, locales, space",
        )
    return ServerError(said)


def _query(restored: Restored) -> None:
    """Read one row of the first table."""
    with restored.connect() as connection:
        first = connection.execute(TABLES, [OWN_SCHEMA]).fetchone()
        if first is not None:
            table = sql.Identifier(str(first[0]), str(first[1]))
            connection.execute(sql.SQL("SELECT * FROM {} LIMIT 1").format(table))
