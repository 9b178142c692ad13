"""Find every call that sends SQL in the Python source, and follow its text back."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath

from readiness_kit.errors import NotSeen
from readiness_kit.facts.sql_in_code import Judged, SqlInCode, Statement
from readiness_kit.probes.source.origins import SQL_TEXT, Origins, Tracer
from readiness_kit.probes.source.program import Program, Site, last_word
from readiness_kit.probes.source.tree import source_tree, text_of
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
    "prepare": 0,
    "cursor": 0,
    "fetchmany": 0,
    "query": 0,
    "iterate": 0,
    "scalar": 0,
    "scalars": 0,
    "execute_query": 0,
    "execute_query_dict": 0,
    "execute_script": 0,
    "execute_sql": 0,
    "execute_function": 0,
    "execute_function_with_context": 0,
}
"""Function to the position of its SQL: DB-API, psycopg, asyncpg, SQLAlchemy, Django, FraiseQL, …"""

KEYWORDS = frozenset({"query", "sql", "statement", "operation", "command", "raw_query"})

DRIVERS = frozenset(
    {"psycopg", "psycopg2", "psycopg_pool", "asyncpg", "aiopg", "pg8000", "sqlite3", "aiosqlite"}
    | {"sqlalchemy", "sqlmodel", "databases", "django", "fraiseql", "pymysql", "MySQLdb", "mysql"}
    | {"oracledb", "cx_Oracle", "pyodbc", "duckdb", "peewee", "tortoise", "records", "pandas"}
)
"""Packages by which a module speaks to a database."""

OTHER_LANGUAGES = frozenset(
    {".js", ".ts", ".jsx", ".tsx", ".mjs", ".go", ".java", ".kt", ".scala", ".rb", ".php", ".cs"}
    | {".rs", ".pl", ".ex", ".exs", ".clj", ".swift", ".vb", ".pyx"}
)
_STATEMENT = re.compile(
    r"\bSELECT\s[^;]{1,300}?\sFROM\s|\bINSERT\s+INTO\s|\bUPDATE\s\w+\sSET\s|\bDELETE\s+FROM\s"
    r"|(?i:[\"'`]\s*(?:select\s[^;\"'`]{1,300}?\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from)\s)"
)
"""In capitals anywhere, else at the start of a text: prose has the same words."""

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
    unread = [] if tree.complete else ["more files than are looked at, or not checked out"]
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
        argument = _sql(site, program)
        tick()
        if argument is None:
            continue
        found = tracer.made_of(argument, site.place)
        known = any(one.kind == "sql" for one in found) or SQL_TEXT.search(_constants(argument))
        if not (known or _speaks(site)):
            continue
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
    unknown = sorted({one.reason for one in found if one.kind != "sql"})
    return ("undecided", "; ".join(unknown)[:200]) if unknown else ("constant", "")


def _sql(site: Site, program: Program) -> ast.expr | None:
    """Return the argument of a call that may be SQL; None when it sends none."""
    name = last_word(site.call.func)
    at = SENDS.get(name)
    if at is None or _another(name, site, program):
        return None
    plain = site.call.args[at] if at < len(site.call.args) else None
    named = [one.value for one in site.call.keywords if one.arg in KEYWORDS]
    argument = plain if plain is not None else named[0] if named else None
    return None if isinstance(argument, (ast.Lambda, ast.Dict)) else argument


_VAGUE = frozenset(
    {"copy", "stream", "fetch", "raw", "text", "prepare", "cursor", "fetchmany", "query"}
    | {"iterate", "scalar", "scalars", "execute_query", "execute_script"}
)
"""Names that many libraries use; they count where SQL is seen, or where their package is."""

_ITS_OWN = frozenset(
    {"executescript", "execute_values", "execute_batch", "mogrify", "copy_expert", "fetchrow"}
    | {"fetchval", "fetch_val", "exec_driver_sql", "RawSQL", "literal_column", "read_sql_query"}
)
"""Names that nothing but a driver has, in whatever module they stand."""


def _speaks(site: Site) -> bool:
    """Tell whether a call sends SQL whatever its argument is, by its name or its module."""
    name, module = last_word(site.call.func), site.place.module
    if name in _ITS_OWN:
        return True
    if name not in _VAGUE:
        return module.uses(DRIVERS)
    if name in {"fetch", "prepare"} and module.uses(frozenset({"asyncpg"})):
        return True
    root = site.call.func
    while isinstance(root, ast.Attribute):
        root = root.value
    origin = module.imported(root.id) if isinstance(root, ast.Name) else ""
    return name == "text" and origin.partition(".")[0] in DRIVERS


def _another(name: str, site: Site, program: Program) -> bool:
    """Tell whether a vague name means something else here."""
    if name not in _VAGUE | {"SQL"}:
        return False
    func, module = site.call.func, site.place.module
    if isinstance(func, ast.Name):
        origin = module.imported(func.id)
        root = origin.partition(".")[0]
        own = any(one.partition("/")[0].removesuffix(".py") == root for one in program.modules)
        return bool(root) and root not in DRIVERS and not own
    return name == "stream" and not module.uses(frozenset({"psycopg"}))


def _constants(node: ast.expr) -> str:
    return " ".join(
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    )
