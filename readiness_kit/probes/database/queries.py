"""Ask PostgreSQL which statements cost most, and how it would run them; it runs none of them."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import DictRow

from readiness_kit.errors import NotSeen
from readiness_kit.facts.database.queries import (
    HotStatement,
    HotStatements,
    Planned,
    TableReads,
    TableScan,
)
from readiness_kit.probes.database.plans import Planner
from readiness_kit.probes.database.session import Session, parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit, source

TOP = 20
LEAST_CALLS = 20
TEXT_SHOWN = 300
LARGEST_TABLES = 10
HIDDEN = "<insufficient privilege>"

_PLANNABLE = re.compile(
    r"[(\s]*(SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|VALUES|TABLE)\b", re.IGNORECASE
)
_COMMENT = re.compile(r"\s*(--[^\n]*(\n|$)|/\*.*?\*/)", re.DOTALL)
_WRITES_OR_NESTS = re.compile(
    r"\b(JOIN|INTO|UPDATE|DELETE|TABLE|USING|MERGE|WITH)\b|\(\s*(SELECT|VALUES)\b", re.IGNORECASE
)
_ARGUMENTS = re.compile(r"\([^()]*\)")
_FROM = re.compile(
    r"\bFROM\b(.*?)(?=\b(?:WHERE|GROUP|ORDER|LIMIT)\b|;|$)", re.IGNORECASE | re.DOTALL
)
_CALL = re.compile(r'\s*(?:LATERAL\s+)?[\w."$]+\s*@')

TableName = str
"""Schema and table, with a dot between."""


class Plan(NamedTuple):
    """What came of asking for a plan."""

    planned: Planned
    detail: str
    tables: tuple[TableName, ...] = ()


class _Size(NamedTuple):
    root: int
    rows: int | None


@source(
    effect="read",
    asks="2 SQL statements, and the plans of 20 more, which are not run",
    deadline_s=20,
)
def hot_statements(visit: Visit) -> HotStatements:
    """Ask for the costliest statements, and for the plan of each.

    Raises:
        NotSeen: The extension is not there, or the role may not see the statements of others.

    """
    declared = visit.database
    planner = parameters(declared.plan_dsn or declared.dsn)
    with session(visit, parameters(declared.dsn)) as database:
        version_num = database.version_num
        asks_plans = planner.get("user", database.role)
        rows = _costliest(database, asks_plans)
        _demand_sight(rows)
        with session(visit, planner) as asker:
            asks = Planner(asker, most=TOP)
            plans = [_plan(asks, str(row["text"])) for row in rows]
        names = sorted({table for plan in plans for table in plan.tables})
        tables = database.rows(Sql.TABLE_READS, names=names)
    sizes = {row["name"]: _Size(row["root"], row["rows"]) for row in tables}
    return HotStatements(
        observed_at=datetime.now(UTC),
        version_num=version_num,
        statistics_since=rows[0]["since"] if rows else None,
        table_statistics_since=tables[0]["since"] if tables else datetime.now(UTC),
        application_roles=_application_roles(visit),
        planner=asks_plans,
        least_calls=LEAST_CALLS,
        statements=tuple(_statement(*each, sizes) for each in zip(rows, plans, strict=True)),
        tables=tuple(_largest(tables)),
    )


def _costliest(database: Session, asks_plans: str) -> list[DictRow]:
    try:
        return database.rows(Sql.HOT_STATEMENTS, own=[asks_plans], calls=LEAST_CALLS, n=TOP)
    except NotSeen:
        _demand_extension(database)
        raise


def _demand_extension(database: Session) -> None:
    found = database.rows(Sql.STATEMENTS_EXTENSION)
    if not found:
        raise NotSeen(
            "this database has no extension pg_stat_statements",
            cause="not_configured",
            hint="add it to shared_preload_libraries, then CREATE EXTENSION pg_stat_statements",
        )
    if not found[0]["on_path"]:
        raise NotSeen(
            f"pg_stat_statements lies in schema {found[0]['namespace']}, not on the search_path",
            cause="not_configured",
            hint="set search_path of the probe's role with ALTER ROLE … SET search_path",
        )


def _demand_sight(rows: list[DictRow]) -> None:
    if any(row["text"] == HIDDEN for row in rows):
        raise NotSeen(
            "the probe's role may not see the statements of others",
            hint="grant it pg_monitor, or pg_read_all_stats",
        )


def _application_roles(visit: Visit) -> tuple[str, ...]:
    secret = visit.database.application_dsn
    role = parameters(secret).get("user", "") if secret else ""
    return (role,) if role else ()


def _plan(asks: Planner, text: str) -> Plan:
    """Ask for the plan of *text*.

    Raises:
        NotSeen: The connection broke.

    """
    if not is_plannable(text):
        return Plan("needless", "it has no plan")
    try:
        found = asks.plan(text)
    except psycopg.errors.InsufficientPrivilege as error:
        if only_calls(text):
            # A plan would show no more: what a function does is hidden from EXPLAIN as well.
            return Plan("needless", "it calls a function and names no table")
        return Plan("denied", str(error).partition("\n")[0])
    except psycopg.errors.InvalidSqlStatementName:
        return Plan("failed", "a pooler renames prepared statements: plan_dsn is to avoid it")
    except psycopg.OperationalError as error:
        raise NotSeen(f"no plan: {str(error).partition(chr(10))[0]}") from error
    except psycopg.Error as error:
        return Plan("failed", str(error).partition("\n")[0])
    if found is None:
        return Plan("failed", f"no more than {TOP} plans are asked for")
    return Plan("seen", "", tuple(dict.fromkeys(scanned(found))))


def only_calls(text: str) -> bool:
    """Tell whether *text* surely reads from functions alone; what is not plain may read tables.

    >>> only_calls("SELECT f($1)"), only_calls("SELECT * FROM f($1, g($2)) AS x LIMIT 1")
    (True, True)
    >>> only_calls("SELECT * FROM f($1), orders"), only_calls("SELECT f(id) FROM orders")
    (False, False)
    >>> only_calls("SELECT f((SELECT 1 FROM orders))")
    False
    """
    if _WRITES_OR_NESTS.search(text):
        return False
    before = ""
    while before != text:
        before, text = text, _ARGUMENTS.sub("@", text)
    sources = [part for found in _FROM.findall(text) for part in found.split(",")]
    return all(_CALL.match(one) for one in sources)


def is_plannable(text: str) -> bool:
    """Tell whether *text* is a statement that EXPLAIN takes.

    >>> is_plannable("/* web */ SELECT 1"), is_plannable("COMMIT")
    (True, False)
    """
    while found := _COMMENT.match(text):
        text = text[found.end() :]
    return bool(_PLANNABLE.match(text))


def scanned(plan: object) -> Iterator[TableName]:
    """Yield every table that *plan*, EXPLAIN's own JSON, reads from end to end."""
    if isinstance(plan, list):
        for part in plan:
            yield from scanned(part)
    elif isinstance(plan, dict):
        if plan.get("Node Type") == "Seq Scan":
            yield f"{plan.get('Schema')}.{plan.get('Relation Name')}"
        for part in (plan.get("Plan"), plan.get("Plans")):
            yield from scanned(part)


def _statement(row: DictRow, plan: Plan, sizes: dict[TableName, _Size]) -> HotStatement:
    shown = " ".join(str(row["text"]).split())[:TEXT_SHOWN]
    return HotStatement(
        query_id=str(row["query_id"]),
        role=str(row["role"]),
        # Utility statements keep their literals, passwords among them: they are not shown.
        text=shown if is_plannable(str(row["text"])) else "",
        calls=row["calls"],
        mean_ms=row["mean_ms"],
        share=row["share"] or 0.0,
        planned=plan.planned,
        planned_detail=plan.detail,
        scans=tuple(_scans(plan.tables, sizes.get)),
    )


def _scans(
    tables: tuple[TableName, ...], size_of: Callable[[TableName], _Size | None]
) -> Iterator[TableScan]:
    """Yield the tables with their rows; partitions of one table count together."""
    together: dict[object, list[TableName]] = defaultdict(list)
    for name in tables:
        size = size_of(name)
        together[size.root if size else name].append(name)
    for names in together.values():
        sizes = [size.rows if (size := size_of(name)) else None for name in names]
        known = [rows for rows in sizes if rows is not None]
        yield TableScan(
            table=names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more",
            rows=sum(known) if len(known) == len(sizes) else None,
        )


def _largest(rows: list[DictRow]) -> Iterator[TableReads]:
    for row in [one for one in rows if one["rows"] is not None][:LARGEST_TABLES]:
        yield TableReads(
            table=row["name"],
            rows=row["rows"],
            sequential_scans=row["sequential_scans"],
            rows_read_by_them=row["rows_read_by_them"],
        )
