"""The edge bounds connections, headers and bodies; the database bounds its clients."""

from collections.abc import Iterator
from datetime import UTC, datetime

from readiness_kit.checks.security.ddos_protection.nginx import routes_of, unread
from readiness_kit.facts.database.connection_limits import ConnectionLimits
from readiness_kit.facts.nginx.configuration import ConnectionLimit, NginxConfig, Route
from readiness_kit.verdict import Case, Cause, Finding, Grade, Move, judges

LONGEST_HEADER_S = 60.0
"""nginx's own default of client_header_timeout."""


@judges("conn_limit")
def judge(nginx: NginxConfig | None, database: ConnectionLimits | None) -> Iterator[Finding]:
    """The edge bounds connections, headers and bodies; the database bounds its clients."""
    routes = routes_of(nginx)
    unset = [*_unset(routes), *([] if database and _bounded(database) else ["a database limit"])]
    case = Case(
        claim="conn_limit",
        got="; ".join(
            [*map(_connections, routes), *unread(nginx), _workers(nginx), _database(database)]
        ),
        want=f"limit_conn, client_header_timeout <= {LONGEST_HEADER_S:g} s, client_max_body_size "
        "and a limit of the role or the database; one of the last three unset warns",
        seen=[
            *([NginxConfig.at("/routes")] if nginx else []),
            *([ConnectionLimits.at()] if database else []),
        ],
        reproduce="nginx -T | grep -n -e limit_conn -e client_; "
        "psql -c 'SELECT rolname, rolconnlimit FROM pg_roles'",
        grade=Grade.DECLARED,
    )
    if nginx is None:
        yield case.not_seen(Cause.NOT_CONFIGURED, "name proxy.nginx, the balancer's configuration")
    elif nginx.unresolved or not routes:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif not all(any(map(_holds, one.connection_limits)) for one in routes):
        yield case.fails("add limit_conn with a zone by caller to the server of the API")
    elif any(map(_boundless, routes)):
        yield case.fails("slow headers and endless bodies hold connections: bound both")
    elif database is None:
        yield case.not_seen(Cause.COULD_NOT_ASK, "the limits of the database were not seen")
    elif len(unset) > 1:
        yield case.fails(f"left at the default: {', '.join(unset)}")
    else:
        yield case.holds(*(f"set {one}: its default holds for want of a decision" for one in unset))


def _holds(limit: ConnectionLimit) -> bool:
    return limit.most > 0 and not limit.dry_run


def _boundless(route: Route) -> bool:
    header, body = route.header_timeout_s, route.max_body_bytes
    slow = header is not None and not 0 < header <= LONGEST_HEADER_S
    return slow or (body is not None and body <= 0)


def _unset(routes: list[Route]) -> Iterator[str]:
    if any(one.header_timeout_s is None for one in routes):
        yield "client_header_timeout"
    if any(one.max_body_bytes is None for one in routes):
        yield "client_max_body_size"


def _bounded(database: ConnectionLimits) -> bool:
    """Whether role or database may have fewer connections than there are; superusers always may."""
    room = database.max_connections - database.reserved
    limits = (database.role_limit, database.database_limit)
    return not database.superuser and any(one is not None and 0 <= one < room for one in limits)


def _connections(route: Route) -> str:
    limits = ", ".join(
        f"{one.most} by {one.key}{' (dry run)' * one.dry_run}" for one in route.connection_limits
    )
    header = "default" if route.header_timeout_s is None else f"{route.header_timeout_s:g} s"
    body = "default" if route.max_body_bytes is None else f"{route.max_body_bytes} bytes"
    return f"{route.where}: limit_conn {limits or 'none'}, header {header}, body {body}"


def _workers(nginx: NginxConfig | None) -> str:
    most = nginx.worker_connections if nginx else None
    return f"worker_connections {'default' if most is None else most}"


def _database(database: ConnectionLimits | None) -> str:
    if database is None:
        return "database not seen"
    who = "superuser " * database.superuser + (database.role or "role not named")
    return (
        f"{who}: {database.role_limit}, database {database.database}: {database.database_limit}, "
        f"server: {database.max_connections}"
    )


DATABASE = ConnectionLimits(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
    database="shop",
    database_limit=-1,
    role="shop_app",
    role_limit=60,
    superuser=False,
    max_connections=200,
    reserved=3,
)


def unlimited_role(fact: ConnectionLimits) -> ConnectionLimits:
    """Neither role nor database is limited."""
    return fact.replace(role_limit=-1, database_limit=-1)


WORSEN: tuple[Move, ...] = (unlimited_role,)
