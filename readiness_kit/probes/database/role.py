"""Asks PostgreSQL what the application's role may do."""

from datetime import UTC, datetime
from typing import Literal

from psycopg.rows import DictRow

from readiness_kit.errors import NotSeen
from readiness_kit.facts.database.role import ApplicationRole, RoleRights
from readiness_kit.probes.database.session import Session, parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit, source

EXAMPLES = 5
"""So many of the tables that a role owns are named."""

_Named = Literal["connection_string", "sessions"]


@source(effect="read", asks="1 SQL statement, and 1 per role of the application", deadline_s=10)
def application_role(visit: Visit) -> ApplicationRole:
    """Find the application's roles by its connection string and its sessions, and their rights.

    Raises:
        NotSeen: Neither is declared or seen, or a role is unknown to this server.

    """
    with session(visit, parameters(visit.database.dsn)) as database:
        roles: dict[str, tuple[_Named, ...]] = {}
        for role in _declared(visit):
            roles[role] = ("connection_string",)
        for role in _connected(visit, database):
            roles[role] = (*roles.get(role, ()), "sessions")
        if not roles:
            raise NotSeen(
                "it is not known which role the application logs in with",
                cause="not_configured",
                hint="add database.application_dsn, or database.application_pools while it runs",
            )
        found = {role: _rows(database, role) for role in roles}
    return ApplicationRole(
        database=next(str(rows[0]["database"]) for rows in found.values()),
        roles=tuple(_rights(role, roles[role], rows) for role, rows in found.items()),
        observed_at=datetime.now(UTC),
    )


def _declared(visit: Visit) -> tuple[str, ...]:
    secret = visit.database.application_dsn
    role = parameters(secret).get("user", "") if secret else ""
    return (role,) if role else ()


def _connected(visit: Visit, database: Session) -> list[str]:
    names = [pool.name for pool in visit.database.application_pools]
    return [row["role"] for row in database.rows(Sql.ROLES_OF_POOLS, names=names)] if names else []


def _rows(database: Session, role: str) -> list[DictRow]:
    """Return the rights of *role*, and of each role that it may become."""
    rows = database.rows(Sql.ROLE_RIGHTS, role=role, n=EXAMPLES)
    if not rows:
        raise NotSeen(
            f"this server knows no role {role!r}",
            hint="database.dsn and database.application_dsn are to lead to the same server",
        )
    return rows


def _rights(role: str, named: tuple[_Named, ...], rows: list[DictRow]) -> RoleRights:
    examples = sorted(name for row in rows for name in row["examples"] or ())

    def with_right(name: str) -> tuple[str, ...]:
        return tuple(_name(row) for row in rows if row[name])

    return RoleRights(
        role=role,
        named_by=named,
        becomes=tuple(_name(row) for row in rows if row["role"] != role),
        superuser=with_right("rolsuper"),
        create_role=with_right("rolcreaterole"),
        create_database=with_right("rolcreatedb"),
        bypass_rls=with_right("rolbypassrls"),
        owned_tables=sum(row["tables"] for row in rows),
        owned_examples=tuple(examples[:EXAMPLES]),
    )


def _name(row: DictRow) -> str:
    return str(row["role"])
