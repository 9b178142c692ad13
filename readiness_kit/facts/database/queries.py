"""Which statements cost PostgreSQL most, how it plans them, and how its indexes are."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record

Planned = Literal["seen", "needless", "denied", "failed"]
"""Whether a plan was seen; ``needless`` is a statement that has none, as COMMIT."""


class TableScan(Record, frozen=True):
    """A table that a plan reads from end to end."""

    table: str
    """Schema and table."""

    rows: int | None
    """Rows by the statistics, of all partitions that the plan reads; ``None`` when unknown."""


class HotStatement(Record, frozen=True, kw_only=True):
    """One statement of ``pg_stat_statements``."""

    query_id: str
    """``queryid``."""

    role: str
    """Role that ran it."""

    text: str
    """Its text with constants left out, shortened; empty where it has no plan."""

    calls: int
    """How often it ran."""

    mean_ms: float
    """Mean execution time, milliseconds."""

    share: float
    """Share of the execution time of all statements in this database, 0 to 1."""

    planned: Planned
    """Whether its plan was seen."""

    planned_detail: str
    """Why not; empty when it was."""

    scans: tuple[TableScan, ...]
    """Tables that the plan reads from end to end."""


class TableReads(Record, frozen=True, kw_only=True):
    """How one table was read since the statistics began."""

    table: str
    """Schema and table."""

    rows: int
    """Rows by the statistics."""

    sequential_scans: int
    """``seq_scan``."""

    rows_read_by_them: int
    """``seq_tup_read``."""


class HotStatements(Fact, frozen=True, kw_only=True):
    """The statements of this database that cost most, with their plans."""

    version_num: int
    """``server_version_num``."""

    statistics_since: datetime | None
    """When counting began; ``None`` when not told."""

    table_statistics_since: datetime
    """When the scans of tables began to be counted, or later."""

    application_roles: tuple[str, ...]
    """Roles that the application is known to log in with."""

    planner: str
    """Role that asked for the plans."""

    least_calls: int
    """Statements that ran less often are left out."""

    statements: tuple[HotStatement, ...]
    """Those with the highest total time, the first the highest; not the kit's own."""

    tables: tuple[TableReads, ...]
    """The largest tables."""


class IndexSeen(Record, frozen=True, kw_only=True):
    """One index with something about it."""

    index: str
    """Schema and index."""

    table: str
    """Schema and table."""

    detail: str
    """What is to be known of it."""


class UncoveredKey(Record, frozen=True, kw_only=True):
    """A foreign key without an index that begins with its columns."""

    constraint: str
    """Its name."""

    table: str
    """Schema and table."""

    columns: tuple[str, ...]
    """Its columns."""

    rows: int | None
    """Rows of the table by the statistics; ``None`` when it was never analysed."""


class TableIndexes(Fact, frozen=True, kw_only=True):
    """The indexes of all tables that are not PostgreSQL's own."""

    statistics_since: datetime
    """When use of indexes began to be counted, or later."""

    tables: int
    """Number of tables."""

    indexes: int
    """Number of indexes."""

    foreign_keys: int
    """Number of foreign keys."""

    invalid: tuple[IndexSeen, ...]
    """Not valid, and not being built."""

    duplicates: tuple[IndexSeen, ...]
    """Those that another one of the same table equals."""

    unused: tuple[IndexSeen, ...]
    """Never scanned since then; those that enforce something are left out."""

    uncovered: tuple[UncoveredKey, ...]
    """Foreign keys without an index."""
