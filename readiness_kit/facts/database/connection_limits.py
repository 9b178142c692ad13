"""How many connections PostgreSQL lets the service have."""

from readiness_kit.facts import Fact


class ConnectionLimits(Fact, frozen=True, kw_only=True):
    """The limits of the database, the service's role and the server."""

    database: str
    """The database that was asked."""

    database_limit: int
    """``datconnlimit``; -1 means none."""

    role: str
    """The service's own role; empty when the target does not name it."""

    role_limit: int | None
    """``rolconnlimit`` of that role, -1 for none; ``None`` when there is no such role."""

    superuser: bool
    """Whether that role is a superuser, to whom neither limit applies."""

    max_connections: int
    """Connections that the server takes."""

    reserved: int
    """How many of them are kept for superusers."""
