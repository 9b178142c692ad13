"""Watch the application's connections while requests flow."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.database.pool import DeclaredPool, DeclaredPools, PoolUse, PoolWatch
from readiness_kit.probes.api.graphql import bearer, plain_query
from readiness_kit.probes.database.session import Session, parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit, source
from readiness_kit.target import ApplicationPool

REQUESTS = 10
"""Fewest requests; each process is asked for its readiness, the public face for the rest."""

LEAST_PUBLIC = 8
"""Fewest requests to the public face."""

WATCHED = 10
"""After so many requests there is a sample each, and one at the end."""

Backend = tuple[int, datetime]
"""Process id and start: together they name one connection for good."""

Sample = dict[str, dict[Backend, datetime]]
"""Pool to connection to the time its state last changed."""


@source(effect="read", asks="no request: reads database.application_pools", deadline_s=5)
def declared_pools(visit: Visit) -> DeclaredPools:
    """Return the pools as they are declared."""
    return DeclaredPools(observed_at=datetime.now(UTC), pools=_declared(visit))


@source(
    effect="read",
    asks="1 readiness request per process, 8 to 10 queries, 11 or 12 SQL statements",
    deadline_s=20,
)
def pool_use(visit: Visit) -> PoolUse:
    """Sample the application's connections before, between and after requests.

    Raises:
        NotSeen: No pool is declared, or the role may not see other sessions.

    """
    pools = _declared(visit)
    names = [pool.name for pool in pools]
    outcomes: list[bool] = []
    with session(visit, parameters(visit.database.dsn)) as database:
        samples, began = [_sample(database, names)], time.monotonic()
        for answered in _requests(visit):
            outcomes.append(answered)
            if len(outcomes) <= WATCHED:
                samples.append(_sample(database, names))
        if len(outcomes) > WATCHED:
            samples.append(_sample(database, names))
    return PoolUse(
        observed_at=datetime.now(UTC),
        requests_answered=sum(outcomes),
        requests_failed=len(outcomes) - sum(outcomes),
        samples=len(samples),
        sampled_s=round(time.monotonic() - began, 3),
        pools=tuple(
            _watch(pool, [sample.get(pool.name, {}) for sample in samples]) for pool in pools
        ),
    )


def _declared(visit: Visit) -> tuple[DeclaredPool, ...]:
    if not visit.database.application_pools:
        raise NotSeen(
            "readiness.yaml has no database.application_pools",
            cause="not_configured",
            hint="add the name, size, processes and replicas of each pool",
        )
    return tuple(_pool(pool) for pool in visit.database.application_pools)


def _pool(pool: ApplicationPool) -> DeclaredPool:
    return DeclaredPool(**msgspec.structs.asdict(pool))


def _requests(visit: Visit) -> Iterator[bool]:
    """Send the requests one by one, yielding whether each was answered without errors."""
    api = visit.api
    payload = {"query": plain_query(visit)} if api.kind == "graphql" else None
    with visit.client(api.url, headers=bearer(visit.token)) as client:
        for _ in range(max(LEAST_PUBLIC, REQUESTS - len(api.instances))):
            yield _answered(client, api.graphql if payload else api.ready, payload)
    for url in api.instances:
        with visit.client(url) as client:
            yield _answered(client, api.ready, None)


def _answered(client: httpx.Client, path: str, payload: dict[str, str] | None) -> bool:
    try:
        if payload is None:
            return client.get(path).status_code == httpx.codes.OK
        response = client.post(path, json=payload)
        body = response.json()
    except (httpx.HTTPError, ValueError):
        return False
    return response.status_code == httpx.codes.OK and "data" in body and not body.get("errors")


def _sample(database: Session, names: list[str]) -> Sample:
    found: Sample = {}
    for row in database.rows(Sql.POOL, names=names):
        if row["hidden"]:
            raise NotSeen("the probe's role may not see other sessions", hint="grant it pg_monitor")
        backend = (row["pid"], row["backend_start"])
        found.setdefault(row["name"], {})[backend] = row["state_change"]
    return found


def _watch(pool: DeclaredPool, samples: list[dict[Backend, datetime]]) -> PoolWatch:
    first, last = samples[0], samples[-1]
    kept = set(first).intersection(*samples)
    return PoolWatch(
        pool=pool,
        highest=max(map(len, samples)),
        kept=len(kept),
        kept_and_used=sum(last[one] != first[one] for one in kept),
        opened=len(set().union(*samples) - set(first)),
    )
