"""Recovers a base backup with the archived WAL into a scratch cluster, as far as it is told."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from readiness_kit.drills import archived, copies, repository
from readiness_kit.drills.archived import TIMELINE
from readiness_kit.drills.bucket import InBucket
from readiness_kit.drills.placed import place
from readiness_kit.drills.restored import Watch
from readiness_kit.drills.scratch import Live, own_all, scratch, size, socket_folder, suitable
from readiness_kit.errors import NotSeen, ServerError
from readiness_kit.facts.drills.recovery import CopyRecovered
from readiness_kit.probes.backups.folder import newest_backup
from readiness_kit.probes.backups.pgbackrest import Tool
from readiness_kit.probes.backups.reading import kind_of
from readiness_kit.probes.database.session import parameters
from readiness_kit.probes.database.tools import first_words, run
from readiness_kit.servers.postgres import Postgres, Setting
from readiness_kit.servers.programs import Program
from readiness_kit.sources import Visit

Connection = psycopg.Connection[tuple[object, ...]]

Archive = Path | Tool | InBucket
"""A folder, pgBackRest, or a bucket."""

SEGMENT_BYTES = 16 * 2**20

ARCHIVED_S = 30.0
"""Longest wait for a segment that is finished to lie in the archive."""


class Base(NamedTuple):
    """A base backup."""

    path: Path
    words: str
    seconds: float | None
    """How long making it took, where the drill did."""

    since: str
    """The segment that its recovery begins with."""


class Ground:
    """Where a recovery takes place, and what it starts from."""

    def __init__(self, visit: Visit, live: Live, postgres: Postgres, archive: Archive) -> None:
        """Nothing is made yet."""
        self.visit = visit
        self.live = live
        self.postgres = postgres
        self._archive = archive

    def base(self) -> Base:
        """Return the newest base backup that is kept, else make one.

        Raises:
            NotSeen: Neither is possible.

        """
        if isinstance(self._archive, Tool):
            kept = self._archive.newest()
            words = f"{kept.label}, the newest that pgBackRest keeps"
            return Base(Path(kept.label), words, None, repository.first_segment(kept))
        with contextlib.suppress(NotSeen):
            _, path = newest_backup(self.visit)
            if kind_of(path) in ("base", "incremental"):
                since = copies.first_segment(path)
                return Base(path, f"{path.name}, the newest that is kept", None, since)
        return self._taken()

    def await_archived(self, segment: str, timeout_s: float) -> float | None:
        """Wait until the archive has *segment*; return the seconds it took, or ``None``."""
        if isinstance(self._archive, Tool):
            return repository.await_archived(self.visit, self._archive, segment, timeout_s)
        if isinstance(self._archive, InBucket):
            return self._archive.await_archived(segment, timeout_s)
        return archived.await_archived(self.visit, self._archive, segment, timeout_s)

    def _taken(self) -> Base:
        secret = self.visit.target.drills.base_backup_dsn
        if secret is None:
            raise NotSeen(
                "no base backup is kept, and readiness.yaml has no drills.base_backup_dsn",
                cause="not_configured",
                hint="keep base backups in backups.directory, or name a role with REPLICATION",
            )
        params = parameters(secret)
        password = params.pop("password", "")
        params.pop("dbname", None)
        self.visit.step("take a base backup of the primary")
        target, began = self.postgres.home / "taken", time.monotonic()
        done = run(
            self.visit,
            self.postgres.directory / "pg_basebackup",
            f"--pgdata={target}",
            f"--dbname={make_conninfo(**params)}",
            "--no-password",
            "--wal-method=none",
            "--checkpoint=fast",
            "--no-sync",
            *self._mappings(),
            environment={"PGPASSWORD": password},
        )
        if done.status:
            raise NotSeen(f"no base backup: {done.said}", hint="check drills.base_backup_dsn")
        seconds = round(time.monotonic() - began, 3)
        since = copies.first_segment(target)
        return Base(target, "taken by the drill from the primary", seconds, since)

    def _mappings(self) -> Iterator[str]:
        for number, space in enumerate(self.live.tablespaces):
            yield copies.mapping(space, self._taken_spaces / str(number))

    def recover(
        self, base: Base, settings: Mapping[str, Setting], life: ExitStack
    ) -> tuple[CopyRecovered, Connection | None]:
        """Recover *base* as *settings* say; return how it went, and a connection to the result."""
        watch = Watch(self.visit)
        connection, error, timeline = None, "", None
        try:
            cluster = self._started(base, settings, watch, life)
            with watch.phase("first_query"):
                connection = life.enter_context(cluster.connect(self.live.name))
                timeline = _timeline(connection)
        except (ServerError, psycopg.Error) as caught:
            _ = self.visit.remaining_s
            said = caught.message if isinstance(caught, ServerError) else str(caught)
            error = _reason(said)
        timed = watch.stop()
        found = CopyRecovered(
            base=base.words,
            base_seconds=base.seconds,
            server=self.postgres.version,
            phases=timed.phases,
            wall_s=timed.wall_s,
            promoted=connection is not None,
            timeline_before=self.live.timeline,
            timeline_after=timeline,
            error=error,
        )
        return found, connection

    def _placed(self, base: Base) -> tuple[Path, ...]:
        """Return copies of *base*, and of what it rests on; what the drill took is one already."""
        if base.seconds is None:
            return place(self.postgres, self.live, base.path, "backup")
        for folder in (base.path, self._taken_spaces):
            own_all(self.postgres.account, folder)
        return (base.path,)

    @property
    def _taken_spaces(self) -> Path:
        """Where the tablespaces of a base backup of the drill's own lie."""
        return self.postgres.folder("taken-tablespaces")

    def _brought(self, base: Base, cluster: copies.Copy, watch: Watch) -> Path:
        """Make the data directory of *cluster*; return the folder with its WAL."""
        visit, postgres = self.visit, self.postgres
        with watch.phase("fetch"):
            if isinstance(self._archive, Tool):
                repository.restore(postgres, self._archive, base.path.name, cluster)
                return repository.fetch(visit, postgres, self._archive, cluster, base.since)
            if isinstance(self._archive, InBucket):
                wal = self._archive.fetch(postgres, base.since)
            else:
                wal = archived.fetch_wal(visit, postgres, self._archive, base.since)
            copies.combine(postgres, self._placed(base), cluster)
            return wal

    def _started(
        self, base: Base, settings: Mapping[str, Setting], watch: Watch, life: ExitStack
    ) -> copies.Copy:
        visit, postgres = self.visit, self.postgres
        socket = life.enter_context(socket_folder(postgres))
        cluster = copies.Copy(postgres, "recovered", socket=socket, user=self.live.superusers[0])
        wal = self._brought(base, cluster, watch)
        with watch.phase("restore"):
            given: dict[str, Setting] = {
                "restore_command": copies.restore_command(wal),
                "recovery_target_action": "promote",
                "fsync": False,  # rows are looked for here, and no time is judged
                **settings,
            }
            cluster.prepare(given, signal="recovery.signal")
        life.callback(cluster.stop, immediate=True)
        with watch.phase("start"):
            cluster.begin(visit)
        with watch.phase("replay"):
            cluster.recovered(visit)
        return cluster


@contextlib.contextmanager
def ground(visit: Visit) -> Iterator[Ground]:
    """Yield a place to recover in.

    Raises:
        NotSeen: There is no archive, no place, or no PostgreSQL of the server's version.

    """
    archive = _archive(visit)
    live = Live(visit)
    program: Program = suitable(live, exactly=True)
    needed = _wal_bytes(archive) + 3 * (live.cluster_bytes or 0) + 8 * SEGMENT_BYTES
    with scratch(visit, live, program, needed) as postgres:
        yield Ground(visit, live, postgres, archive)


def _archive(visit: Visit) -> Archive:
    declared = visit.target.backups
    if declared is not None and declared.bucket is not None and declared.bucket.wal_url:
        return InBucket(visit, declared.bucket)
    if declared is not None and declared.pgbackrest is not None:
        return Tool(visit, declared.pgbackrest)
    if declared is not None and declared.wal_archive is not None:
        return declared.wal_archive
    raise NotSeen(
        "readiness.yaml has no backups.wal_archive: nothing to recover from",
        cause="not_configured",
        hint="add backups.wal_archive, the folder that archive_command fills, or "
        "backups.pgbackrest, or wal_url to backups.bucket",
    )


def _wal_bytes(archive: Archive) -> int:
    """Return how much room its WAL takes when unpacked."""
    if isinstance(archive, Tool):
        since = repository.first_segment(archive.newest())
        return len(repository.needed(archive.archived(), since)) * SEGMENT_BYTES
    return archive.bytes() if isinstance(archive, InBucket) else size(archive)


def _timeline(connection: Connection) -> int:
    """Return the timeline that a primary writes, by the name of its current segment."""
    row = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
    return int(str(row[0])[:TIMELINE], 16) if row else 0


def _reason(said: str) -> str:
    """Return the last FATAL of a server's log, else the first words."""
    fatal = [line.strip() for line in said.splitlines() if "FATAL" in line or "PANIC" in line]
    return fatal[-1][-300:] if fatal else first_words(said)
