"""Asks PostgreSQL how many connections the service may have."""

from datetime import UTC, datetime

from readiness_kit.facts.database.connection_limits import ConnectionLimits
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit, source


@source(effect="read", asks="1 SQL statement")
def connection_limits(visit: Visit) -> ConnectionLimits:
    """Return the limits of the database and of the role in ``database.application_dsn``."""
    dsn = visit.database.application_dsn
    role = parameters(dsn).get("user", "") if dsn else ""
    with session(visit, parameters(visit.database.dsn)) as database:
        row = database.row(Sql.CONNECTION_LIMITS, role=role)
    return ConnectionLimits(
        database=row["database"],
        database_limit=row["database_limit"],
        role=role,
        role_limit=row["role_limit"],
        superuser=bool(row["superuser"]),
        max_connections=row["max_connections"],
        reserved=row["reserved"],
        observed_at=datetime.now(UTC),
    )
