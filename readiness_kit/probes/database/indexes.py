"""Ask PostgreSQL's catalogue about its indexes."""

from datetime import UTC, datetime

from readiness_kit.errors import NotSeen
from readiness_kit.facts.database.queries import IndexSeen, TableIndexes, UncoveredKey
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit, source


@source(effect="read", asks="2 SQL statements: the catalogue of indexes", deadline_s=10)
def table_indexes(visit: Visit) -> TableIndexes:
    """Look for indexes that are broken, doubled or unused, and for foreign keys without one.

    Raises:
        NotSeen: The role may not see whether an index is being built just now.

    """
    with session(visit, parameters(visit.database.dsn)) as database:
        counts = database.row(Sql.INDEXES)
        if not counts["sees_builds"]:
            raise NotSeen(
                "the probe's role may not see which indexes are being built",
                hint="grant it pg_monitor, or pg_read_all_stats",
            )
        faults = database.rows(Sql.INDEX_FAULTS)
    seen: dict[str, list[IndexSeen]] = {"invalid": [], "duplicate": [], "unused": []}
    for row in faults:
        seen[row["kind"]].append(
            IndexSeen(index=row["index"], table=row["table"], detail=row["detail"])
        )
    return TableIndexes(
        observed_at=datetime.now(UTC),
        statistics_since=counts["since"],
        tables=counts["tables"],
        indexes=counts["indexes"],
        foreign_keys=counts["foreign_keys"],
        invalid=tuple(seen["invalid"]),
        duplicates=tuple(seen["duplicate"]),
        unused=tuple(seen["unused"]),
        uncovered=tuple(
            UncoveredKey(
                constraint=row["constraint"],
                table=row["table"],
                columns=tuple(row["columns"]),
                rows=row["rows"],
            )
            for row in counts["uncovered"]
        ),
    )
