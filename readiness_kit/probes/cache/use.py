"""Reads twice, writes once, and watches the cache and the database meanwhile."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Literal, NamedTuple

import redis

from readiness_kit.errors import NotSeen
from readiness_kit.facts.cache.use import CacheExpiry, CacheUse, RepeatedRead, WriteSeen
from readiness_kit.probes.api.graphql import Reply, ask, bearer, plain_queries, plain_query
from readiness_kit.probes.api.marked import first_id
from readiness_kit.probes.cache.server import cache_client
from readiness_kit.probes.database.session import Session, parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit, source
from readiness_kit.target import CacheCanary

TRIES = 12
"""Others use the cache and the database too: so often an undisturbed read is tried for."""

MOST_KEYS = 200
LONGEST_WAIT_S = 20.0
_NAME_LENGTH = 24


class _Counts(NamedTuple):
    hits: int
    misses: int
    statements: int | None


@source(
    effect="canary",
    asks="about 10 queries, 1 marked mutation and its undoing",
    deadline_s=45,
    exclusive=("rows",),
)
def cache_use(visit: Visit) -> CacheUse:
    """Read twice until nobody disturbs, write what the read shows, and read again.

    Raises:
        NotSeen: No such read is declared, or the cache cannot be asked.

    """
    canary = _canary(visit)
    with cache_client(visit) as cache, application_statements(visit) as statements:

        def count() -> _Counts:
            info = _info(cache)
            return _Counts(info["keyspace_hits"], info["keyspace_misses"], statements())

        first = count()
        reads = tuple(_undisturbed(visit, canary, count))
        write = _write(visit, canary) if canary.write else None
        last = count()
    return CacheUse(
        reads=reads,
        counter_moves=(last.statements or 0) > (first.statements or 0),
        lifetime_hits=last.hits,
        lifetime_misses=last.misses,
        write=write,
        observed_at=datetime.now(UTC),
    )


def _canary(visit: Visit) -> CacheCanary:
    plain_queries(visit)
    canary = visit.cache.canary
    if canary is None:
        raise NotSeen(
            "readiness.yaml does not say which read is cached",
            cause="not_configured",
            hint="add cache.canary with a read, and a write that the read shows",
        )
    return canary


def _headers(visit: Visit, canary: CacheCanary) -> dict[str, str]:
    if not canary.identity:
        return bearer(visit.token)
    if canary.identity not in visit.target.identities:
        raise NotSeen(
            f"cache.canary.identity: there is no identity {canary.identity!r}",
            cause="not_configured",
            hint="name one of identities",
        )
    return bearer(visit.target.identities[canary.identity])


@contextlib.contextmanager
def application_statements(visit: Visit) -> Iterator[Callable[[], int | None]]:
    """Yield what counts the statements of the application's role, as far as it can be counted."""
    database = visit.target.database
    if database is None:
        yield lambda: None
        return
    application = database.application_dsn
    role = parameters(application).get("user", "") if application else ""
    with contextlib.ExitStack() as stack:
        opened: Session | None
        try:
            opened = stack.enter_context(session(visit, parameters(database.dsn)))
        except NotSeen:
            opened = None
        yield lambda: _calls(opened, role)


def _calls(opened: Session | None, role: str) -> int | None:
    try:
        calls = opened.row(Sql.STATEMENTS_OF_ROLE, role=role)["calls"] if opened else None
    except NotSeen:
        return None
    return calls if isinstance(calls, int) else None


def _info(cache: redis.Redis) -> dict[str, int]:
    try:
        stats = cache.info("stats")
        return {name: int(stats[name]) for name in ("keyspace_hits", "keyspace_misses")}
    except (redis.RedisError, KeyError, TypeError, ValueError) as error:
        raise NotSeen(
            f"the cache does not tell its hits: {error}", hint="grant the login +info"
        ) from error


def _undisturbed(
    visit: Visit, canary: CacheCanary, count: Callable[[], _Counts]
) -> Iterator[RepeatedRead]:
    """Yield repeated reads until one needed no statement and hit."""
    headers = _headers(visit, canary)
    for _ in range(TRIES):
        with visit.client(visit.api.url, headers=headers) as client:
            first = ask(client, visit.api.graphql, canary.read).answer
            before = count()
            second = ask(client, visit.api.graphql, canary.read).answer
            after = count()
        known = before.statements is not None and after.statements is not None
        read = RepeatedRead(
            answered=first.answered and second.answered,
            hits=after.hits - before.hits,
            misses=after.misses - before.misses,
            statements=(after.statements or 0) - (before.statements or 0) if known else None,
        )
        yield read
        if not read.answered or (read.hits > 0 and read.statements == 0):
            return


def _write(visit: Visit, canary: CacheCanary) -> WriteSeen:
    """Write a marked row, look for it at every place, and remove it."""
    mark = f"readiness canary {visit.run_id} {secrets.token_hex(4)}"
    headers, path = _headers(visit, canary), visit.api.graphql
    wait_s = min(canary.accepted_delay_s, LONGEST_WAIT_S)
    places = (visit.api.url, *visit.api.instances)
    stale, seen_after_s = 0, None
    undone: _Undone = "not_declared"
    for place in places:
        _ask_at(visit, place, canary.read, headers)  # warms what a process keeps for itself
    with visit.client(visit.api.url, headers=headers) as client:
        reply = ask(client, path, canary.write, {"mark": mark})
        began = time.monotonic()
        try:
            while reply.answer.answered:
                old = [
                    place
                    for place in places
                    if mark.encode() not in _ask_at(visit, place, canary.read, headers).body
                ]
                stale += len(old)
                if not old:
                    seen_after_s = round(time.monotonic() - began, 3)
                if not old or time.monotonic() - began >= wait_s:
                    break
                time.sleep(0.1)
        finally:
            undone = _undo(visit, canary, reply, headers)
    return WriteSeen(
        written=reply.answer.answered,
        places=len(places),
        seen_after_s=seen_after_s,
        reads_stale=stale,
        waited_s=wait_s,
        accepted_delay_s=canary.accepted_delay_s,
        undone=undone,
        mark=mark,
        reason=reply.answer.words,
    )


_Undone = Literal["yes", "no", "not_declared"]


def _ask_at(visit: Visit, place: str, query: str, headers: dict[str, str]) -> Reply:
    with visit.client(place, headers=headers) as client:
        return ask(client, visit.api.graphql, query)


def _undo(visit: Visit, canary: CacheCanary, reply: Reply, headers: dict[str, str]) -> _Undone:
    if not canary.undo:
        return "not_declared"
    found = first_id(reply.data)
    if found is None:
        return "no"
    with visit.client(visit.api.url, headers=headers) as client:
        undone = ask(client, visit.api.graphql, canary.undo, {"id": found})
    return "yes" if undone.answer.answered else "no"


@source(effect="read", asks="1 query, SCAN by prefix and the TTL of 200 keys at most")
def cache_expiry(visit: Visit) -> CacheExpiry:
    """Ask something that is cached, then ask each key how long it lives."""
    _warm(visit)
    prefix = visit.cache.prefix
    with cache_client(visit) as cache:
        try:
            keys = list(islice(cache.scan_iter(match=f"{_literal(prefix)}*", count=100), MOST_KEYS))
            lives = {str(key): int(cache.pttl(key)) for key in keys}
        except redis.RedisError as error:
            raise NotSeen(
                f"the cache does not tell its keys: {error}", hint="grant the login +scan +pttl"
            ) from error
    visit.meter.count("cache_commands", 2 + len(lives))
    return CacheExpiry(
        prefix=prefix,
        ttls_s=tuple(life / 1000 for life in lives.values() if life >= 0),
        without_ttl=tuple(
            sorted({key[:_NAME_LENGTH] for key, life in lives.items() if life == -1})
        ),
        max_ttl_s=float(visit.cache.max_ttl_s),
        observed_at=datetime.now(UTC),
    )


def _warm(visit: Visit) -> None:
    """Let the service put something into the cache; if it cannot, the keys will tell."""
    canary = visit.cache.canary
    with contextlib.suppress(NotSeen):
        query = canary.read if canary else plain_query(visit)
        headers = _headers(visit, canary) if canary else bearer(visit.token)
        _ask_at(visit, visit.api.url, query, headers)


def _literal(prefix: str) -> str:
    """Return *prefix* with the special characters of a glob made plain."""
    return "".join(f"\\{letter}" if letter in "*?[]\\^" else letter for letter in prefix)
