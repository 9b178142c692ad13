"""The GraphQL schema, as it is documented and as it runs, element by element."""

from readiness_kit.facts import Fact, Record


class SchemaElement(Record, frozen=True, kw_only=True):
    """One type, field, argument, enum value or directive."""

    coordinate: str
    """Schema coordinate, e.g. ``Query.user(id:)``."""

    kind: str
    """``type``, ``field``, ``argument``, ``value`` or ``directive``."""

    signature: str
    """What it is: kind of type, type of field, default, members, interfaces."""

    description: str
    """First 12 digits of the SHA-256 of its description; empty when it has none."""

    deprecated: bool
    """Whether it is deprecated."""

    reason: bool
    """Whether a deprecation gives a reason of its own."""


class LiveSchema(Fact, frozen=True, kw_only=True):
    """The schema of the running service, by introspection."""

    identity: str
    """As whom it was asked."""

    elements: tuple[SchemaElement, ...]
    """Sorted by coordinate; built-in ones are left out."""


class DocumentedSchema(Fact, frozen=True, kw_only=True):
    """The schema that is documented."""

    file: str
    """Name of the file."""

    elements: tuple[SchemaElement, ...]
    """Sorted by coordinate; built-in ones are left out."""
