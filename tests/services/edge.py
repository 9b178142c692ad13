"""What stands before every service: health, CORS, headers, sizes, the last word on errors."""

import itertools
import traceback
from http import HTTPStatus

from services import ariadne_app, rest_app, strawberry_app
from services.behaviour import ORIGIN, Behaviour
from services.callers import Callers
from services.limiter import Limiter
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)

MAKERS = {"strawberry": strawberry_app.make, "ariadne": ariadne_app.make, "rest": rest_app.make}
LARGEST_BYTES = 100_000
LARGEST_HEADERS_BYTES = 16_000
HEADERS = {
    "strict-transport-security": "max-age=63072000; includeSubDomains; preload",
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
}
WALLS = {
    "wall_unavailable": PlainTextResponse("no backend", 503),
    "wall_html": HTMLResponse("<!doctype html><html>Welcome</html>"),
    "wall_yes": JSONResponse({"data": {"me": {"id": "1", "name": "Ada"}, "notes": []}}),
    "wall_empty": JSONResponse({}),
    "wall_no": JSONResponse({"errors": [{"message": "Unauthenticated"}]}, 401),
}
"""Answers of something that says the same to everything."""

ALIVE = {
    "strawberry": JSONResponse({"status": "UP"}),
    "ariadne": PlainTextResponse("OK\n"),
    "rest": JSONResponse({"healthy": True}),
}
READY = {
    "strawberry": JSONResponse({"status": "UP", "components": {"db": {"status": "UP"}}}),
    "ariadne": PlainTextResponse("ready"),
    "rest": JSONResponse({"ready": True, "checks": [{"name": "db", "status": "pass"}]}),
}


class Edge:
    """Routes what is not the library's business, and has the last word on errors."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._service = MAKERS[behaviour.library](behaviour)

    async def __call__(self, scope, receive, send) -> None:
        try:
            await self._answer(scope, receive, send)
        except Exception:  # noqa: BLE001 - the last word on errors
            await self._sorry()(scope, receive, send)

    async def _answer(self, scope, receive, send) -> None:
        request, face = Request(scope, receive), self._behaviour.face
        body = await request.body()
        path, has = request.url.path, self._behaviour.has
        if len(body) > LARGEST_BYTES:
            await self._plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)(scope, receive, send)
        elif sum(len(value) for _, value in scope["headers"]) > LARGEST_HEADERS_BYTES:
            await self._plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)(scope, receive, send)
        elif not _is_text(body):
            await self._plain(HTTPStatus.BAD_REQUEST)(scope, receive, send)
        elif path in (face.health, face.ready):
            await self._health(request)(scope, receive, send)
        elif path == "/jwks.json" and self._behaviour.library == "ariadne":
            await JSONResponse(Callers(self._behaviour).key_set())(scope, receive, send)
        elif path == "/console" and has("debug_console"):
            await PlainTextResponse("Interactive Console")(scope, receive, send)
        elif has("crash_on_nonsense") and body == b'{"query": ':
            raise ValueError(body)
        elif path != face.operations and self._behaviour.is_graphql:
            await self._plain(HTTPStatus.NOT_FOUND)(scope, receive, send)
        elif request.method not in ("GET", "POST") and self._behaviour.is_graphql:
            await self._plain(HTTPStatus.METHOD_NOT_ALLOWED)(scope, receive, send)
        else:
            await self._service(scope, _again(body), send)

    def _health(self, request: Request) -> Response:
        library, has = self._behaviour.library, self._behaviour.has
        ready = request.url.path == self._behaviour.face.ready
        if request.method != "GET":
            return self._plain(HTTPStatus.METHOD_NOT_ALLOWED)
        if has("not_ready" if ready else "not_alive"):
            return PlainTextResponse("down", HTTPStatus.SERVICE_UNAVAILABLE)
        return (READY if ready else ALIVE)[library]

    def _plain(self, status: HTTPStatus) -> Response:
        if self._behaviour.library == "rest":
            return rest_app.problem(status, status.phrase)
        if self._behaviour.library == "ariadne":
            return JSONResponse({"error": {"code": f"E{status}", "message": status.phrase}}, status)
        return PlainTextResponse(status.phrase, status)

    def _sorry(self) -> Response:
        if self._behaviour.has("errors_unmasked"):
            return PlainTextResponse(traceback.format_exc(), 500)
        return self._plain(HTTPStatus.INTERNAL_SERVER_ERROR)


def _is_text(body: bytes) -> bool:
    """Tell whether *body* is UTF-8; Strawberry answers 500 where it is not."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _again(body: bytes):
    """Return a ``receive`` that gives *body*, which was read already, once more."""

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


class Finish:
    """Adds a request id and the security headers to every answer, preflights included."""

    def __init__(self, app, behaviour: Behaviour) -> None:
        self._app, self._behaviour = app, behaviour
        self._numbers = itertools.count(1)

    async def __call__(self, scope, receive, send) -> None:
        async def finish(message):
            if message["type"] == "http.response.start":
                self._finish(message["status"], MutableHeaders(raw=message["headers"]))
            await send(message)

        await self._app(scope, receive, finish)

    def _finish(self, status: int, headers: MutableHeaders) -> None:
        has = self._behaviour.has
        headers["x-request-id"] = f"{self._behaviour.library}-{next(self._numbers)}"
        if has("bare") or (has("bare_errors") and status >= 400):
            return
        headers.update(HEADERS)
        if has("hsts_short"):
            headers["strict-transport-security"] = "max-age=86400; includeSubDomains"
        if has("inline_scripts"):
            headers["content-security-policy"] = "default-src 'self' 'unsafe-inline'"


def make(behaviour: Behaviour):
    """Return the whole service."""
    has = behaviour.has
    walls = [WALLS[fault] for fault in behaviour.faults if fault in WALLS]
    if walls:
        return Finish(walls[0], behaviour)
    everyone = {"allow_origin_regex": ".*"} if has("any_origin") else {"allow_origins": [ORIGIN]}
    listed = ["content-type", behaviour.face.header]
    cors = CORSMiddleware(
        Edge(behaviour),
        **everyone,
        allow_methods=["GET", "POST", *(["PATCH"] if has("any_method") else [])],
        allow_headers=["*"] if has("any_header") else listed,
    )
    return Finish(Limiter(cors, behaviour) if has("limited") else cors, behaviour)


def make_plain(behaviour: Behaviour):
    """Return what answers over plain HTTP."""

    async def app(scope, receive, send):
        url = f"https://localhost:{behaviour.port}{scope['path']}"
        answer = PlainTextResponse("hello") if behaviour.has("plain_content") else None
        await (answer or RedirectResponse(url, 308))(scope, receive, send)

    return app
