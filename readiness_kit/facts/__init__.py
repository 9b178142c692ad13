"""Facts: frozen records of what was seen, with units in their names and no opinion.

The rooms are those of the probes, and one for what drills saw. A fact also holds the question that
was asked (origins that were tried, limits that were declared), so that a judge needs nothing else.
"""

import re
from datetime import datetime
from typing import Self

import msgspec


class Pointer(msgspec.Struct, frozen=True):
    """Where in a fact something was seen."""

    fact: str
    """Id of the fact, e.g. ``tls_offer``."""

    path: str = ""
    """JSON pointer into the fact (RFC 6901); empty means the whole fact."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the parts that facts are made of."""


class Fact(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all facts: something looked at once, at one moment."""

    observed_at: datetime
    """UTC time at which the looking ended."""

    @classmethod
    def fact_id(cls) -> str:
        """Return the id under which the fact is stored: the class name in snake case."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def at(cls, path: str = "") -> Pointer:
        """Return a pointer to *path* (RFC 6901) in this kind of fact."""
        return Pointer(cls.fact_id(), path)

    def replace(self, **changes: object) -> Self:
        """Return a copy with *changes*."""
        return msgspec.structs.replace(self, **changes)
