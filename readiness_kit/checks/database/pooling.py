"""Connection pooling: the application reuses a bounded set of connections, and replaces dead ones.

>>> CHECK.shows()
{'pool_used': 'PASS', 'limits_set': 'PASS', 'dead_connections_replaced': 'PASS'}
>>> CHECK.shows(one_each(USE))["pool_used"], CHECK.shows(waits_too_long(POOLS))["limits_set"]
('FAIL', 'FAIL')
>>> CHECK.shows(left_to_the_library(POOLS))["limits_set"]
'WARN'
>>> CHECK.shows(USE.replace(requests_answered=9))["pool_used"]
'UNKNOWN'
>>> CHECK.shows(one_caller_sees_it(DEAD))["dead_connections_replaced"]
'FAIL'
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec.structs import replace

from readiness_kit.facts.database.pool import DeclaredPool, DeclaredPools, PoolUse, PoolWatch
from readiness_kit.facts.drills.connections import DeadConnections, EndedPool
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, Outcome, judges

REQUESTS = 10
"""Fewest requests over which connections must persist."""

CALLS = 20
"""Calls after connections died, all of which must be answered."""

LONGEST_WAIT_S = 30.0
LONGEST_LIFE_S = 3600.0
"""The checklist's pool_timeout and pool_recycle."""


class Defaults(NamedTuple):
    """What a library does where nothing is set."""

    timeout_s: float
    max_lifetime_s: float


LIBRARIES = {
    "psycopg_pool": Defaults(30.0, 3600.0),
    "sqlalchemy": Defaults(30.0, math.inf),  # pool_recycle -1: never
}
"""Defaults of the pools of psycopg 3 and SQLAlchemy 2, by their documentation."""


@judges("pool_used")
def pool_used(use: PoolUse) -> Iterator[Finding]:
    """The same connections serve request after request, and no more than declared."""
    words = [
        f"{one.pool.name}: at most {one.highest} of {one.pool.connections}, {one.kept} kept, "
        f"{one.kept_and_used} used, {one.opened} opened"
        for one in use.pools
    ]
    this = Case(
        claim="pool_used",
        got=f"{'; '.join(words) or 'no pool'} over {use.requests_answered} requests in "
        f"{use.sampled_s:.1f} s",
        want=f"connections kept over {REQUESTS} requests, no more than the declared pool",
        seen=[use.at("/pools"), use.at("/requests_answered")],
        reproduce='psql "$READINESS_DB_DSN" -c "SELECT application_name, pid, backend_start '
        'FROM pg_stat_activity"',
        grade=Grade.OBSERVED,
    )
    enough = use.requests_answered >= REQUESTS and use.requests_failed <= 0
    outcomes = {_used(one, use) for one in use.pools}
    if Outcome.FAILS in outcomes:
        yield this.fails("a connection for each request, or more of them than the pool may hold")
    elif not use.pools:
        yield this.not_seen(Cause.NOT_CONFIGURED, "add database.application_pools")
    elif not enough:
        short = f"{use.requests_answered} of {REQUESTS} requests were answered"
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, f"{short}, {use.requests_failed} failed")
    elif Outcome.NOT_SEEN in outcomes:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "no kept connection of a pool ran a statement")
    else:
        yield this.holds()


def _used(one: PoolWatch, use: PoolUse) -> Outcome:
    if one.highest > one.pool.connections:
        return Outcome.FAILS
    watched = min(use.requests_answered, use.samples - 1)
    if one.opened > 0 and (one.kept <= 0 or one.opened >= watched):
        return Outcome.FAILS
    return Outcome.HOLDS if min(one.kept, one.kept_and_used, one.highest) > 0 else Outcome.NOT_SEEN


@judges("limits_set")
def limits_set(declared: DeclaredPools) -> Iterator[Finding]:
    """Size, waiting and age are bounded, by the application rather than by its library."""
    words = [
        f"{one.name}: size {one.size}, waits {_seconds(one.timeout_s)}, lives "
        f"{_seconds(one.max_lifetime_s)} ({one.library or 'library not named'})"
        for one in declared.pools
    ]
    this = Case(
        claim="limits_set",
        got="; ".join(words) or "no pool is declared",
        want=f"a size, waiting at most {LONGEST_WAIT_S:g} s, age at most {LONGEST_LIFE_S:g} s",
        seen=[declared.at("/pools")],
        reproduce="grep -nE 'max_size|timeout|max_lifetime|pool_' on the application's settings",
        grade=Grade.DECLARED,
    )
    outcomes = {_bounded(one) for one in declared.pools}
    if Outcome.FAILS in outcomes:
        yield this.fails()
    elif not declared.pools or Outcome.NOT_SEEN in outcomes:
        yield this.not_seen(Cause.NOT_CONFIGURED, "declare timeout_s, max_lifetime_s or library")
    elif Outcome.HOLDS_WEAKLY in outcomes:
        yield this.holds("a limit is the library's default: set it, so that an update keeps it")
    else:
        yield this.holds()


def _bounded(pool: DeclaredPool) -> Outcome:
    library = LIBRARIES.get(pool.library)
    limits = (
        (pool.timeout_s, library and library.timeout_s, LONGEST_WAIT_S),
        (pool.max_lifetime_s, library and library.max_lifetime_s, LONGEST_LIFE_S),
    )
    if min(pool.size, pool.processes, pool.replicas) <= 0:
        return Outcome.FAILS
    found = [_within(default if own is None else own, most) for own, default, most in limits]
    if False in found:
        return Outcome.FAILS
    if None in found:
        return Outcome.NOT_SEEN
    explicit = all(own is not None for own, _, _ in limits)
    return Outcome.HOLDS if explicit else Outcome.HOLDS_WEAKLY


def _within(value_s: float | None, most_s: float) -> bool | None:
    """Tell whether a limit is one, and low enough; 0 and -1 mean none in most libraries."""
    return None if value_s is None else 0 < value_s <= most_s


def _seconds(value_s: float | None) -> str:
    return "by default" if value_s is None else f"{value_s:g} s"


@judges("dead_connections_replaced")
def dead_replaced(dead: DeadConnections) -> Iterator[Finding]:
    """Idle connections die on the server, and no caller notices."""
    words = [f"{one.name}: {one.ended} ended, {one.opened} opened" for one in dead.pools]
    this = Case(
        claim="dead_connections_replaced",
        got=f"{'; '.join(words) or 'no pool'}; {dead.answered} of {dead.asked} calls answered "
        f"right after, {dead.answered_before} of {dead.asked_before} before {dead.first_error}",
        want=f"{CALLS} of {CALLS} calls answered right after idle connections of each pool ended",
        seen=[dead.at("/answered"), dead.at("/pools"), dead.at("/answered_before")],
        reproduce='psql "$READINESS_DRILL_DSN" -c "SELECT pg_terminate_backend(pid) FROM '
        "pg_stat_activity WHERE application_name = 'NAME'\"; then 20 calls with curl",
    )
    if not 0 < dead.asked_before == dead.answered_before:
        yield this.not_seen(Cause.COULD_NOT_ASK, "calls failed before anything was ended")
    elif dead.answered < dead.asked or not dead.back:
        yield this.fails("check connections before use: pool_pre_ping, or check in psycopg_pool")
    elif not dead.pools or any(min(one.ended, one.opened) <= 0 for one in dead.pools):
        yield this.not_seen(
            Cause.TOO_FEW_SAMPLES, "some pool had no idle connection, or was not called afterwards"
        )
    elif dead.asked < CALLS:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES)
    else:
        yield this.holds()


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_POOL = DeclaredPool(
    name="shop-api",
    size=10,
    processes=2,
    replicas=1,
    timeout_s=3.0,
    max_lifetime_s=3600.0,
    library="psycopg_pool",
)
POOLS = DeclaredPools(observed_at=_NOON, pools=(_POOL,))
USE = PoolUse(
    observed_at=_NOON,
    requests_answered=12,
    requests_failed=0,
    samples=13,
    sampled_s=1.5,
    pools=(PoolWatch(pool=_POOL, highest=4, kept=4, kept_and_used=2, opened=0),),
)

DEAD = DeadConnections(
    observed_at=_NOON,
    pools=(EndedPool(name="shop-api", ended=4, opened=2),),
    answered_before=4,
    asked_before=4,
    answered=CALLS,
    asked=CALLS,
    first_error="",
    back=True,
)


def one_each(use: PoolUse) -> PoolUse:
    """Open a connection for each request."""
    return use.replace(
        pools=tuple(
            replace(one, kept=0, kept_and_used=0, opened=max(1, use.requests_answered))
            for one in use.pools
        )
    )


def nothing_asked(use: PoolUse) -> PoolUse:
    """Send no request."""
    return use.replace(requests_answered=0)


def larger_than_declared(use: PoolUse) -> PoolUse:
    """Open more connections than the pool may hold."""
    return use.replace(
        pools=tuple(
            replace(one, highest=max(one.highest, one.pool.connections + 1)) for one in use.pools
        )
    )


def waits_too_long(declared: DeclaredPools) -> DeclaredPools:
    """Let callers wait for a minute."""
    return declared.replace(pools=tuple(replace(one, timeout_s=60.0) for one in declared.pools))


def left_to_the_library(declared: DeclaredPools) -> DeclaredPools:
    """Leave explicit limits to the library's defaults."""
    return declared.replace(
        pools=tuple(
            one
            if one.max_lifetime_s is None or not 0 < one.max_lifetime_s <= LONGEST_LIFE_S
            else replace(one, max_lifetime_s=None)
            for one in declared.pools
        )
    )


def one_caller_sees_it(dead: DeadConnections) -> DeadConnections:
    """Answer one call with an error."""
    return dead.replace(answered=dead.asked - 1, first_error="500 server closed the connection")


def none_was_idle(dead: DeadConnections) -> DeadConnections:
    """End nothing."""
    return dead.replace(pools=tuple(replace(one, ended=0) for one in dead.pools))


CHECK = Check(
    (pool_used, limits_set, dead_replaced),
    remedy="Open one pool per process at start and close it at the end; set size, longest "
    "wait and longest life, check a connection before its use, and declare the pools.",
    references=(
        "psycopg documentation, Connection pools",
        "SQLAlchemy documentation, Connection Pooling",
        "PostgreSQL wiki, Number Of Database Connections",
    ),
    good=(USE, POOLS, DEAD),
    worsen=(
        one_each,
        nothing_asked,
        larger_than_declared,
        waits_too_long,
        left_to_the_library,
        one_caller_sees_it,
        none_was_idle,
    ),
    thresholds={
        "pool_used": "kept over 10 requests, at most the declared connections",
        "limits_set": "size set, 30 s waiting, 3600 s age (checklist)",
        "dead_connections_replaced": "20 of 20 calls (checklist: pool_pre_ping)",
    },
)
