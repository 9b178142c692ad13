"""One connection to PostgreSQL: read-only, timed, counted, and only what is listed."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import LiteralString, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, TupleRow, dict_row, tuple_row

from readiness_kit.errors import NotSeen
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit
from readiness_kit.target import Secret

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT = "2s"
LOCK_TIMEOUT = "500ms"

Params = dict[str, str]
"""Connection parameters by libpq's names."""


class Session:
    """An open connection; each :meth:`rows` is a read-only transaction of its own."""

    def __init__(self, connection: psycopg.Connection[DictRow], visit: Visit) -> None:
        """Wrap *connection*, counting on the meter of *visit*."""
        self._connection = connection
        self._visit = visit

    def rows(self, statement: Sql, **values: object) -> list[DictRow]:
        """Return the rows of *statement*.

        Raises:
            NotSeen: Denied (names the grant), timed out, or the connection broke.

        """
        try:
            with self._connection.transaction():
                self._connection.execute(_LIMITS)
                self.counted()
                return self._connection.execute(_single(statement.text), values).fetchall()
        except psycopg.errors.InsufficientPrivilege as error:
            raise NotSeen(
                f"the probe's role may not read this: {_first_line(error)}",
                hint=f"grant it {statement.grant}",
            ) from error
        except psycopg.Error as error:
            raise NotSeen(
                f"{statement.name.lower()}: the database did not answer: {_first_line(error)}",
                hint="see the server's log; statements of the kit stop after 2 s",
            ) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[psycopg.Cursor[TupleRow]]:
        """Yield a cursor in a read-only transaction of its own, with the limits of all others."""
        with self._connection.transaction(), self._connection.cursor(row_factory=tuple_row) as one:
            one.execute(_LIMITS)
            yield one

    def counted(self) -> None:
        """Count one statement that is sent through :meth:`reading`."""
        self._visit.meter.count("sql_statements")

    @property
    def version_num(self) -> int:
        """``server_version_num``, as the server told at login; it takes no statement.

        Raises:
            NotSeen: What answers does not tell PostgreSQL's version.

        """
        found = self._connection.info.server_version
        if found <= 0:
            raise NotSeen("what answers at the DSN does not tell its version of PostgreSQL")
        return found

    @property
    def role(self) -> str:
        """The role that logged in."""
        return self._connection.info.user

    def row(self, statement: Sql, **values: object) -> DictRow:
        """Return the only row of *statement*."""
        rows = self.rows(statement, **values)
        if not rows:
            raise NotSeen(f"{statement.name.lower()}: the database returned no row")
        return rows[0]


def _single(text: LiteralString) -> LiteralString:
    """Return *text*, one statement: without values psycopg would run what follows a ``;`` too.

    A second one could end the read-only transaction and write after it.
    """
    if ";" in text:
        raise ValueError("more than one statement")
    return text


_LIMITS: LiteralString = (
    f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}';SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"
)


class Server(NamedTuple):
    """One host that a connection string names."""

    host: str
    port: int


def parameters(secret: Secret) -> Params:
    """Return the parameters of the connection string behind *secret*.

    Raises:
        NotSeen: It is not a connection string; the message does not quote it.

    """
    try:
        found = conninfo_to_dict(secret.reveal())
    except psycopg.ProgrammingError as error:
        raise NotSeen(
            f"{secret.reference} holds no PostgreSQL connection string",
            hint="postgresql://role:password@host:port/database?sslmode=verify-full",
        ) from error
    return {name: str(value) for name, value in found.items() if value is not None}


def servers(params: Mapping[str, str]) -> tuple[Server, ...]:
    """Return the TCP hosts in *params*, none when they name a Unix socket."""
    hosts = (params.get("host") or params.get("hostaddr") or "").split(",")
    ports = (params.get("port") or "5432").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return tuple(
        Server(host, int(port or 5432))
        for host, port in zip(hosts, ports, strict=False)
        if host and not host.startswith(("/", "@")) and (port or "5432").isdigit()
    )


@contextlib.contextmanager
def session(visit: Visit, params: Mapping[str, str]) -> Iterator[Session]:
    """Yield a session on the server that *params* name; it ends with the visit's deadline.

    Raises:
        NotSeen: No connection, with libpq's reason.

    """
    visit.meter.count("connections")
    timeout_s = max(2, int(min(CONNECT_TIMEOUT_S, visit.remaining_s)))
    fixed = {
        "connect_timeout": str(timeout_s),
        "application_name": f"readiness-kit {visit.run_id}"[:60],
        "gssencmode": "disable",
    }
    try:
        dsn = make_conninfo(**{**params, **fixed})
        connection = psycopg.connect(dsn, row_factory=dict_row, prepare_threshold=None)
    except (psycopg.Error, UnicodeError) as error:
        raise NotSeen(
            f"no connection to the database: {_first_line(error)}",
            hint="check database.dsn, and that the server can be reached from here",
        ) from error
    with contextlib.closing(connection), _ended_at_deadline(connection, visit):
        connection.read_only = True
        yield Session(connection, visit)


@contextlib.contextmanager
def _ended_at_deadline(connection: psycopg.Connection[DictRow], visit: Visit) -> Iterator[None]:
    """Break *connection* when the time is up: a server that hangs keeps nobody waiting."""
    left_s = visit.remaining_s
    handle = socket.socket(fileno=os.dup(connection.fileno()))

    def cut() -> None:
        with contextlib.suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(left_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        handle.close()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
