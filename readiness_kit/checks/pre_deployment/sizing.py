"""Infrastructure sized correctly: cores, memory, a supported PostgreSQL, a bounded cache.

>>> CHECK.shows()
{'minimum': 'PASS', 'recommended': 'PASS', 'postgres_version': 'PASS', 'redis': 'PASS'}
>>> CHECK.shows(one_core(HOST))["minimum"], CHECK.shows(out_of_support(SERVER))["postgres_version"]
('FAIL', 'WARN')
>>> CHECK.shows(HOST.replace(processes=()))["minimum"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from readiness_kit.facts.cache.server import CacheServer
from readiness_kit.facts.database.server import PostgresServer, Release
from readiness_kit.facts.host import Capacity, HostCapacity
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

GIB = 1024**3

MINIMUM = (2.0, 3.7 * GIB)
RECOMMENDED = (4.0, 7.4 * GIB)
"""Cores and memory; a machine sold with 4 GB shows about 3.7 GiB (default)."""

OLDEST_MAJOR = 14
"""The checklist's."""

MINORS_BEHIND = 1
"""How far behind the newest minor release of the shipped table."""

LAST_YEAR = timedelta(days=365)
"""Time before the end of support from which a move is due."""

BOUNDED = ("allkeys-", "volatile-")
"""Eviction policies that make room."""


@judges("minimum", "recommended")
def host(machine: HostCapacity) -> Iterator[Finding]:
    """What one process of the service may use, not what the machine has."""
    cores, memory = machine.cores(), machine.usable_bytes()
    if cores is None or memory is None:
        for claim in ("minimum", "recommended"):
            yield _case(machine, claim, "no process was seen").not_seen(Cause.COULD_NOT_ASK)
        return
    got = f"{cores:g} cores and {memory / GIB:.1f} GiB"
    minimum, recommended = _case(machine, "minimum", got), _case(machine, "recommended", got)
    enough = cores >= MINIMUM[0] and memory >= MINIMUM[1]
    yield minimum.holds() if enough else minimum.fails()
    ample = cores >= RECOMMENDED[0] and memory >= RECOMMENDED[1]
    more = "4 cores and 8 GB leave room for load and recovery (the checklist recommends them)"
    yield recommended.holds() if ample else recommended.holds(more)


def _case(machine: HostCapacity, claim: str, got: str) -> Case:
    cores, memory = MINIMUM if claim == "minimum" else RECOMMENDED
    return Case(
        claim=claim,
        got=got,
        want=f"at least {cores:g} cores and {memory / GIB:.1f} GiB",
        seen=[machine.at(path) for path in ("/cpus", "/memory_bytes", "/processes")],
        reproduce="nproc; free -m; cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max",
        grade=Grade.OBSERVED,
    )


@judges("postgres_version")
def postgres_version(server: PostgresServer) -> Iterator[Finding]:
    """Version 14 or newer; what is out of support, or nearly, holds weakly."""
    major, minor = divmod(server.version_num, 10000)
    row = server.release
    table = f"table of {row.table_as_of:%Y-%m-%d}" if row else "not in the shipped table"
    this = Case(
        claim="postgres_version",
        got=f"{major}.{minor}, {table}",
        want=f"at least {OLDEST_MAJOR}, supported, at most {MINORS_BEHIND} minor release behind",
        seen=[server.at("/version_num"), server.at("/release")],
        reproduce='psql "$READINESS_DB_DSN" -c "SHOW server_version"',
        grade=Grade.OBSERVED,
    )
    if major < OLDEST_MAJOR:
        yield this.fails()
    elif row is None or row.major != major:
        yield this.not_seen(Cause.UNPROVEN, "newer than the shipped table: update readiness-kit")
    else:
        yield this.holds(*_weaknesses(server, row, minor))


def _weaknesses(server: PostgresServer, row: Release, minor: int) -> Iterator[str]:
    end, today = row.end_of_life.date(), server.observed_at.date()
    policy = "(postgresql.org/support/versioning)"
    if today >= end:
        yield f"out of support since {end} {policy}"
    elif today >= end - LAST_YEAR:
        yield f"supported until {end} only {policy}"
    if row.latest_minor - minor > MINORS_BEHIND:
        yield f"{row.major}.{row.latest_minor} is out {policy}"
    if server.superuser:
        yield f"the probe came as superuser {server.role}: give it a role with pg_monitor only"


@judges("redis")
def cache(server: CacheServer) -> Iterator[Finding]:
    """A cache that answers, and that evicts before it fills the memory."""
    limit, policy = server.max_memory_bytes, server.eviction_policy
    this = Case(
        claim="redis",
        got=f"{server.product} {server.version}: {server.ping_detail or server.ping}, "
        f"maxmemory {limit}, {policy}",
        want="PONG, maxmemory above 0, policy allkeys-* or volatile-*",
        seen=[server.at("/ping"), server.at("/max_memory_bytes"), server.at("/eviction_policy")],
        reproduce='redis-cli -u "$READINESS_CACHE_URL" INFO memory',
        grade=Grade.OBSERVED,
    )
    if server.ping in {"refused", "login_required"}:
        yield this.fails("no PONG with the declared login")
    elif server.ping != "pong":
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif limit is None or policy is None:
        yield this.not_seen(Cause.COULD_NOT_ASK, server.limits_unseen or "limits not seen")
    elif limit > 0 and policy.startswith(BOUNDED):
        yield this.holds()
    else:
        yield this.holds(
            "unbounded, a cache grows until the machine ends it: set maxmemory and policy"
        )


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOST = HostCapacity(
    observed_at=_NOON,
    cpus=8,
    memory_bytes=32 * GIB,
    processes=(Capacity(pid=4711, cpu_limit_cores=4.0, memory_limit_bytes=8 * GIB),),
)
SERVER = PostgresServer(
    observed_at=_NOON,
    version_num=170010,
    release=Release(
        major=17,
        latest_minor=10,
        end_of_life=datetime(2029, 11, 8, tzinfo=UTC),
        table_as_of=datetime(2026, 5, 14, tzinfo=UTC),
    ),
    role="readiness_probe",
    superuser=False,
    in_recovery=False,
    database_bytes=50 * 1024**2,
    data_directory="/var/lib/postgresql/17/main",
    hosts=("db.example.com",),
    same_machine=False,
    memory_bytes=None,
)
CACHE = CacheServer(
    observed_at=_NOON,
    ping="pong",
    ping_detail="",
    product="valkey",
    version="9.1.2",
    max_memory_bytes=64 * 1024**2,
    eviction_policy="allkeys-lru",
    limits_unseen="",
)


def one_core(machine: HostCapacity) -> HostCapacity:
    """Leave the machine one core."""
    return machine.replace(cpus=min(machine.cpus, 1))


def nobody_runs_here(machine: HostCapacity) -> HostCapacity:
    """Run the service elsewhere."""
    return machine.replace(processes=())


def out_of_support(server: PostgresServer) -> PostgresServer:
    """Look again after the major version's end of life."""
    return server.replace(observed_at=server.observed_at + timedelta(days=3650))


def superuser(server: PostgresServer) -> PostgresServer:
    """Come with more rights than needed."""
    return server.replace(superuser=True)


def older_than_the_letter(server: PostgresServer) -> PostgresServer:
    """Run version 13."""
    return server.replace(version_num=min(server.version_num, 130023))


def without_bound(server: CacheServer) -> CacheServer:
    """Let the cache grow."""
    return server.replace(max_memory_bytes=server.max_memory_bytes and 0)


def login_refused(server: CacheServer) -> CacheServer:
    """Refuse the declared login."""
    return server.replace(ping="refused", ping_detail="WRONGPASS")


CHECK = Check(
    (host, postgres_version, cache),
    remedy="Give the service 2 cores and 4 GB at least, 4 and 8 better; run a supported PostgreSQL "
    "at its newest minor release; set maxmemory and an eviction policy on the cache.",
    references=(
        "postgresql.org/support/versioning",
        "Linux kernel, Control Group v2: cpu.max, memory.max",
        "Redis and Valkey documentation, Key eviction",
    ),
    good=(HOST, SERVER, CACHE),
    worsen=(
        one_core,
        nobody_runs_here,
        out_of_support,
        superuser,
        older_than_the_letter,
        without_bound,
        login_refused,
    ),
    thresholds={
        "minimum": "2 cores and 3.7 GiB (4 GB as machines show it)",
        "recommended": "4 cores and 7.4 GiB (8 GB as machines show it)",
        "postgres_version": "14; supported; one minor release behind the shipped table",
        "redis": "maxmemory above 0 and an evicting policy (defaults of the kit)",
    },
)
