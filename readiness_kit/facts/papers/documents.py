"""What documents say, read by structure."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Kind = Literal["rto", "rpo"]


class StatedObjective(Record, frozen=True):
    """One objective as a document states it."""

    kind: Kind
    """Which objective."""

    minutes: float
    """Its figure, minutes."""

    below: bool
    """Whether it is stated as "less than" the figure."""

    document: str
    """File name of the document."""

    line: int
    """Line, from 1."""

    words: str
    """The words it was read from."""


class RecoveryObjectives(Fact, frozen=True, kw_only=True):
    """The recovery objectives that the declared documents state."""

    documents: tuple[str, ...]
    """Documents read, by kind and file name."""

    stated: tuple[StatedObjective, ...]
    """Every objective found, in reading order."""
