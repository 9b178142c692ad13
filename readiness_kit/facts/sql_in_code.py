"""How SQL reaches the database: from the source, from stored functions, and from callers."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Judged = Literal["constant", "from_outside", "undecided"]
"""``constant``: nothing but text of the source itself; ``from_outside``: also a value that callers
choose; ``undecided``: neither can be shown.
"""


class Statement(Record, frozen=True):
    """One call that sends SQL."""

    where: str
    """File and line."""

    call: str
    """Name of the function that is called, e.g. ``execute``."""

    text: Judged
    """What its text is made of."""

    reason: str
    """By which way a value reaches it; empty for constants."""


class SqlInCode(Fact, frozen=True, kw_only=True):
    """Every statement in the Python source, followed back to what its text is made of."""

    files: int
    """Python files that were read, tests apart."""

    unread: tuple[str, ...]
    """Python files that cannot be parsed, and files of other languages that hold SQL."""

    statements: tuple[Statement, ...]
    """Every call that sends SQL, those with constant text last."""

    planted: dict[str, bool]
    """Positive control: for each planted piece of code, whether it was judged rightly."""
