"""The way to PostgreSQL: one pool, one breaker, errors that say nothing of the inside."""

import logging
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar, cast

from fraiseql.db import DatabaseQuery, FraiseQLRepository
from psycopg import AsyncConnection, OperationalError
from psycopg.sql import SQL
from psycopg_pool import AsyncConnectionPool

from readiness_kit.sandbox.app.breaker import Breaker, Open, bounded
from readiness_kit.sandbox.app.cache import Rows
from readiness_kit.sandbox.app.call import Unavailable
from readiness_kit.sandbox.app.settings import Settings

QUERY_TIMEOUT_S = 3
"""Longest a statement may run, seconds; the server ends it."""

_OUT_OF_ORDER = (OperationalError, TimeoutError)  # a pool without a free connection is the former
Answer = TypeVar("Answer")
_log = logging.getLogger("quill.database")


def make_pool(settings: Settings) -> AsyncConnectionPool[AsyncConnection[Any]]:
    """Return a closed pool that replaces dead and old connections."""

    async def check(connection: AsyncConnection[Any]) -> None:
        # The pool waits a second before it tries its next connection, then two, then four: where
        # one is dead, all are opened anew, since a caller must not wait for each of the others.
        try:
            await AsyncConnectionPool.check_connection(connection)
        except OperationalError:
            await pool.drain()
            raise

    pool = AsyncConnectionPool(
        settings.database_url,
        open=False,
        min_size=1,
        max_size=settings.pool_size,
        timeout=settings.pool_timeout_s,
        max_lifetime=settings.pool_max_lifetime_s,
        max_idle=300.0,
        reconnect_timeout=5.0,
        check=check if settings.pool_check else None,
        kwargs={
            "application_name": settings.instance,
            "connect_timeout": 3,
            "tcp_user_timeout": 3000,
        },
    )
    return pool


class Database:
    """Runs statements through FraiseQL's repository, within limits."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], *, breakers: bool = True
    ) -> None:
        """Use *pool*."""
        self.pool = pool
        self._breaker = Breaker(
            limit_s=QUERY_TIMEOUT_S + 1.0,
            failures=3 if breakers else 0,
            rest_s=1.0,
            counts=_OUT_OF_ORDER,
            probe=self._select_one,
        )

    async def rows(
        self, db: FraiseQLRepository, sql: str, parameters: Mapping[str, object]
    ) -> Rows:
        """Return the ``data`` column of what *sql* selects.

        Raises:
            Unavailable: The database did not answer in time.

        """
        query = DatabaseQuery(SQL(cast("Any", sql)), parameters)
        return [cast("dict[str, Any]", row["data"]) for row in await self._ask(db.run(query))]

    async def write(
        self, db: FraiseQLRepository, function: str, actor: str, given: dict[str, object]
    ) -> dict[str, Any]:
        """Call the SQL *function* in the name of *actor* and return its ``mutation_result``.

        Raises:
            Unavailable: The database did not answer in time.

        """
        return dict(await self._ask(db.execute_function_with_context(function, [actor], given)))

    async def ping(self) -> bool:
        """Tell whether the database answers."""
        try:
            await bounded(self._select_one(), 2.0)
        except Exception:  # noqa: BLE001 - whatever the reason, it is not ready
            return False
        return True

    async def _select_one(self) -> None:
        async with self.pool.connection(timeout=1.5) as connection:
            await connection.execute("SELECT 1")

    async def _ask(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        try:
            return await self._breaker.call(work)
        except (Open, *_OUT_OF_ORDER) as error:
            _log.warning("database out of order", extra={"error": type(error).__name__})
            raise Unavailable from error
