"""Ask PostgreSQL about itself: version, settings, replication."""

import csv
import time
from datetime import UTC, datetime
from importlib import resources

import psutil
from psycopg.rows import DictRow

from readiness_kit.errors import NotSeen
from readiness_kit.facts.database.replication import PostgresReplication, Replica, Slot, Standby
from readiness_kit.facts.database.server import PostgresServer, PostgresSettings, Release, Setting
from readiness_kit.probes.database.session import Session, parameters, servers, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.host.machine import capacity, is_our_backend
from readiness_kit.sources import Visit, source
from readiness_kit.target import Secret

SETTINGS = (
    "fsync",
    "full_page_writes",
    "autovacuum",
    "synchronous_commit",
    "max_connections",
    "superuser_reserved_connections",
    "reserved_connections",
    "shared_buffers",
    "effective_cache_size",
    "maintenance_work_mem",
    "autovacuum_work_mem",
    "autovacuum_max_workers",
    "checkpoint_completion_target",
    "wal_buffers",
    "default_statistics_target",
    "random_page_cost",
    "effective_io_concurrency",
    "io_method",
)

LAG_SAMPLES = 3
LAG_WINDOW_S = 4.0
"""Time over which the lag is sampled; short enough for all probes to end within 8 s."""


@source(effect="read", asks="1 SQL statement: version, role, size of the database", deadline_s=10)
def postgres_server(visit: Visit) -> PostgresServer:
    """Ask who answers at the DSN, and find out whether it runs on this machine."""
    params = parameters(visit.database.dsn)
    with session(visit, params) as database:
        row = database.row(Sql.SERVER)
        here = is_our_backend(row["pid"], row["client_port"])
        memory_bytes = _memory(row["pid"]) if here else None
    return PostgresServer(
        observed_at=datetime.now(UTC),
        version_num=row["version_num"],
        release=releases().get(row["version_num"] // 10000),
        role=row["role"],
        superuser=row["superuser"],
        in_recovery=row["in_recovery"],
        database_bytes=row["database_bytes"],
        data_directory=row["data_directory"],
        hosts=tuple(server.host for server in servers(params)),
        same_machine=here,
        memory_bytes=memory_bytes,
    )


@source(effect="read", asks="2 SQL statements: settings, connections, checkpoints", deadline_s=10)
def postgres_settings(visit: Visit) -> PostgresSettings:
    """Ask the primary for its settings, its connections and its checkpoints."""
    with session(visit, parameters(visit.database.dsn)) as database:
        version_num = database.version_num
        rows = database.rows(Sql.SETTINGS, names=list(SETTINGS))
        now = database.row(Sql.CLIENTS_17 if version_num >= 170000 else Sql.CLIENTS)
    return PostgresSettings(
        observed_at=datetime.now(UTC),
        version_num=version_num,
        settings={row["name"]: _setting(row) for row in rows if row["name"] in SETTINGS},
        pending_restart=tuple(row["name"] for row in rows if row["pending_restart"]),
        client_backends=() if now["hidden"] else (now["clients"],),
        checkpoints_timed=now["timed"],
        checkpoints_requested=now["requested"],
    )


@source(
    effect="read",
    asks="4 SQL statements on the primary over 4 s, 1 on each standby",
    deadline_s=20,
)
def postgres_replication(visit: Visit) -> PostgresReplication:
    """Sample the lag on the primary, and ask each declared standby how it is."""
    with session(visit, parameters(visit.database.dsn)) as primary:
        row = primary.row(Sql.PRIMARY)
        here = is_our_backend(row["pid"], row["client_port"])
        replicas = tuple(_replica(visit, dsn, primary_here=here) for dsn in visit.database.replicas)
        samples = [_standbys(primary)]
        began = time.monotonic()
        for _ in range(1, LAG_SAMPLES):
            time.sleep(min(LAG_WINDOW_S / (LAG_SAMPLES - 1), visit.remaining_s))
            samples.append(_standbys(primary))
    return PostgresReplication(
        observed_at=datetime.now(UTC),
        primary_in_recovery=row["in_recovery"],
        samples=tuple(samples),
        sampled_s=round(time.monotonic() - began, 3),
        replicas=replicas,
        slots=tuple(Slot(**slot) for slot in row["slots"]),
        max_slot_wal_keep_bytes=_bytes(row["slots_keep_mib"]),
    )


def releases() -> dict[int, Release]:
    """Return the shipped table of PostgreSQL releases by major version."""
    text = resources.files("readiness_kit.probes.database").joinpath("releases.tsv").read_text()
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {
        int(row["major"]): Release(
            major=int(row["major"]),
            latest_minor=int(row["latest_minor"]),
            end_of_life=_day(row["end_of_life"]),
            table_as_of=_day(row["table_as_of"]),
        )
        for row in rows
    }


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _memory(pid: int) -> int:
    total = psutil.virtual_memory().total
    limit = capacity(pid).memory_limit_bytes
    return total if limit is None else min(total, limit)


def _setting(row: DictRow) -> Setting:
    return Setting(
        value=row["value"],
        unit=row["unit"],
        source=row["source"],
        pending_restart=row["pending_restart"],
    )


def _bytes(mib: int | None) -> int | None:
    """Return the bound in bytes; -1 is none (PostgreSQL manual 20.6.1)."""
    return None if mib is None or mib < 0 else mib * 1024**2


def _standbys(primary: Session) -> tuple[Standby, ...]:
    rows = primary.rows(Sql.STANDBYS)
    if any(row["state"] is None for row in rows):
        raise NotSeen("the probe's role may not see replication", hint="grant it pg_monitor")
    return tuple(Standby(**row) for row in rows)


def _replica(visit: Visit, dsn: Secret, *, primary_here: bool) -> Replica:
    params = parameters(dsn)
    address = ", ".join(f"{one.host}:{one.port}" for one in servers(params)) or "local socket"
    try:
        with session(visit, params) as standby:
            row = standby.row(Sql.RECEIVER)
            here = is_our_backend(row["pid"], row["client_port"])
    except NotSeen as error:
        return Replica(address=address, unseen=error.message)
    return Replica(
        address=address,
        unseen="",
        in_recovery=row["in_recovery"],
        receiver_status=row["receiver_status"],
        message_age_s=row["message_age_s"],
        replay_paused=bool(row["replay_paused"]),
        same_machine=here == primary_here,
    )
