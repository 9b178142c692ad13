"""Functions in the database that execute SQL they put together themselves."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class DynamicSql(Record, frozen=True):
    """One EXECUTE of a text that is put together."""

    function: str
    """Schema and name."""

    language: str

    quoted: Literal["yes", "no", "undecided"]
    """Whether everything in the text is a constant, a number, or quoted."""

    reason: str
    """What is not quoted, or cannot be followed."""


class StoredFunctions(Fact, frozen=True, kw_only=True):
    """Every function outside the system's schemas and the extensions, read for dynamic SQL."""

    functions: int
    """How many there are."""

    hidden: tuple[str, ...]
    """Functions whose source was not told."""

    dynamic: tuple[DynamicSql, ...]
    """Every EXECUTE in them."""

    planted: dict[str, bool]
    """Positive control: for each planted function, whether it was judged rightly."""
