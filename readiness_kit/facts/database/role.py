"""What the application's role may do in PostgreSQL."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class RoleRights(Record, frozen=True, kw_only=True):
    """One role of the application, together with the roles it can take on."""

    role: str

    named_by: tuple[Literal["connection_string", "sessions"], ...]
    """How it is known to be the application's."""

    becomes: tuple[str, ...]
    """Roles it is a member of, directly or not, whose rights it can take on."""

    superuser: tuple[str, ...]
    """Which of all these are superusers."""

    create_role: tuple[str, ...]
    """Which of them may create roles."""

    create_database: tuple[str, ...]
    """Which of them may create databases."""

    bypass_rls: tuple[str, ...]
    """Which of them pass over row-level security."""

    owned_tables: int
    """Tables, partitions, materialized and foreign tables that one of them owns."""

    owned_examples: tuple[str, ...]
    """The first of those, schema-qualified."""


class ApplicationRole(Fact, frozen=True, kw_only=True):
    """Rights of the roles that the application logs in with."""

    database: str
    """Database whose tables were looked at."""

    roles: tuple[RoleRights, ...]
