"""Restores the newest backup into a scratch cluster, a few times from nothing, and compares it."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from readiness_kit.drills import repository, sums
from readiness_kit.drills.copies import first_segment
from readiness_kit.drills.recovery import SEGMENT_BYTES
from readiness_kit.drills.restored import Restore, Restored, Source
from readiness_kit.drills.scratch import Live, dialled, scratch, size, suitable
from readiness_kit.errors import NotSeen, ServerError
from readiness_kit.facts.backups.folder import Backup
from readiness_kit.facts.drills.restore import Recovery, RestoreDrill, SumsFrom, TableSum
from readiness_kit.probes.backups.fetch import Local, local_backup, local_wal
from readiness_kit.probes.backups.manifest import size_by_manifest
from readiness_kit.probes.backups.pgbackrest import Tool
from readiness_kit.probes.backups.pgbackrest_facts import as_backup
from readiness_kit.probes.backups.reading import chain, kind_of
from readiness_kit.probes.backups.tarred import is_tarred
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.database.tools import SAID_CAP, first_words
from readiness_kit.servers.postgres import SUPERUSER
from readiness_kit.sources import Visit, source

DEADLINE_S = 4 * 3600.0

PHYSICAL = ("base", "incremental", "pgbackrest")
"""Kinds of backup that are copies of the data directory, and fit one major version alone."""

GROWTH = 2.0
"""Room for a restored database, times the live one: WAL of the restore, and sorting of indexes."""

DUMP_GROWTH = 12.0
"""The same, times a compressed dump, where the size of the live one is not known."""


@source(
    effect="drill",
    drill="restore",
    asks="no request to the service; copies the newest backup into database.scratch, restores it "
    "there drills.restores times, and reads every table once where no sums lie beside the backup",
    deadline_s=DEADLINE_S,
    exclusive=("load",),
    spares_target=True,
)
def restore_drill(visit: Visit) -> RestoreDrill:
    """Restore the newest backup and compare it with its source.

    Raises:
        NotSeen: No backup, no place, or no PostgreSQL that could restore it.

    """
    declared = visit.target.backups
    if declared is not None and declared.pgbackrest is not None:
        return _restored(visit, _kept(Tool(visit, declared.pgbackrest)))
    with local_backup(visit) as local:
        return _restored(visit, _brought(visit, local))


class _Chosen(NamedTuple):
    """What is restored, and how much room that may take where it is known."""

    backup: Backup
    source: Source
    bytes: int = 0


def _kept(tool: Tool) -> _Chosen:
    kept = tool.newest()
    since = repository.first_segment(kept)
    wal_bytes = len(repository.needed(tool.archived(), since)) * SEGMENT_BYTES
    source = Source(Path(kept.label), "pgbackrest", tool=tool, since=since)
    return _Chosen(as_backup(kept), source, 2 * (kept.info.size + wal_bytes))


def _brought(visit: Visit, local: Local) -> _Chosen:
    kind = kind_of(local.path)
    if kind == "pgbackrest":
        raise NotSeen(
            "a repository of pgBackRest is restored by pgBackRest itself",
            cause="not_configured",
            hint="name stanza and config in backups.pgbackrest, instead of backups.directory",
        )
    physical = kind in PHYSICAL
    archive, fetched_s = _archive(visit, local) if physical else (None, 0.0)
    source = Source(local.path, kind, archive, local.fetched_s + fetched_s)
    return _Chosen(local.backup, source)


def _restored(visit: Visit, chosen: _Chosen) -> RestoreDrill:
    backup, kind = chosen.backup, chosen.source.kind
    live = Live(visit)
    drill = _Drill(visit, live, chosen, exactly=kind in PHYSICAL)
    drill.hold()
    seen = drill.seen
    return RestoreDrill(
        backup=backup.name,
        kind=kind,
        backup_bytes=backup.size_bytes,
        made_at=backup.made_at,
        server=drill.program.version,
        recoveries=tuple(drill.recoveries),
        restored_bytes=seen.bytes if seen else None,
        database_bytes=live.bytes,
        error=drill.error,
        queried=seen is not None,
        tables=seen.tables if seen else (),
        sums_from=seen.sums_from if seen else "nowhere",
        amcheck=seen.amcheck if seen else "not_run",
        amcheck_said=seen.amcheck_said if seen else "",
        invalid=seen.invalid if seen else (),
        source_checksums=live.checksums,
        observed_at=datetime.now(UTC),
    )


def _archive(visit: Visit, local: Local) -> tuple[Path | None, float]:
    """Return where the WAL behind a base backup lies, and how long it took to fetch."""
    declared = visit.target.backups
    if declared is None or declared.bucket is None or declared.bucket.wal_url is None:
        return declared.wal_archive if declared else None, 0.0
    return local_wal(visit, declared.bucket, local, first_segment(local.path))


class _Seen(NamedTuple):
    """What the restored database showed."""

    bytes: int
    tables: tuple[TableSum, ...]
    sums_from: SumsFrom
    amcheck: Literal["clean", "damaged", "not_run"]
    amcheck_said: str
    invalid: tuple[str, ...]


class _Drill:
    """What is done, in order."""

    def __init__(self, visit: Visit, live: Live, chosen: _Chosen, *, exactly: bool) -> None:
        self._visit = visit
        self._live = live
        self._source = chosen.source
        self._needed_bytes = chosen.bytes
        self.program = suitable(live, exactly=exactly)
        self.recoveries: list[Recovery] = []
        self.error = ""
        self.seen: _Seen | None = None

    def hold(self) -> None:
        """Restore as often as declared, or until it fails; compare the first."""
        times = self._visit.target.drills.restores
        for number in range(1, times + 1):
            self._visit.step(f"restore {number}/{times}")
            if not self._once(compare=self.seen is None):
                return
            slowest_s = max(one.wall_s for one in self.recoveries)
            if self._visit.remaining_s < 2 * slowest_s:
                return

    def _once(self, *, compare: bool) -> bool:
        visit, live = self._visit, self._live
        needed = self._needed_bytes or _room(live, self._source.path)
        with (
            scratch(visit, live, self.program, needed) as postgres,
            ExitStack() as life,
        ):
            try:
                restored, recovery = Restore(visit, live, postgres, life).run(self._source)
            except ServerError as error:
                self.error = first_words(error.message)
                return False
            self.recoveries.append(recovery)
            if compare:
                self.seen = self._look(restored)
            return True

    def _look(self, restored: Restored) -> _Seen:
        self._visit.step("compare every row with the source")
        with restored.connect() as connection:
            here = sums.count(connection).sums
            row = connection.execute(Sql.SOURCE.text).fetchone()
            held = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None and held is not None  # noqa: S101, PT018 - they give one row each
        there, sums_from = self._source_sums()
        if sums_from != "backup":  # such sums are those of one database
            here |= self._others(restored, restored.others)
            there |= self._others(None, restored.others)
        names = sorted(here.keys() | there.keys())
        self._visit.step("pg_amcheck")
        amcheck, said = self._amcheck(restored)
        invalid = {str(one) for one in _texts(row[2])} - self._live.invalid
        return _Seen(
            bytes=int(str(held[0])),
            tables=tuple(_pair(name, there.get(name), here.get(name)) for name in names),
            sums_from=sums_from,
            amcheck=amcheck,
            amcheck_said=said,
            invalid=tuple(sorted(invalid)),
        )

    def _source_sums(self) -> tuple[sums.Sums, SumsFrom]:
        """Return what the source held: by the backup's own account, else what it holds now."""
        declared, path = self._visit.target.backups, self._source.path
        logical = self._source.kind not in PHYSICAL
        if declared is not None and logical:
            kept = sums.read(path.with_name(declared.sums.format(name=path.name)))
            if kept is not None:
                return kept, "backup"
        secret = self._visit.target.drills.dsn or self._visit.database.dsn
        try:
            with psycopg.connect(dialled(secret), autocommit=True) as connection:
                return sums.count(connection).sums, "live"
        except (NotSeen, psycopg.Error):
            return {}, "nowhere"

    def _others(self, restored: Restored | None, names: tuple[str, ...]) -> sums.Sums:
        """Return what other databases of a script of pg_dumpall hold; of the source without it."""
        found: sums.Sums = {}
        for name in names:
            try:
                with self._other(restored, name) as connection:
                    counted = sums.count(connection).sums
            except (NotSeen, psycopg.Error):
                continue  # its tables are then not compared, and shown to be
            found |= {f"{name}: {table}": one for table, one in counted.items()}
        return found

    def _other(self, restored: Restored | None, name: str) -> sums.Connection:
        if restored is not None:
            return restored.cluster.connect(name)
        secret = self._visit.target.drills.dsn or self._visit.database.dsn
        return psycopg.connect(make_conninfo(dialled(secret), dbname=name), autocommit=True)

    def _amcheck(self, restored: Restored) -> tuple[Literal["clean", "damaged", "not_run"], str]:
        cluster = restored.cluster
        try:
            cluster.postgres.run(
                "pg_amcheck",
                "--install-missing",
                "--heapallindexed",
                *(_exactly(one) for one in (restored.database, *restored.others)),
                environment=cluster.client(SUPERUSER, cluster.password),
                timeout_s=self._visit.remaining_s,
            )
        except ServerError as error:
            damaged = "failed (status 2)" in error.message
            return "damaged" if damaged else "not_run", error.message[:SAID_CAP]
        return "clean", ""


def _exactly(database: str) -> str:
    """Return the option of pg_amcheck for one database: it takes patterns, and small letters."""
    quoted = database.replace('"', '""')
    return f'--database="{quoted}"'


def _room(live: Live, path: Path) -> int:
    """Return how much room a restore of *path* takes, at most."""
    if (path / "PG_VERSION").is_file() or is_tarred(path):
        return 2 * sum(max(size(one), size_by_manifest(one)) for one in chain(path))
    packed = size(path)
    restored = live.bytes * GROWTH if live.bytes else packed * DUMP_GROWTH
    return int(packed + restored)


def _pair(name: str, there: sums.Sum | None, here: sums.Sum | None) -> TableSum:
    return TableSum(
        name=name,
        source_rows=there.rows if there else None,
        source_sha256=there.sha256 if there else "",
        restored_rows=here.rows if here else None,
        restored_sha256=here.sha256 if here else "",
    )


def _texts(value: object) -> list[object]:
    return value if isinstance(value, list) else []
