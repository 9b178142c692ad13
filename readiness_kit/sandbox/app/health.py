"""Liveness, readiness and metrics: the paths that machines ask; and, on staging, a crash."""

import asyncio

from fastapi import FastAPI
from starlette.responses import JSONResponse, PlainTextResponse, Response

from readiness_kit.sandbox.app.cache import Cache
from readiness_kit.sandbox.app.database import Database
from readiness_kit.sandbox.app.metrics import FAKE, Metrics
from readiness_kit.sandbox.app.settings import Settings


def add(
    app: FastAPI, settings: Settings, database: Database, cache: Cache, metrics: Metrics
) -> None:
    """Give *app* its paths."""

    @app.get("/health")
    async def health() -> Response:
        """Tell whether the process lives; it asks nobody else."""
        if settings.health_asks_database and not await database.ping():
            return JSONResponse({"status": "unhealthy"}, 503)
        return JSONResponse({"status": "healthy"})

    @app.get("/ready")
    async def ready() -> Response:
        """Tell whether requests can be served: with the database; the cache is a help only."""
        if not settings.ready_asks_database:
            return JSONResponse({"status": "ready"})
        database_ok, cache_ok = await asyncio.gather(database.ping(), cache.ping())
        words = {True: "ok", False: "unavailable"}
        told = {"database": words[database_ok], "cache": words[cache_ok]}
        status = "ready" if database_ok else "not_ready"
        return JSONResponse({"status": status, "dependencies": told}, 200 if database_ok else 503)

    @app.get("/metrics")
    async def exposition() -> Response:
        """Show the metrics of this process."""
        return _exposition(settings, metrics)

    if settings.debug_routes:

        @app.get("/debug")
        async def debug() -> Response:
            """Show what nobody should see."""
            return JSONResponse({"debug": True, "settings": repr(settings)[:200]})

    if settings.crash_route:

        @app.get("/crash")
        async def crash() -> Response:
            """Fail, so that staging can see how failures are handled."""
            raise RuntimeError("asked to crash")


def _exposition(settings: Settings, metrics: Metrics) -> Response:
    if not settings.shows_metrics:
        return PlainTextResponse("Not Found", 404)
    return metrics.answer() if settings.real_metrics else PlainTextResponse(FAKE)
