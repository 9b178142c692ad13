"""The cache during a drill: what it serves without the database, and whether it is asked at all."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple, Self

import httpx
import redis

from readiness_kit.drills.steady import TIMEOUT_S, Steady
from readiness_kit.errors import NotSeen
from readiness_kit.facts.drills.degradation import CacheCount, CachedRead, Cut
from readiness_kit.probes.api.graphql import Json, bearer, read_body
from readiness_kit.probes.cache.server import cache_client
from readiness_kit.sources import Visit
from readiness_kit.target import CacheCanary

READS = 3
"""How often a cached read is asked while the database is broken."""

PERIOD_S = 1.0
"""Time between two such reads, and between two looks at the counters of the cache."""

_HIT = ("hit", "stale")
"""Words of X-Cache that say: this is kept, not fresh."""


class _Answer(NamedTuple):
    status: int | None
    data: dict[str, Json]
    answered: bool
    mark: str


class Kept:
    """The declared cached read: asked while all is well, and again when the database is away."""

    def __init__(self, visit: Visit) -> None:
        """Find out what is declared."""
        self._visit = visit
        cache = visit.target.cache
        self._canary = cache.canary if cache else None
        self._header = cache.stale_header if cache else ""
        self._before: _Answer | None = None

    def warm(self) -> None:
        """Have the read kept."""
        if self._canary is None:
            return
        for _ in range(2):
            self._before = self._ask(self._canary)

    def again(self, fault: Cut) -> Iterator[CachedRead]:
        """Ask it again; nothing where it was not answered before."""
        before = self._before
        if self._canary is None or before is None or not before.answered:
            return
        for n in range(READS):
            if n:
                time.sleep(min(PERIOD_S, self._visit.remaining_s))
            now = self._ask(self._canary)
            yield CachedRead(
                fault=fault,
                status=now.status,
                answered=now.answered,
                same=now.data == before.data,
                mark=now.mark,
            )

    def _ask(self, canary: CacheCanary) -> _Answer:
        identities = self._visit.target.identities
        secret = identities.get(canary.identity) if canary.identity else None
        headers = bearer(secret or self._visit.token)
        url, path = self._visit.api.url, self._visit.api.graphql
        try:
            with self._visit.client(
                url, headers=headers, paced=False, timeout_s=TIMEOUT_S
            ) as client:
                found = client.post(path, json={"query": canary.read})
                data, errors, reason = read_body(found.content)
        except httpx.HTTPError:
            return _Answer(None, {}, answered=False, mark="")
        whole = found.status_code == httpx.codes.OK and not errors and not reason and bool(data)
        return _Answer(found.status_code, data, whole, mark(found.headers, self._header))


def mark(headers: httpx.Headers, declared: str = "") -> str:
    """Return the header that says that an answer is kept, and its value; else nothing.

    >>> mark(httpx.Headers({"x-cache": "HIT from edge"})), mark(httpx.Headers({"x-cache": "MISS"}))
    ('x-cache: HIT from edge', '')
    """
    for name in (declared.lower(), "age"):
        if name and name in headers:
            return f"{name}: {headers[name]}"[:80]
    found = headers.get("x-cache", "")
    return f"x-cache: {found}"[:80] if any(word in found.lower() for word in _HIT) else ""


class Lookups:
    """Reads the counters of the cache once a second, on a connection that nothing breaks."""

    def __init__(self, visit: Visit, load: Steady) -> None:
        """Read nothing yet."""
        self._visit = visit
        self._load = load
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="lookups", daemon=True)
        self.found: list[CacheCount] = []

    def __enter__(self) -> Self:
        """Begin."""
        if self._visit.target.cache is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def moved_since(self, at_s: float) -> bool:
        """Whether the cache was asked since then; or never was, or does not tell."""
        found = tuple(self.found)
        counts = [one.lookups for one in found if one.at_s >= at_s]
        if not found or found[-1].lookups == found[0].lookups:
            return True
        return len(counts) > 1 and counts[-1] > counts[0]

    def _follow(self) -> None:
        with (
            contextlib.suppress(NotSeen, redis.RedisError, KeyError),
            cache_client(self._visit) as cache,
        ):
            while not self._over.is_set():
                stats = cache.info("stats")
                lookups = int(stats["keyspace_hits"]) + int(stats["keyspace_misses"])
                self.found.append(CacheCount(at_s=self._load.now_s(), lookups=lookups))
                self._over.wait(PERIOD_S)
