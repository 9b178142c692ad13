"""Reads kept in Valkey for a minute, and forgotten at once when something is written.

Every entry carries the *generation* it was read under, a random mark that each write replaces. So a
read that began before a write can never bring the old answer back after it. When the cache is out
of order, the service answers from the database.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from secrets import token_hex
from typing import Any, TypeVar, cast

from redis.asyncio import Redis

from readiness_kit.sandbox.app.breaker import Breaker, Open
from readiness_kit.sandbox.app.call import Call, Unavailable
from readiness_kit.sandbox.app.settings import Settings

Rows = list[dict[str, Any]]
Answer = TypeVar("Answer")

PREFIX = "quill:"
GENERATION_TTL_S = 300
_GENERATION = PREFIX + "generation"
_LIMIT_S = 0.15
"""A cache that takes longer is no help: the database answers in less."""

_REST_S = 1.0
_log = logging.getLogger("quill.cache")


class Cache:
    """Look-aside cache of rows; never a reason to fail."""

    def __init__(self, settings: Settings) -> None:
        """Connect on first use."""
        self._settings = settings
        self._redis = _client(settings) if settings.redis_url else None
        self._breaker = Breaker(
            limit_s=2 * _LIMIT_S,
            failures=2 if settings.breakers else 0,
            rest_s=_REST_S,
            probe=self._answers,
        )

    async def read(self, key: str, call: Call, fetch: Callable[[], Awaitable[Rows]]) -> Rows:
        """Return the rows kept under *key*, or fetch and keep them."""
        if self._redis is None or not self._settings.cache_reads:
            return await fetch()
        generation, rows = await self._kept(self._redis, PREFIX + key)
        if rows is not None:
            call.cache_hits += 1
            return rows
        call.cache_misses += 1
        rows = await fetch()
        if generation:
            entry = json.dumps({"generation": generation, "rows": rows})
            await self._try("keep", self._set(PREFIX + key, entry, self._settings.cache_ttl_s))
        return rows

    async def forget(self) -> None:
        """Make every kept answer worthless."""
        if self._redis is not None and self._settings.cache_invalidation:
            await self._try("forget", self._set(_GENERATION, token_hex(8), GENERATION_TTL_S))

    async def ping(self) -> bool:
        """Tell whether the cache answers."""
        return self._redis is None or bool(await self._try("ping", _ping(self._redis)))

    async def _answers(self) -> None:
        if self._redis is not None:
            await _ping(self._redis)

    async def close(self) -> None:
        """Close the connections."""
        if self._redis is not None:
            await self._redis.aclose()

    async def _kept(self, redis: Redis, key: str) -> tuple[str | None, Rows | None]:
        """Return the generation of now, if the cache answers, and the rows it has for it."""
        found = await self._try("read", _get(redis, _GENERATION, key))
        if found is None:
            return None, None
        generation, text = found
        if generation is None:
            generation = token_hex(8)
            await self._try("begin", self._set(_GENERATION, generation, GENERATION_TTL_S, nx=True))
            return generation, None
        entry = json.loads(text) if text else {}
        return generation, entry["rows"] if entry.get("generation") == generation else None

    async def _set(self, key: str, value: str, ttl_s: int | None, *, nx: bool = False) -> bool:
        return self._redis is not None and bool(await self._redis.set(key, value, ex=ttl_s, nx=nx))

    async def _try(self, what: str, work: Coroutine[Any, Any, Answer]) -> Answer | None:
        try:
            return await self._breaker.call(work)
        except Open:
            self._do_without()
            return None
        except Exception as error:  # noqa: BLE001 - no failure of the cache is one of the service
            told = {"action": what, "error": type(error).__name__}
            _log.warning("cache out of order", extra=told)
            self._do_without()
            return None

    def _do_without(self) -> None:
        """Do without the cache, as a careful service does.

        Raises:
            Unavailable: This one does not.

        """
        if self._settings.cache_needed:
            raise Unavailable


def _client(settings: Settings) -> Redis:
    tls: dict[str, Any] = {"ssl_ca_certs": str(settings.redis_ca)} if settings.redis_ca else {}
    return Redis.from_url(
        str(settings.redis_url),
        client_name=settings.instance,
        max_connections=50,
        socket_timeout=_LIMIT_S,
        socket_connect_timeout=_LIMIT_S,
        decode_responses=True,
        **tls,
    )


async def _get(redis: Redis, *keys: str) -> list[str | None]:
    return cast("list[str | None]", await redis.mget(keys))


async def _ping(redis: Redis) -> bool:
    return bool(await cast("Awaitable[object]", redis.ping()))
