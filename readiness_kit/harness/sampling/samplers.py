"""What the target's own side is asked for while load is on."""

import contextlib
import time
from collections.abc import Iterator

import httpx
import psutil
import redis

from readiness_kit.errors import NotSeen
from readiness_kit.harness.sampling.processes import application
from readiness_kit.harness.sampling.readings import Note, Rates, Reading, Sample, Sampler
from readiness_kit.probes.cache.server import cache_client
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.metrics.prometheus import api_client, instant
from readiness_kit.sources import Visit

MOST_SERIES = 50
"""Series of one query that are kept; a query for more is a mistake."""


def samplers(visit: Visit, note: Note) -> Iterator[Sampler]:
    """Yield what can be sampled of the target of *visit*; *note* hears what cannot, and why."""
    target = visit.target
    yield from application(visit, note)
    for gauge in target.load.gauges:
        yield _Query(gauge.name, gauge.query).open
    if target.database is not None:
        yield _database
    if target.cache is not None:
        yield _cache
    if _on_this_host(visit):
        yield _host


class _Query:
    """One query of ``load.gauges``."""

    def __init__(self, name: str, query: str) -> None:
        self._name = name
        self._query = query

    @contextlib.contextmanager
    def open(self, visit: Visit) -> Iterator[Sample]:
        with api_client(visit) as client:
            yield lambda: self._sample(client)

    def _sample(self, client: httpx.Client) -> Iterator[Reading]:
        try:
            found = instant(client, self._query)
        except NotSeen as error:
            raise NotSeen(f"load.gauges {self._name}: {error.message}") from error
        if len(found) > MOST_SERIES:
            raise NotSeen(
                f"load.gauges {self._name}: {len(found)} series, more than {MOST_SERIES}: sum them"
            )
        for labels, value in found.items():
            yield Reading(self._name, labels or "prometheus", value)


@contextlib.contextmanager
def _database(visit: Visit) -> Iterator[Sample]:
    # without it, a server that vanished would hold the sampler for a quarter of an hour
    params = {"tcp_user_timeout": "5000", **parameters(visit.database.dsn)}
    with session(visit, params) as opened:

        def sample() -> Iterator[Reading]:
            row = opened.row(Sql.ACTIVITY)
            if row["hidden"]:
                raise NotSeen("the probe's role may not see other sessions: grant it pg_monitor")
            yield Reading("connections", "database", float(row["connections"]))
            yield Reading("connections_active", "database", float(row["active"]))
            yield Reading("connections_waiting", "database", float(row["waiting"]))

        yield sample


@contextlib.contextmanager
def _cache(visit: Visit) -> Iterator[Sample]:
    with cache_client(visit) as client:

        def sample() -> Iterator[Reading]:
            visit.meter.count("cache_commands")
            try:
                said = client.info("stats")
                hits, misses = float(said["keyspace_hits"]), float(said["keyspace_misses"])
            except (redis.RedisError, KeyError, ValueError) as error:
                raise NotSeen(
                    f"the cache does not tell its hits: {type(error).__name__}: {error}"
                ) from error
            yield Reading("cache_hits", "cache", hits)
            yield Reading("cache_misses", "cache", misses)

        yield sample


@contextlib.contextmanager
def _host(_: Visit) -> Iterator[Sample]:
    rates = Rates()

    def sample() -> Iterator[Reading]:
        cores = rates.rate("host", _busy_s(), time.monotonic())
        if cores is not None:
            yield Reading("host_cpu_cores", "host", cores)

    yield sample


def _busy_s() -> float:
    """Return the processor time of this host since it started that was not idle."""
    times: dict[str, float] = psutil.cpu_times()._asdict()
    unused = ("idle", "iowait", "guest", "guest_nice")  # user and nice contain the guests' time
    return sum(s for name, s in times.items() if name not in unused)


def _on_this_host(visit: Visit) -> bool:
    try:
        return all(address.loopback for address in visit.addresses(visit.api.url))
    except NotSeen:
        return False  # the load test will say so
