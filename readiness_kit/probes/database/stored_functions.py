"""Read the functions of the database for SQL that they put together themselves."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from readiness_kit.facts.database.stored_functions import DynamicSql, StoredFunctions
from readiness_kit.probes.database.dynamic_sql import PLANTED, executes, hands_on
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit, source

STATIC = frozenset({"sql", "internal"})
"""Languages that execute no text of their own making."""

FOLLOWED = "plpgsql"

TOLD = frozenset({"plpythonu", "plpython2u", "plpython3u", "plperl", "plperlu", "plv8"})
"""Languages whose source shows by its words whether it executes SQL."""

_SENDS = re.compile(
    r"plpy\.(?:execute|prepare|cursor)|spi_(?:exec|query|prepare)|\bexecute\b", re.IGNORECASE
)


@source(effect="read", asks="1 SQL statement", deadline_s=20)
def stored_functions(visit: Visit) -> StoredFunctions:
    """Read every function outside the system's schemas and the extensions."""
    with session(visit, parameters(visit.database.dsn)) as database:
        rows = database.rows(Sql.FUNCTIONS)
    return StoredFunctions(
        functions=len(rows),
        hidden=tuple(row["name"] for row in rows if row["source"] is None),
        dynamic=tuple(
            found
            for row in rows
            for found in _dynamic(
                row["name"], row["language"], row["source"] or "", row["arguments"] or ""
            )
        ),
        planted={
            name: {quoted for quoted, _ in executes(code)} == {want}
            for name, (code, want) in PLANTED.items()
        },
        observed_at=datetime.now(UTC),
    )


def _dynamic(name: str, language: str, code: str, arguments: str) -> Iterator[DynamicSql]:
    if language == FOLLOWED:
        for quoted, reason in executes(code, arguments):
            yield DynamicSql(function=name, language=language, quoted=quoted, reason=reason)
    if language in {FOLLOWED, "sql"} and (sender := hands_on(code)):
        reason = f"what {sender}() executes is not followed"
        yield DynamicSql(function=name, language=language, quoted="undecided", reason=reason)
    elif language not in {FOLLOWED, *STATIC} and (language not in TOLD or _SENDS.search(code)):
        reason = f"functions in {language} are not followed"
        yield DynamicSql(function=name, language=language, quoted="undecided", reason=reason)
