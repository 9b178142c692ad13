"""A small plain REST service on Starlette: keys in a header of their own, problem details as errors."""

from services.behaviour import Behaviour
from services.callers import Callers
from services.store import Store
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

SWAGGER = '<!doctype html><div id="swagger-ui"></div>'


def problem(status: int, title: str) -> Response:
    body = {"type": "about:blank", "title": title, "status": status}
    return JSONResponse(body, status, media_type="application/problem+json")


def make(behaviour: Behaviour):
    store = Store(careless=behaviour.has("sql_concatenated"))
    callers = Callers(behaviour)

    def account(request: Request) -> Response:
        known = callers.recognise(request.headers.get(behaviour.face.header))
        if known is None:
            return problem(401, "Unknown key")
        return JSONResponse({"role": known.role, "notes": [row["title"] for row in store.notes(5)]})

    async def refuse(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, error.detail)

    routes = [Route(behaviour.face.operations, account, methods=["GET"])]
    if behaviour.has("ide"):
        routes.append(Route("/docs", lambda _: HTMLResponse(SWAGGER)))
    return Starlette(routes=routes, exception_handlers={HTTPException: refuse})
