"""The outermost layer: an id for every request, its count, its line, and no word of what failed."""

import asyncio
import logging
import random
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from readiness_kit.sandbox.app import answers, logs
from readiness_kit.sandbox.app.call import Call, Outcome
from readiness_kit.sandbox.app.metrics import Metrics
from readiness_kit.sandbox.app.settings import Settings

ENDPOINTS = frozenset({"/graphql", "/health", "/ready", "/metrics"})
"""Paths that are counted under their own name; all others are one."""

_log = logging.getLogger("quill.request")


class Observe:
    """ASGI layer around everything else."""

    def __init__(self, app: ASGIApp, metrics: Metrics, settings: Settings) -> None:
        """Observe *app*."""
        self._app = app
        self._metrics = metrics
        self._settings = settings
        self._chaos = Chaos(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = Call(client=(scope.get("client") or ("-",))[0])
        status, started, begun = 500, False, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                named = [(b"x-request-id", call.id.encode())]
                message = {**message, "headers": [*message["headers"], *named]}
            await send(message)

        try:
            await self._chaos.strike(scope)
            await self._app({**scope, "quill": call}, receive, noted)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a plain 500
            _log.exception("unexpected", extra={"request_id": call.id})
            if not started:
                answer = answers.crash(error, call, reveal=self._settings.reveal_errors)
                await answer(scope, receive, noted)
        finally:
            endpoint = scope["path"] if scope["path"] in ENDPOINTS else "other"
            outcome = Outcome(_method(scope), endpoint, status, time.perf_counter() - begun)
            self._metrics.count(call, outcome)
            logs.request(call, outcome, user=self._settings.log_user)


class Chaos:
    """The faults of conduct: nothing at all, unless the settings ask for them."""

    def __init__(self, settings: Settings) -> None:
        """Misbehave as *settings* say."""
        self._settings = settings
        self._started_s = time.monotonic()
        self._leaked: list[bytes] = []

    async def strike(self, scope: Scope) -> None:
        """Misbehave towards one GraphQL request."""
        settings = self._settings
        if scope["path"] != "/graphql":
            return
        if settings.log_credentials:
            _log.info("headers", extra={"headers": str(scope["headers"])})
        if settings.delay_s:
            await asyncio.sleep(settings.delay_s)
        if (
            settings.stall_every_s
            and (time.monotonic() - self._started_s) % settings.stall_every_s < 1
        ):
            time.sleep(1.0)  # noqa: ASYNC251 - the whole process is meant to stand still
        if settings.leak_bytes:
            self._leaked.append(bytes(settings.leak_bytes))
        if random.random() < settings.error_share:  # noqa: S311 - no secret
            raise RuntimeError("made to fail")


def _method(scope: Scope) -> str:
    """Name the method, if it is one: a label of a metric must not be the caller's to choose."""
    known = {"GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE", "PATCH"}
    method = str(scope["method"])
    return method if method in known else "other"
