"""A circuit breaker with a time limit: a dependency that hangs costs little, and few.

After M. Nygard, "Release It!", 2nd edition, chapter 5.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Open(Exception):
    """The dependency failed lately and is not asked."""


class Breaker:
    """Lets calls through until some in a row fail, then one every *rest_s* seconds.

    With a *probe* it lets none through: the probe is what tries, so that nobody waits for it.
    """

    def __init__(
        self,
        *,
        limit_s: float,
        failures: int = 3,
        rest_s: float = 2.0,
        counts: type[Exception] | tuple[type[Exception], ...] = Exception,
        probe: Callable[[], Coroutine[Any, Any, object]] | None = None,
    ) -> None:
        """Start closed; no call outlasts *limit_s* seconds, and only *counts* are failures.

        With 0 *failures* allowed it never opens: a time limit only.
        """
        self._limit_s = limit_s
        self._allowed = failures
        self._rest_s = rest_s
        self._counts = counts
        self._failed = 0
        self._asleep_until_s = 0.0
        self._probe = probe
        self._healing: asyncio.Task[None] | None = None

    async def call(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Await *work*.

        Raises:
            Open: Not asked, because it failed lately.
            TimeoutError: No answer within the limit.

        """
        now = time.monotonic()
        if self._allowed and self._failed >= self._allowed:
            if self._probe is not None or now < self._asleep_until_s:
                work.close()
                raise Open
            self._asleep_until_s = now + self._rest_s  # this caller tries, the others are refused
        try:
            answer = await bounded(work, self._limit_s)
        except self._counts:
            self._failed += 1
            self._asleep_until_s = time.monotonic() + self._rest_s
            if self._probe is not None and self._failed == self._allowed:
                self._healing = asyncio.ensure_future(self._heal(self._probe))
            raise
        if self._healing is None or self._healing.done():
            self._failed = 0
        return answer

    async def _heal(self, probe: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Try until it answers."""
        while True:
            await asyncio.sleep(self._rest_s)
            try:
                await bounded(probe(), self._limit_s)
            except Exception:  # noqa: BLE001, S112 - whatever it is, it is not well yet
                continue
            self._failed = 0
            return


async def bounded(work: Coroutine[Any, Any, Answer], limit_s: float) -> Answer:
    """Await *work* for *limit_s* seconds and, unlike ``asyncio.timeout``, not a moment longer.

    Cancelling a query asks the server first, which may hang as long as the query did.

    Raises:
        TimeoutError: No answer within the limit.

    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=limit_s)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise TimeoutError
    return task.result()
