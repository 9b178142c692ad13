"""Database parameters: nothing trades durability for speed, and memory and planner fit the machine.

>>> CHECK.shows()["durability_on"], CHECK.shows()["shared_buffers"]
('PASS', 'PASS')
>>> CHECK.shows(fsync_off(SETTINGS))["durability_on"]
'FAIL'
>>> CHECK.shows(with_value(SETTINGS, "shared_buffers", "40960"))["shared_buffers"]
'WARN'
>>> CHECK.shows(memory_not_known(SERVER))["shared_buffers"]
'UNKNOWN'
"""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from readiness_kit.facts.database.server import PostgresServer, PostgresSettings, Setting
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

MIB = 1024**2
GIB = 1024**3

BUSY_SHARE = 0.80
"""Most client connections that may be in use, of those not reserved (default)."""

MANY_CONNECTIONS = 200
"""The checklist's max_connections; beyond it a pooler serves better (default)."""

BUFFERS_SHARE = (0.15, 0.40)
"""Share of memory for shared_buffers: start at 25 %, beyond 40 % rarely helps (manual, 20.4)."""

CACHE_SHARE = (0.50, 0.75)
"""Share of memory for effective_cache_size (PostgreSQL wiki, Tuning Your PostgreSQL Server)."""

BUFFERS_LETTER, CACHE_LETTER, MAINTENANCE_LETTER = 256 * MIB, GIB, 128 * MIB
"""The checklist's own figures."""

MAINTENANCE_SHARE = (0.25, 0.50)
"""Share of memory that all autovacuum workers may take: good, and at most (default)."""

CHECKPOINT_SPREAD = 0.9
"""The checklist's figure, and the server's default since version 14."""

REQUESTED_SHARE, CHECKPOINTS_JUDGED = 0.50, 10
"""Share of checkpoints that may begin early, judged from so many checkpoints on (default)."""

WAL_BUFFERS = 16 * MIB
"""The checklist's figure; the server by itself takes 1/32 of shared_buffers, 16 MB at most."""

STATISTICS = (100, 1000)
"""The checklist's figure, and where planning begins to cost more than it gains (default)."""

PAGE_COST = (1.0, 1.5, 2.0)
"""random_page_cost on SSD: least, good up to, tolerable up to (default, about the letter's 1.1)."""

IO_CONCURRENCY = (100, 16)
"""effective_io_concurrency on SSD: good, tolerable (default); the letter's is 200."""

SERVERS_CHOICE = frozenset({"default", "override"})
"""How pg_settings names a value that the server chose by itself."""

VITAL = ("fsync", "full_page_writes", "autovacuum")
DURABLE_COMMITS = frozenset({"on", "local", "remote_write", "remote_apply"})


def case(pg: PostgresSettings, claim: str, want: str, got: str, *names: str) -> Case:
    """Return the case of *claim* over the settings *names*, by default the one called like it."""
    asked = names or (claim,)
    return Case(
        claim=claim,
        got=got or "not seen",
        want=want,
        seen=[pg.at(f"/settings/{name}") for name in asked if name in pg.settings],
        reproduce=f'psql "$READINESS_DB_DSN" -c "SHOW {asked[0]}"',
        grade=Grade.OBSERVED,
    )


@judges("durability_on")
def durability(pg: PostgresSettings) -> Iterator[Finding]:
    """Data is never put at risk for speed."""
    names = (*VITAL, "synchronous_commit")
    values = {name: pg.settings[name].value for name in names if name in pg.settings}
    got = ", ".join(f"{name} {value}" for name, value in values.items())
    this = case(pg, "durability_on", "all on, nothing waiting for a restart", got, *names)
    commit = values.get("synchronous_commit")
    waiting = [f"waits for a restart: {name}" for name in pg.pending_restart]
    if any(values.get(name) == "off" for name in VITAL):
        yield this.fails(
            "off, each of these loses or corrupts data (PostgreSQL manual 20.5, 20.10)"
        )
    elif any(values.get(name) != "on" for name in VITAL):
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif commit == "off":
        yield this.holds("a crash loses the newest commits (PostgreSQL manual 28.4)", *waiting)
    elif commit in DURABLE_COMMITS:
        yield this.holds(*waiting)
    else:
        yield this.not_seen(Cause.COULD_NOT_ASK)


@judges("max_connections")
def connections(pg: PostgresSettings) -> Iterator[Finding]:
    """Enough slots are free for a burst and for the administrator."""
    most = pg.number("max_connections")
    reserved = pg.number("superuser_reserved_connections")
    roles = pg.number("reserved_connections") or 0  # PostgreSQL 16 and newer
    want = f"at most {BUSY_SHARE:.0%} of the slots in use, max_connections at most 200"
    names = ("max_connections", "superuser_reserved_connections")
    if most is None or reserved is None or not pg.client_backends:
        this = case(pg, "max_connections", want, "", *names)
        yield this.not_seen(Cause.COULD_NOT_ASK, "to see sessions the role needs pg_monitor")
        return
    slots, highest = most - reserved - roles, max(pg.client_backends)
    got = (
        f"highest of {len(pg.client_backends)} samples {highest} of {most:g} - {reserved:g} - "
        f"{roles:g} = {slots:g} slots"
    )
    this = case(pg, "max_connections", want, got, *names)
    if slots <= 0 or highest > BUSY_SHARE * slots:
        yield this.fails()
    elif most > MANY_CONNECTIONS:
        yield this.holds("more than 200 connections: put a pooler in front (PgBouncer)")
    else:
        yield this.holds()


@judges("shared_buffers")
def shared_buffers(pg: PostgresSettings, server: PostgresServer) -> Iterator[Finding]:
    """Shared buffers fit the machine."""
    low, high = BUFFERS_SHARE
    want = f"{low:.0%} to {high:.0%} of memory, the letter at least 256 MB"
    this, size, share = _share("shared_buffers", pg, server, want)
    if size is None or share is None:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif share > high or (share < low and size < BUFFERS_LETTER):
        yield this.fails()
    elif share < low:
        yield this.holds("start at 25 % of memory (PostgreSQL manual 20.4)")
    else:
        yield this.holds()


@judges("effective_cache_size")
def effective_cache_size(pg: PostgresSettings, server: PostgresServer) -> Iterator[Finding]:
    """The planner knows how much the machine caches."""
    low, high = CACHE_SHARE
    want = f"{low:.0%} to {high:.0%} of memory, the letter at least 1 GB"
    this, size, share = _share("effective_cache_size", pg, server, want)
    if size is None or share is None:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif share > 1:
        yield this.fails("the planner counts on more cache than there is memory")
    elif low <= share <= high:
        yield this.holds()
    elif size >= CACHE_LETTER:
        yield this.holds("set it to 50 to 75 % of memory (PostgreSQL wiki, Tuning)")
    else:
        yield this.fails()


def _share(
    name: str, pg: PostgresSettings, server: PostgresServer, want: str
) -> tuple[Case, int | None, float | None]:
    """Return the case of the setting *name*, its bytes, and its share of the server's memory."""
    size, memory = pg.size_bytes(name), server.memory_bytes
    share = None if size is None or not memory or memory < 0 else size / memory
    got = f"{_mib(size)} of {_mib(memory)}" + ("" if share is None else f" = {share:.1%}")
    this = case(pg, name, want, got)
    return dataclasses.replace(this, seen=[*this.seen, server.at("/memory_bytes")]), size, share


@judges("maintenance_work_mem")
def maintenance_work_mem(pg: PostgresSettings, server: PostgresServer) -> Iterator[Finding]:
    """Maintenance is quick, and all workers at once do not exhaust the machine."""
    name, (good, most) = "maintenance_work_mem", MAINTENANCE_SHARE
    want = f"at least 128 MB, and at most {good:.0%} of memory for all autovacuum workers"
    size, own = pg.size_bytes(name), pg.size_bytes("autovacuum_work_mem")
    workers, memory = pg.number("autovacuum_max_workers"), server.memory_bytes
    if size is not None and size < MAINTENANCE_LETTER:
        yield case(pg, name, want, _mib(size)).fails()
    elif size is None or own is None or workers is None or not memory or memory < 0:
        got = f"{_mib(size)}, {workers or 'unknown'} workers, memory {_mib(memory)}"
        yield case(pg, name, want, got).not_seen(Cause.COULD_NOT_ASK)
    else:
        each = size if own < 0 else own  # -1: as maintenance_work_mem
        share = each * workers / memory
        got = f"{_mib(size)}; {_mib(each)} x {workers:g} workers = {share:.1%} of {_mib(memory)}"
        this = case(pg, name, want, got, name, "autovacuum_work_mem", "autovacuum_max_workers")
        if share > most:
            yield this.fails()
        else:
            yield this.holds(*(["lower autovacuum_work_mem (manual 20.4)"] if share > good else []))


@judges("checkpoint_completion_target")
def checkpoints(pg: PostgresSettings) -> Iterator[Finding]:
    """Checkpoints are spread out, and begin because it is time."""
    name, want = "checkpoint_completion_target", "at least 0.9, and most checkpoints timed"
    spread, timed, early = pg.number(name), pg.checkpoints_timed, pg.checkpoints_requested
    this = case(pg, name, want, f"{_plain(spread)}; {timed} checkpoints timed, {early} requested")
    if spread is not None and spread < CHECKPOINT_SPREAD:
        yield this.fails()
    elif spread is None or timed is None or early is None or timed < 0 or early < 0:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif timed + early >= CHECKPOINTS_JUDGED and early > REQUESTED_SHARE * (timed + early):
        yield this.holds("most checkpoints are requested: raise max_wal_size (manual 28.5)")
    else:
        yield this.holds()


@judges("wal_buffers")
def wal_buffers(pg: PostgresSettings) -> Iterator[Finding]:
    """WAL buffers suffice, or the server sizes them."""
    name, size = "wal_buffers", pg.size_bytes("wal_buffers")
    source = pg.settings[name].source if name in pg.settings else ""
    this = case(pg, name, "16 MB, or sized by the server", f"{_mib(size)}, set by {source!r}")
    if size is None:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif size >= WAL_BUFFERS or source in SERVERS_CHOICE:
        yield this.holds()
    else:
        yield this.fails()


@judges("default_statistics_target")
def statistics_target(pg: PostgresSettings) -> Iterator[Finding]:
    """Statistics are detailed enough for good plans."""
    name, (low, high) = "default_statistics_target", STATISTICS
    value = pg.number(name)
    this = case(pg, name, f"{low} to {high}", _plain(value))
    if value is None:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif value < low:
        yield this.fails()
    else:
        yield this.holds(*(["planning takes longer than it saves"] if value > high else []))


@judges("random_page_cost")
def random_page_cost(pg: PostgresSettings) -> Iterator[Finding]:
    """Random reads cost the planner what they cost the storage, taken to be SSD."""
    name, (least, good, most) = "random_page_cost", PAGE_COST
    value = pg.number(name)
    this = case(pg, name, f"{least} to {good}, judged as SSD", _plain(value))
    if value is None:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif not least <= value <= most:
        yield this.fails("4 is the default for rotating disks (PostgreSQL manual 20.7)")
    else:
        yield this.holds(*([f"{good} or less fits SSD better"] if value > good else []))


@judges("effective_io_concurrency")
def io_concurrency(pg: PostgresSettings) -> Iterator[Finding]:
    """Enough reads are in flight for the storage, taken to be SSD."""
    name, (good, least) = "effective_io_concurrency", IO_CONCURRENCY
    value, method = pg.number(name), pg.settings.get("io_method")
    asynchronous = pg.version_num >= 180000 and method is not None and method.value != "sync"
    want = f"at least {least if asynchronous else good}, judged as SSD"
    this = case(pg, name, want, f"{_plain(value)}, major version {pg.version_num // 10000}")
    if value is None:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif value < least:
        yield this.fails()
    elif asynchronous or value >= good:
        yield this.holds()
    else:
        yield this.holds("the letter is 200 (PostgreSQL manual 20.4)")


def _mib(size_bytes: int | None) -> str:
    return "not seen" if size_bytes is None else f"{size_bytes / MIB:.0f} MiB"


def _plain(value: float | None) -> str:
    return "not seen" if value is None else f"{value:g}"


def _row(value: str, unit: str | None = None) -> Setting:
    return Setting(value=value, unit=unit, source="configuration file", pending_restart=False)


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVER = PostgresServer(
    observed_at=_NOON,
    version_num=170010,
    release=None,
    role="readiness_probe",
    superuser=False,
    in_recovery=False,
    database_bytes=50 * MIB,
    data_directory="/var/lib/postgresql/17/main",
    hosts=("db.example.com",),
    same_machine=True,
    memory_bytes=8 * GIB,
)
SETTINGS = PostgresSettings(
    observed_at=_NOON,
    version_num=170010,
    settings={
        "fsync": _row("on"),
        "full_page_writes": _row("on"),
        "autovacuum": _row("on"),
        "synchronous_commit": _row("on"),
        "max_connections": _row("200"),
        "superuser_reserved_connections": _row("3"),
        "reserved_connections": _row("0"),
        "shared_buffers": _row("262144", "8kB"),
        "effective_cache_size": _row("655360", "8kB"),
        "maintenance_work_mem": _row("131072", "kB"),
        "autovacuum_work_mem": _row("-1", "kB"),
        "autovacuum_max_workers": _row("3"),
        "checkpoint_completion_target": _row("0.9"),
        "wal_buffers": _row("2048", "8kB"),
        "default_statistics_target": _row("100"),
        "random_page_cost": _row("1.1"),
        "effective_io_concurrency": _row("200"),
    },
    pending_restart=(),
    client_backends=(24, 25, 23),
    checkpoints_timed=200,
    checkpoints_requested=4,
)


def with_value(pg: PostgresSettings, name: str, value: str) -> PostgresSettings:
    """Return *pg* with the setting *name* set to *value* by hand."""
    row = msgspec.structs.replace(pg.settings[name], value=value, source="configuration file")
    return pg.replace(settings={**pg.settings, name: row})


def fsync_off(pg: PostgresSettings) -> PostgresSettings:
    """Trade durability for speed."""
    return with_value(pg, "fsync", "off")


def nearly_full(pg: PostgresSettings) -> PostgresSettings:
    """Use every connection there is."""
    return pg.replace(client_backends=(*pg.client_backends, 10**9))


def starved(pg: PostgresSettings) -> PostgresSettings:
    """Set each size and cost to a value far too small."""
    for name in (
        "shared_buffers",
        "effective_cache_size",
        "maintenance_work_mem",
        "checkpoint_completion_target",
        "wal_buffers",
        "default_statistics_target",
        "random_page_cost",
        "effective_io_concurrency",
    ):
        pg = with_value(pg, name, "0")
    return pg


def nothing_shown(pg: PostgresSettings) -> PostgresSettings:
    """Hide every setting."""
    return pg.replace(settings={})


def memory_not_known(server: PostgresServer) -> PostgresServer:
    """Put the server on another machine."""
    return server.replace(memory_bytes=None)


THRESHOLDS = {
    "durability_on": "fsync, full_page_writes, autovacuum and synchronous_commit on",
    "max_connections": "at most 80 % of unreserved slots in use (default)",
    "shared_buffers": "15 to 40 % of memory; at least 256 MB",
    "effective_cache_size": "50 to 75 % of memory; at least 1 GB",
    "maintenance_work_mem": "at least 128 MB; workers at most 25 % of memory (default)",
    "checkpoint_completion_target": "at least 0.9; half of the checkpoints timed (default)",
    "wal_buffers": "16 MB, or sized by the server",
    "default_statistics_target": "100 to 1000 (default above)",
    "random_page_cost": "1.0 to 1.5 on SSD (default)",
    "effective_io_concurrency": "100 on SSD (default); 16 with asynchronous I/O",
}

CHECK = Check(
    (
        durability,
        connections,
        shared_buffers,
        effective_cache_size,
        maintenance_work_mem,
        checkpoints,
        wal_buffers,
        statistics_target,
        random_page_cost,
        io_concurrency,
    ),
    remedy="Set what is named in postgresql.conf, or with ALTER SYSTEM, and reload; "
    "shared_buffers, max_connections and wal_buffers need a restart.",
    references=(
        "PostgreSQL manual, chapter 20, Server Configuration",
        "PostgreSQL wiki, Tuning Your PostgreSQL Server",
    ),
    good=(SETTINGS, SERVER),
    worsen=(fsync_off, nearly_full, starved, nothing_shown, memory_not_known),
    thresholds=THRESHOLDS,
)
