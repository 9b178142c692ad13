"""How long the answer for a DNS name may be kept by those who asked."""

from typing import Literal

from readiness_kit.facts import Record

ToldBy = Literal["authority", "cache", "hosts_file", "nobody"]
"""A server of the zone; a cache, which counts down; a file of this machine, which has no time."""


class Link(Record, frozen=True, kw_only=True):
    """One step from a name to its addresses."""

    name: str
    """The name."""

    kind: str
    """``CNAME``, ``A`` or ``AAAA``."""

    ttl_s: int
    """Time to live, seconds: the longest that was seen."""


class NameKept(Record, frozen=True, kw_only=True):
    """The chain from a name to its addresses."""

    name: str
    """The name, as it is written."""

    addresses: int
    """Addresses of the family that has most of them."""

    links: tuple[Link, ...]
    """Aliases, then addresses."""

    told_by: ToldBy
    """Who told the times."""

    why: str
    """Why no server of the zone told them; empty when one did."""
