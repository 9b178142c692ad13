"""The roles by which the application reaches the database: what they may do, and own."""

from collections.abc import Iterator

from msgspec.structs import replace

from readiness_kit.checks.security.authorization.answers import WHEN
from readiness_kit.facts.database.role import ApplicationRole, RoleRights
from readiness_kit.verdict import Case, Cause, Finding, Grade, Move, judges


@judges("database_role")
def judge(role: ApplicationRole) -> Iterator[Finding]:
    """Judge the rights of every role that the application uses."""
    rights = [said for one in role.roles for said in _too_much(one)]
    owned = [one for one in role.roles if one.owned_tables]
    names = ", ".join(one.role for one in role.roles) or "no role"
    case = Case(
        claim="database_role",
        got="; ".join(rights) or f"{names}: none of the four rights, {_owned(owned)}",
        want="no superuser, no CREATEROLE, CREATEDB or BYPASSRLS, itself or by membership; "
        "owns no table",
        seen=[ApplicationRole.at("/roles")],
        grade=Grade.OBSERVED,
        reproduce='psql $DSN -c "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, '
        "rolbypassrls FROM pg_roles WHERE rolname = '$ROLE'\"",
    )
    if rights:
        yield case.fails()
    elif not role.roles:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif owned:
        yield case.holds(
            "let another role own the tables: an owner may drop them, and passes row-level "
            "security (PostgreSQL 5.9)"
        )
    else:
        yield case.holds()


def _too_much(one: RoleRights) -> Iterator[str]:
    for right, holders in (
        ("is superuser", one.superuser),
        ("may create roles", one.create_role),
        ("may create databases", one.create_database),
        ("bypasses row-level security", one.bypass_rls),
    ):
        for holder in holders:
            yield f"{one.role} {right}" + ("" if holder == one.role else f" as {holder}")


def _owned(owners: list[RoleRights]) -> str:
    if not owners:
        return "owns no table"
    examples = ", ".join(name for one in owners for name in one.owned_examples)
    return f"owns {sum(one.owned_tables for one in owners)} tables ({examples})"


ROLE = ApplicationRole(
    observed_at=WHEN,
    database="shop",
    roles=(
        RoleRights(
            role="shop_app",
            named_by=("connection_string", "sessions"),
            becomes=(),
            superuser=(),
            create_role=(),
            create_database=(),
            bypass_rls=(),
            owned_tables=0,
            owned_examples=(),
        ),
    ),
)


def own_tables(fact: ApplicationRole) -> ApplicationRole:
    """The application owns its tables."""
    return fact.replace(roles=tuple(replace(one, owned_tables=3) for one in fact.roles))


def become_superuser(fact: ApplicationRole) -> ApplicationRole:
    """The application is a member of a superuser."""
    return fact.replace(roles=tuple(replace(one, superuser=("postgres",)) for one in fact.roles))


def forget_roles(fact: ApplicationRole) -> ApplicationRole:
    """Nobody knows the application's role."""
    return fact.replace(roles=())


WORSEN: tuple[Move, ...] = (own_tables, become_superuser, forget_roles)
