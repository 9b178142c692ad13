"""A leaky bucket per caller before a service, with the faults such limits have."""

import time
from collections import defaultdict

from services.behaviour import Behaviour
from starlette.requests import Request
from starlette.responses import JSONResponse

PER_MINUTE, BURST = 30, 5


class Limiter:
    """Refuses what is beyond the limit, whichever library stands behind."""

    def __init__(self, app, behaviour: Behaviour) -> None:
        self._app, self._behaviour = app, behaviour
        self._buckets = defaultdict(lambda: (float(BURST), time.monotonic()))

    async def __call__(self, scope, receive, send) -> None:
        caller = Request(scope).headers.get(self._behaviour.face.header, "nobody")
        if self._may_pass("all" if self._behaviour.has("limits_all_as_one") else caller):
            await self._app(scope, receive, send)
            return
        status = 503 if self._behaviour.has("limits_by_503") else 429
        headers = {} if self._behaviour.has("no_retry_after") else {"retry-after": "2"}
        await JSONResponse({"error": "slow down"}, status, headers)(scope, receive, send)

    def _may_pass(self, caller: str) -> bool:
        tokens, then = self._buckets[caller]
        now = time.monotonic()
        tokens = min(BURST, tokens + (now - then) * PER_MINUTE / 60)
        passes = tokens >= 1
        self._buckets[caller] = (tokens - passes, now)
        return passes
