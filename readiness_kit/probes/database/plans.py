"""How PostgreSQL would run a statement whose constants are left out: its generic plan; not run.

From PostgreSQL 16 on one EXPLAIN (GENERIC_PLAN) shows it, through any pooler. Before, and where the
type of a parameter must be said, the statement is prepared by the protocol and explained as such.
"""

import contextlib
import re
from collections.abc import Sequence

import psycopg
from psycopg import pq

from readiness_kit.probes.database.session import Session

GENERIC_SINCE = 160_000
"""First ``server_version_num`` with EXPLAIN (GENERIC_PLAN)."""

GUESSES = 30
"""So many parameters of a statement may be of any type."""

INFERRED, TEXT = 0, 25
"""Object ids of types: the server finds out; ``text`` (src/include/catalog/pg_type.dat)."""

_NAME = b"readiness_kit"
_GENERIC = b"EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) "
_EXECUTE = b"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE " + _NAME
_PARAMETER = re.compile(r"\$(\d+)")
_OF_ANY_TYPE = re.compile(
    r"\b(jsonb?_build_(object|array)|concat(_ws)?|format|num_(non)?nulls)\s*\(", re.IGNORECASE
)
"""Functions that take parameters of any type: their types must be said."""


class Planner:
    """Asks for plans through one session, a bounded number of times."""

    def __init__(self, asker: Session, most: int) -> None:
        """Ask through *asker*, sending *most* EXPLAINs."""
        self._asker = asker
        self._left = most

    def plan(self, text: str) -> object | None:
        """Return how the server would run *text*, as EXPLAIN's own JSON; ``None``: no more asked.

        Raises:
            psycopg.Error: It cannot be planned by this role.

        """
        generic = self._asker.version_num >= GENERIC_SINCE and _is_one(text)
        if generic and not _OF_ANY_TYPE.search(text):
            with contextlib.suppress(psycopg.errors.IndeterminateDatatype):
                return self._generic(text)
        return self._prepared(text)

    def _generic(self, text: str) -> object | None:
        if not self._may_ask():
            return None
        with self._asker.reading() as one:
            self._asker.counted()
            one.execute(_GENERIC + text.encode())
            return _first(one)

    def _prepared(self, text: str) -> object | None:
        """Return the plan of *text*, which the extended protocol takes as one statement or refuses.

        A text has lost its constants, and with them their types: ``jsonb_build_object($1, …)``. A
        parameter of no known type is one where any will do: text.
        """
        types = [INFERRED] * max((int(one[1]) for one in _PARAMETER.finditer(text)), default=0)
        for _ in range(GUESSES):
            try:
                return self._explained(text, types)
            except psycopg.errors.IndeterminateDatatype as error:
                named = _PARAMETER.search(str(error))
                if named is None or not 0 < int(named[1]) <= len(types):
                    raise
                types[int(named[1]) - 1] = TEXT
        return self._explained(text, types)

    def _explained(self, text: str, types: Sequence[int]) -> object | None:
        values = f" ({', '.join(['NULL'] * len(types))})" if types else ""
        with self._asker.reading() as one:
            one.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            _prepare(one.connection.pgconn, text, types)
            try:
                if not self._may_ask():
                    return None
                self._asker.counted()
                with one.connection.transaction():
                    one.execute(_EXECUTE + values.encode())
                    return _first(one)
            finally:  # a prepared statement outlives its transaction
                one.execute(b"DEALLOCATE " + _NAME)

    def _may_ask(self) -> bool:
        self._left -= 1
        return self._left >= 0


def _is_one(text: str) -> bool:
    """Tell whether *text* surely is one statement: the simple protocol would run a second one."""
    return ";" not in text


def _first(one: psycopg.Cursor[tuple[object, ...]]) -> object:
    row = one.fetchone()
    return row[0] if row else None


def _prepare(connection: pq.abc.PGconn, text: str, types: Sequence[int]) -> None:
    """Have *text* parsed: the statement is neither planned nor run.

    Raises:
        psycopg.Error: It is not one statement, or wants what this role may not see.

    """
    done = connection.prepare(_NAME, text.encode(), types)
    if done.status == pq.ExecStatus.COMMAND_OK:
        return
    state = (done.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    said = (done.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"no answer").decode(
        errors="replace"
    )
    try:
        kind = psycopg.errors.lookup(state)
    except KeyError:
        kind = psycopg.OperationalError
    raise kind(said)
