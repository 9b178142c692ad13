"""Find every call that sends SQL in the Python source, and follow its text back."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath

from readiness_kit.errors import NotSeen
from readiness_kit.facts.sql_in_code import Judged, SqlInCode, Statement
from readiness_kit.probes.python_program import Program, Site, last_word
from readiness_kit.probes.source_tree import source_tree, text_of
from readiness_kit.probes.text_origins import Origins, Tracer
from readiness_kit.sources import Visit, source

SENDS = {
    "execute": 0,
    "executemany": 0,
    "executescript": 0,
    "execute_values": 1,
    "execute_batch": 1,
    "mogrify": 0,
    "copy": 0,
    "copy_expert": 0,
    "stream": 0,
    "fetch": 0,
    "fetchrow": 0,
    "fetchval": 0,
    "fetch_all": 0,
    "fetch_one": 0,
    "fetch_val": 0,
    "exec_driver_sql": 0,
    "raw": 0,
    "RawSQL": 0,
    "text": 0,
    "literal_column": 0,
    "SQL": 0,
    "read_sql": 0,
    "read_sql_query": 0,
    "execute_function": 0,
    "execute_function_with_context": 0,
}
"""Function to the position of its SQL: DB-API, psycopg, asyncpg, SQLAlchemy, Django, FraiseQL."""

KEYWORDS = frozenset({"query", "sql", "statement", "operation", "command", "raw_query"})

DRIVERS = frozenset(
    {"psycopg", "psycopg2", "psycopg_pool", "asyncpg", "aiopg", "pg8000", "sqlite3", "aiosqlite"}
    | {"sqlalchemy", "sqlmodel", "databases", "django", "fraiseql", "pymysql", "MySQLdb", "mysql"}
    | {"oracledb", "cx_Oracle", "pyodbc", "duckdb", "peewee", "tortoise", "records", "pandas"}
)
"""Packages by which a module speaks to a database."""

SQL_TEXT = re.compile(
    r"\b(?:SELECT\b[^;]+\bFROM|INSERT\s+INTO|UPDATE\b[^;]+\bSET|DELETE\s+FROM|COPY\b|CALL\b|WITH\b[^;]+\bAS"
    r"|(?:CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|SET|LISTEN|NOTIFY|VACUUM|EXPLAIN|SELECT)\s)",
    re.IGNORECASE | re.DOTALL,
)
OTHER_LANGUAGES = frozenset(
    {".js", ".ts", ".jsx", ".tsx", ".mjs", ".go", ".java", ".kt", ".scala", ".rb", ".php", ".cs"}
    | {".rs", ".pl", ".ex", ".exs", ".clj", ".swift", ".vb", ".pyx"}
)
_STATEMENT = re.compile(
    r"\bSELECT\s[^;]{1,300}?\sFROM\s|\bINSERT\s+INTO\s|\bUPDATE\s\w+\sSET\s|\bDELETE\s+FROM\s"
)
_TESTS = re.compile(r"(?:^|/)(?:tests?|testing)/|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")

PLANTED: dict[str, tuple[str, Judged]] = {
    "f-string": ('def f(c, u):\n c.execute(f"SELECT * FROM t WHERE a = {u}")', "from_outside"),
    "percent": ('def f(c, u):\n c.execute("SELECT * FROM t WHERE a = %s" % u)', "from_outside"),
    "format": ('def f(c, u):\n c.execute("SELECT {} FROM t".format(u))', "from_outside"),
    "assignment": ('def f(c, u):\n q = "SELECT 1 FROM t " + u\n c.execute(q)', "from_outside"),
    "parameter": ('def f(c, u):\n c.execute("SELECT * FROM t WHERE a = %s", (u,))', "constant"),
    "identifier": (
        'def f(c, u):\n c.execute(SQL("SELECT {} FROM t").format(Identifier(u)))',
        "constant",
    ),
}
"""Code whose judgement is known; bandit's B608 finds two of the first five."""


@source(effect="read", asks="no request: reads the Python source", deadline_s=60)
def sql_in_code(visit: Visit) -> SqlInCode:
    """Judge every call that sends SQL, and the planted ones by the same pass.

    Raises:
        NotSeen: No source tree is declared, or there is no Python in it.

    """
    tree = source_tree(visit)
    python: dict[str, ast.Module] = {}
    unread = [] if tree.complete else ["more files than are looked at"]
    for file in tree.files:
        _ = visit.remaining_s
        name = tree.name(file)
        if file.suffix == ".py" and not _TESTS.search(name):
            try:
                python[name] = ast.parse(_read(text_of(file)))
            except (SyntaxError, ValueError, RecursionError):
                unread.append(name)
        elif file.suffix in OTHER_LANGUAGES and _STATEMENT.search(text_of(file) or ""):
            unread.append(name)
    if not python:
        raise NotSeen(
            f"there is no Python to read in {tree.root}",
            hint="other languages are not followed: have them looked at by a person",
        )
    found = sorted(
        statements(python, lambda: visit.remaining_s),
        key=lambda one: (one.text == "constant", one.where),
    )
    return SqlInCode(
        files=len(python),
        unread=tuple(unread),
        statements=tuple(found),
        planted={name: _rightly(code, want) for name, (code, want) in PLANTED.items()},
        observed_at=datetime.now(UTC),
    )


def _read(text: str | None) -> str:
    if text is None:
        raise ValueError("unreadable")
    return text


def _rightly(code: str, want: Judged) -> bool:
    found = list(statements({"planted.py": ast.parse(f"import psycopg\n{code}\n")}))
    return bool(found) and {one.text for one in found if one.call != "SQL"} == {want}


def statements(
    modules: Mapping[str, ast.Module], tick: Callable[[], object] = lambda: None
) -> Iterator[Statement]:
    """Yield every call in *modules* that sends SQL, judged; *tick* is called before each."""
    program = Program(modules)
    tracer = Tracer(program)
    for site in program.sites:
        argument = _sql(site)
        tick()
        if argument is None:
            continue
        found = tracer.made_of(argument, site.place)
        judged, reason = _judge(found)
        yield Statement(
            where=f"{PurePosixPath(site.place.module.name)}:{site.call.lineno}",
            call=last_word(site.call.func),
            text=judged,
            reason=reason,
        )


def _judge(found: Origins) -> tuple[Judged, str]:
    outside = sorted({one.reason for one in found if one.kind == "outside"})
    if outside:
        return "from_outside", "; ".join(outside)[:200]
    unknown = sorted({one.reason for one in found})
    return ("undecided", "; ".join(unknown)[:200]) if unknown else ("constant", "")


def _sql(site: Site) -> ast.expr | None:
    """Return the argument of a call that is SQL; None when it sends none."""
    name, module = last_word(site.call.func), site.place.module
    at = SENDS.get(name)
    if at is None or _another(name, site):
        return None
    plain = site.call.args[at] if at < len(site.call.args) else None
    named = [one.value for one in site.call.keywords if one.arg in KEYWORDS]
    argument = plain if plain is not None else named[0] if named else None
    if argument is None or isinstance(argument, (ast.Lambda, ast.Dict)):
        return None
    speaks = module.uses(DRIVERS) and name not in _VAGUE
    return argument if speaks or SQL_TEXT.search(_constants(argument)) else None


_VAGUE = frozenset({"copy", "stream", "fetch", "raw", "text"})
"""Names that many libraries use; they count where SQL is seen, or where their package is."""


def _another(name: str, site: Site) -> bool:
    """Tell whether a vague name means something else here."""
    if name not in _VAGUE | {"SQL"}:
        return False
    func, module = site.call.func, site.place.module
    if isinstance(func, ast.Name):
        origin = module.imported(func.id)
        return bool(origin) and origin.partition(".")[0].lstrip(".") not in DRIVERS
    return name == "stream" and not module.uses(frozenset({"psycopg"}))


def _constants(node: ast.expr) -> str:
    return " ".join(
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    )
