"""Query optimisation: what costs most is fast, scans no large table, and the indexes are sound.

>>> CHECK.shows()
{'hot_statements_fast': 'PASS', 'large_sequential_scans_absent': 'PASS', 'indexes_sound': 'PASS'}
>>> CHECK.shows(scans_a_large_table(STATEMENTS))["large_sequential_scans_absent"]
'FAIL'
>>> CHECK.shows(half_a_second(STATEMENTS))["hot_statements_fast"]
'FAIL'
>>> CHECK.shows(plans_denied(STATEMENTS))["large_sequential_scans_absent"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from readiness_kit.facts.database.queries import (
    HotStatement,
    HotStatements,
    IndexSeen,
    TableIndexes,
    TableReads,
    TableScan,
    UncoveredKey,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

FAST_MS, SLOW_MS = 50.0, 500.0
"""Mean time of a statement: good up to the first, too slow beyond the second (default)."""

LARGE_ROWS = 10_000
"""Rows from which a table is large (default)."""

MATTERS = 0.01
"""Share of the execution time of all statements from which one matters (default)."""

UNUSED_FOR = timedelta(days=30)
"""How long the statistics must have counted before an index is called unused (default)."""

SCANS, SCANS_PER_HOUR = 20, 1.0
"""Sequential scans of a large table that no plan shows, from which they are told (default)."""

_ASK = """psql "$READINESS_DB_DSN" -c "SELECT calls, mean_exec_time, query FROM pg_stat_statements \
ORDER BY total_exec_time DESC LIMIT 20\""""
_EXPLAIN = """psql "$READINESS_PLAN_DSN" -c "EXPLAIN …", EXPLAIN (GENERIC_PLAN) from PostgreSQL 16 \
on, for each statement that the report names"""
_INDEXES = """psql "$READINESS_DB_DSN" -c "SELECT indexrelid::regclass, indisvalid, idx_scan FROM \
pg_index JOIN pg_stat_user_indexes USING (indexrelid)\""""


@judges("hot_statements_fast")
def fast(hot: HotStatements) -> Iterator[Finding]:
    """None of the statements that cost most takes long on average."""
    slowest = max(hot.statements, key=lambda one: one.mean_ms, default=None)
    said = f"slowest {slowest.mean_ms:.1f} ms: {_name(slowest)}" if slowest else "nothing"
    this = Case(
        claim="hot_statements_fast",
        got=f"{len(hot.statements)} statements with >= {hot.least_calls} calls, {said}",
        want=f"each {FAST_MS:g} ms on average at most, and never above {SLOW_MS:g} ms",
        seen=[hot.at("/statements")],
        reproduce=_ASK,
        grade=Grade.OBSERVED,
    )
    if any(not one.mean_ms <= SLOW_MS for one in hot.statements):
        yield this.fails()
    elif cause := _unseen(hot):
        yield this.not_seen(*cause)
    elif all(one.mean_ms <= FAST_MS for one in hot.statements):
        yield this.holds()
    else:
        yield this.holds(f"a hot statement takes {slowest.mean_ms:.0f} ms" if slowest else "slow")


@judges("large_sequential_scans_absent")
def no_large_scans(hot: HotStatements) -> Iterator[Finding]:
    """No plan of a hot statement reads a large table from end to end."""
    planned = [one for one in hot.statements if one.planned != "needless"]
    unseen = [one for one in planned if one.planned != "seen"]
    large = [(one, scan) for one in planned for scan in one.scans if _is_large(scan)]
    unsized = [one for one in planned for scan in one.scans if scan.rows is None]
    names = [f"{scan.table} ({scan.rows} rows) by {_name(one)}" for one, scan in large]
    got = f"{len(planned) - len(unseen)} of {len(planned)} plans seen; " + (
        "; ".join(names) or "no large table is scanned"
    )
    this = Case(
        claim="large_sequential_scans_absent",
        got=got + (f"; {unseen[0].planned_detail}" if unseen else ""),
        want=f"no sequential scan of more than {LARGE_ROWS} rows",
        seen=[hot.at("/statements"), hot.at("/tables")],
        reproduce=_EXPLAIN,
        grade=Grade.OBSERVED,
    )
    if any(_matters(one) for one, _ in large):
        yield this.fails("add an index for the condition, then look at the plan again")
    elif cause := _unseen(hot) or _no_plan(hot, unseen):
        yield this.not_seen(*cause)
    elif unsized:
        yield this.not_seen(Cause.COULD_NOT_ASK, "run ANALYZE: a scanned table has no statistics")
    else:
        rare = ["a large table is scanned by statements that cost little"] if large else []
        yield this.holds(*rare, *_unexplained(hot))


@judges("indexes_sound")
def indexes(seen: TableIndexes) -> Iterator[Finding]:
    """Indexes are valid, each has a use, and none is missing below a foreign key."""
    age = seen.observed_at - seen.statistics_since
    unused = seen.unused if age >= UNUSED_FOR else ()
    grave = [one for one in seen.uncovered if one.rows is not None and one.rows >= LARGE_ROWS]
    light = [
        *(f"{one.index} is {one.detail}" for one in seen.duplicates),
        *(f"{one.index} was not used for {age.days} days" for one in unused),
        *(f"{_key(one)} has no index" for one in seen.uncovered),
    ]
    faults = [f"{one.index} is not valid" for one in seen.invalid] + light
    got = f"{seen.indexes} indexes of {seen.tables} tables, {seen.foreign_keys} foreign keys"
    this = Case(
        claim="indexes_sound",
        got=f"{got}: {'; '.join(faults[:5]) or 'none at fault'}",
        want="every index valid, used and unlike the others; one for each foreign key",
        seen=[seen.at("/invalid"), seen.at("/duplicates"), seen.at("/unused"), seen.at("/tables")],
        reproduce=_INDEXES,
        grade=Grade.OBSERVED,
    )
    if seen.invalid:
        yield this.fails("REINDEX INDEX CONCURRENTLY, or drop it (manual, CREATE INDEX)")
    elif grave:
        yield this.fails(f"{_key(grave[0])}: each delete above it scans {grave[0].rows} rows")
    elif seen.tables <= 0 or seen.indexes <= 0:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "this database has no table with an index")
    elif any(one.rows is None for one in seen.uncovered):
        yield this.not_seen(Cause.COULD_NOT_ASK, "run ANALYZE: a table has no statistics")
    else:
        yield this.holds(*light[:5])


def _unseen(hot: HotStatements) -> tuple[Cause, str] | None:
    """Return why the service's own statements were not seen."""
    if not hot.application_roles:
        return Cause.NOT_CONFIGURED, "add database.application_dsn: whose statements are these?"
    if not any(one.role in hot.application_roles for one in hot.statements):
        return (
            Cause.TOO_FEW_SAMPLES,
            f"no statement of {', '.join(hot.application_roles)} ran {hot.least_calls} times yet",
        )
    return None


def _no_plan(hot: HotStatements, unseen: list[HotStatement]) -> tuple[Cause, str] | None:
    """Return why the plans do not suffice."""
    weighty = next((one for one in unseen if _matters(one)), None)
    if weighty is not None:
        return (
            Cause.NOT_ALLOWED if weighty.planned == "denied" else Cause.COULD_NOT_ASK,
            f"{weighty.planned_detail}: database.plan_dsn names a role that may plan"
            if weighty.planned == "denied"
            else weighty.planned_detail or "a plan was not seen",
        )
    own = (one for one in hot.statements if one.role in hot.application_roles)
    if not any(one.planned == "seen" for one in own):
        return Cause.TOO_FEW_SAMPLES, "no plan of a statement of the service was seen"
    return None


def _unexplained(hot: HotStatements) -> Iterator[str]:
    """Yield the large tables that are scanned often, though no plan of a hot statement does."""
    hours = (hot.observed_at - hot.table_statistics_since) / timedelta(hours=1)
    for one in hot.tables:
        scans = one.sequential_scans
        read = one.rows_read_by_them / scans if scans > 0 else 0
        often = scans >= SCANS and scans >= SCANS_PER_HOUR * hours
        if one.rows > LARGE_ROWS and read > LARGE_ROWS and often:
            yield f"{one.table} was scanned {scans} times: a function, or statements that cost less"


def _is_large(scan: TableScan) -> bool:
    return scan.rows is not None and scan.rows > LARGE_ROWS


def _matters(one: HotStatement) -> bool:
    return not one.share < MATTERS


def _name(one: HotStatement) -> str:
    return f"{one.role} {one.text[:60]!r}, {one.share:.1%} of the time"


def _key(one: UncoveredKey) -> str:
    return f"{one.table} ({', '.join(one.columns)})"


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATEMENTS = HotStatements(
    observed_at=_NOON,
    version_num=170010,
    statistics_since=_NOON - timedelta(days=9),
    table_statistics_since=_NOON - timedelta(days=90),
    application_roles=("shop_app",),
    planner="readiness_planner",
    least_calls=20,
    statements=(
        HotStatement(
            query_id="-4072013847299712510",
            role="shop_app",
            text="SELECT data FROM v_order WHERE customer_id = $1 ORDER BY id LIMIT $2",
            calls=120_000,
            mean_ms=1.2,
            share=0.8,
            planned="seen",
            planned_detail="",
            scans=(TableScan(table="public.tb_country", rows=249),),
        ),
    ),
    tables=(
        TableReads(
            table="public.tb_order", rows=2_000_000, sequential_scans=3, rows_read_by_them=6_000_000
        ),
    ),
)
INDEXES = TableIndexes(
    observed_at=_NOON,
    statistics_since=_NOON - timedelta(days=90),
    tables=12,
    indexes=30,
    foreign_keys=9,
    invalid=(),
    duplicates=(),
    unused=(),
    uncovered=(),
)


def _each(hot: HotStatements, **changes: object) -> HotStatements:
    return hot.replace(statements=tuple(replace(one, **changes) for one in hot.statements))


def half_a_second(hot: HotStatements) -> HotStatements:
    """Let every statement take more than half a second."""
    return _each(hot, mean_ms=501.0)


def scans_a_large_table(hot: HotStatements) -> HotStatements:
    """Let every statement read a large table from end to end, and cost much."""
    scan = TableScan(table="public.tb_order", rows=2_000_000)
    return _each(hot, share=0.5, planned="seen", scans=(scan,))


def plans_denied(hot: HotStatements) -> HotStatements:
    """Refuse every plan."""
    return _each(hot, planned="denied", planned_detail="permission denied for view v_order")


def nothing_ran(hot: HotStatements) -> HotStatements:
    """Forget all statements."""
    return hot.replace(statements=())


def index_broken(seen: TableIndexes) -> TableIndexes:
    """Leave an index invalid, as CREATE INDEX CONCURRENTLY does when it fails."""
    broken = IndexSeen(index="public.ix_order", table="public.tb_order", detail="not valid")
    return seen.replace(invalid=(broken,))


def key_uncovered(seen: TableIndexes) -> TableIndexes:
    """Drop the index below a foreign key of a large table."""
    key = UncoveredKey(
        constraint="tb_order_customer_id_fkey",
        table="public.tb_order",
        columns=("customer_id",),
        rows=2_000_000,
    )
    return seen.replace(uncovered=(*seen.uncovered, key))


CHECK = Check(
    (fast, no_large_scans, indexes),
    remedy="Look at the plan of the statement that is named; add the index it lacks with CREATE "
    "INDEX CONCURRENTLY, rebuild those that are not valid, drop those that nobody uses.",
    references=(
        "PostgreSQL manual F.32, pg_stat_statements",
        "PostgreSQL manual 14.1, Using EXPLAIN",
        "PostgreSQL manual 5.5.5, Foreign Keys: an index on the referencing columns",
    ),
    good=(STATEMENTS, INDEXES),
    worsen=(
        half_a_second,
        scans_a_large_table,
        plans_denied,
        nothing_ran,
        index_broken,
        key_uncovered,
    ),
    thresholds={
        "hot_statements_fast": "50 ms on average, never above 500 ms (default)",
        "large_sequential_scans_absent": "10,000 rows, 1 % of the time (default)",
        "indexes_sound": "unused from 30 days on, foreign keys from 10,000 rows on (default)",
    },
)
