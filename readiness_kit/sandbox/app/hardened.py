"""Quill as a careful team would run it: FraiseQL's parts, put together with limits around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fraiseql.fastapi.config import FraiseQLConfig
from fraiseql.fastapi.dependencies import (
    get_db,
    set_auth_provider,
    set_db_pool,
    set_fraiseql_config,
)
from fraiseql.fastapi.routers import create_graphql_router
from starlette.responses import Response
from starlette.types import ASGIApp

from readiness_kit.sandbox.app import answers, health, logs, schema, tracking
from readiness_kit.sandbox.app.auth import Provider, Tokens
from readiness_kit.sandbox.app.cache import Cache
from readiness_kit.sandbox.app.call import Call
from readiness_kit.sandbox.app.database import QUERY_TIMEOUT_S, Database, make_pool
from readiness_kit.sandbox.app.guard import Guard
from readiness_kit.sandbox.app.metrics import Metrics
from readiness_kit.sandbox.app.observe import Observe
from readiness_kit.sandbox.app.resolvers import Desk
from readiness_kit.sandbox.app.settings import Settings


def build(settings: Settings) -> ASGIApp:
    """Assemble the service; it connects when it is started."""
    logs.configure(settings)
    tracking.configure(settings)
    config = _fraiseql(settings)
    pool, cache, metrics = make_pool(settings), Cache(settings), Metrics()
    database, tokens = Database(pool, breakers=settings.breakers), Tokens(settings)
    provider = Provider(tokens)
    graphql = schema.build(enforce=settings.enforce_access)
    set_fraiseql_config(config)
    set_auth_provider(provider)
    set_db_pool(pool)
    metrics.watch(pool)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await pool.open()
        yield
        await pool.close()
        await cache.close()

    async def context(request: Request) -> dict[str, Any]:
        call = Call.of(request.scope)
        return {"call": call, "desk": Desk(call, await get_db(), cache, database, settings)}

    app = FastAPI(title="Quill", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    async def crashed(request: Request, error: Exception) -> Response:
        return answers.crash(error, Call.of(request.scope), reveal=settings.reveal_errors)

    app.add_exception_handler(Exception, crashed)
    app.include_router(create_graphql_router(graphql, config, _entry(settings, provider), context))
    health.add(app, settings, database, cache, metrics)
    return Observe(Guard(app, graphql, tokens, settings), metrics, settings)


def _entry(settings: Settings, provider: Provider) -> Provider | None:
    """Return what FraiseQL checks callers with: nothing, where anonymous reading is on."""
    return None if settings.anonymous_role else provider


def _fraiseql(settings: Settings) -> FraiseQLConfig:
    """Return FraiseQL's own settings: production, without the modes that do not hold."""
    return FraiseQLConfig(
        database_url=settings.database_url,
        environment=settings.environment,
        app_name="Quill",
        query_timeout=QUERY_TIMEOUT_S,
        auth_enabled=not settings.anonymous_role,
        enable_turbo_router=False,
        json_passthrough_enabled=False,
        unified_executor_enabled=False,
    )
