"""Rows of the drills' own, in a schema of their own: written, acknowledged, and dropped again."""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from typing import LiteralString, NamedTuple, Self

import psycopg

from readiness_kit.drills.scratch import dialled
from readiness_kit.errors import NotSeen
from readiness_kit.sources import Visit

Connection = psycopg.Connection[tuple[object, ...]]

DROP: LiteralString = "DROP SCHEMA IF EXISTS readiness_drill CASCADE"
CREATE: LiteralString = """
    CREATE SCHEMA readiness_drill;
    CREATE TABLE readiness_drill.canary (
        id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
"""
INSERT: LiteralString = "INSERT INTO readiness_drill.canary (id) VALUES (%s)"
IDS: LiteralString = "SELECT id FROM readiness_drill.canary"

PERIOD_S = 0.05
"""Time between two rows."""

RETRY_S = 0.05
"""Time between two attempts to connect."""


class Acknowledged(NamedTuple):
    """One row that the server said it has."""

    id: int
    at_s: float
    """When, ``time.monotonic()``."""

    port: int
    """Port of the server that said so."""


def connect(visit: Visit) -> Connection:
    """Connect as the drills' role, each statement its own transaction.

    Raises:
        NotSeen: The role is not declared, or the database cannot be reached.

    """
    secret = visit.target.drills.dsn
    if secret is None:
        raise NotSeen(
            "readiness.yaml has no drills.dsn: no role that may write",
            cause="not_configured",
            hint="make a role with readiness_kit/sql/readiness_drill_role.sql, name it drills.dsn",
        )
    try:
        return psycopg.connect(dialled(secret), autocommit=True)
    except psycopg.Error as error:
        raise NotSeen(
            f"no connection for the drill: {str(error).strip()[:200]}", hint="check drills.dsn"
        ) from error


@contextlib.contextmanager
def table(visit: Visit) -> Iterator[None]:
    """Keep the table for the length of the block; one that a killed drill left is dropped first.

    Raises:
        NotSeen: It cannot be made.

    """
    try:
        with connect(visit) as connection:
            connection.execute(DROP)
            connection.execute(CREATE)
    except psycopg.Error as error:
        raise NotSeen(
            f"the drill's table cannot be made: {str(error).strip()[:200]}",
            hint="grant CREATE on the database: readiness_kit/sql/readiness_drill_role.sql",
        ) from error
    try:
        yield
    finally:
        with connect(visit) as connection:
            connection.execute(DROP)


def ids(connection: Connection) -> frozenset[int]:
    """Return the rows that are there; none where the table is not."""
    try:
        return frozenset(int(str(row[0])) for row in connection.execute(IDS))
    except psycopg.errors.UndefinedTable:
        return frozenset()


class Writer:
    """Writes row after row until the end of its ``with``, and connects again where it must."""

    def __init__(self, visit: Visit) -> None:
        """Write nothing yet."""
        self._visit = visit
        self._over = threading.Event()
        self._numbers = itertools.count()
        self._thread = threading.Thread(target=self._write, name="canary", daemon=True)
        self.acknowledged: list[Acknowledged] = []
        self.errors: list[str] = []
        self.began_s = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        self.began_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, after the row under way."""
        self.stop()

    def stop(self) -> None:
        """Write no more."""
        self._over.set()
        self._thread.join()

    def since(self, at_s: float) -> list[Acknowledged]:
        """Return what was acknowledged after *at_s*, ``time.monotonic()``."""
        return [one for one in tuple(self.acknowledged) if one.at_s > at_s]

    def _write(self) -> None:
        while not self._over.is_set():
            try:
                with connect(self._visit) as connection:
                    self._rows(connection)
            except (psycopg.Error, NotSeen) as error:
                self.errors.append(str(error).strip()[:200])
                self._over.wait(RETRY_S)

    def _rows(self, connection: Connection) -> None:
        port = connection.info.port
        while not self._over.is_set():
            # One that fails may have been written all the same: no number is used twice.
            number = next(self._numbers)
            connection.execute(INSERT, [number])
            self.acknowledged.append(Acknowledged(number, time.monotonic(), port))
            self._over.wait(PERIOD_S)
