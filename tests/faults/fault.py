"""One fault: what happens to a run, and what must be so afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from faults.stepping import Steps

Kind = Literal[
    "kill -9",
    "disk full",
    "I/O error",
    "hangs",
    "resets",
    "drips",
    "garbage",
    "gigabyte",
    "lies",
    "dies",
    "half dead",
    "clock",
    "two runs",
    "kernel killed",
    "Ctrl-C",
]


class Stage(NamedTuple):
    """Where a fault strikes."""

    place: Path
    """An empty folder."""
    patch: pytest.MonkeyPatch
    steps: Steps
    killed: Callable[[str, int], Path]
    """Runs of a world, one killed at each step; where ``second`` is above 0, killed again there."""
    prepared: Callable[[str], Path]
    """A folder for runs of a world, with what they need beside them."""
    nobody: int
    """A port that nothing listens on."""


class Fault(NamedTuple):
    """A row of the table of faults."""

    kind: Kind
    name: str
    strike: Callable[[Stage], None]
    """Lets it happen and demands what must be so: no wrong PASS, no torn file, resumable."""

    def __str__(self) -> str:
        return f"{self.kind}, {self.name}"
