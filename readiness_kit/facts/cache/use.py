"""Whether answers come from the cache, expire there, and are forgotten at a write."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class RepeatedRead(Record, frozen=True, kw_only=True):
    """One read, right after the same read; counters are those of the whole cache and database."""

    answered: bool
    """Whether both reads were answered with data."""

    hits: int
    """Growth of ``keyspace_hits``."""

    misses: int
    """Growth of ``keyspace_misses``."""

    statements: int | None
    """Statements of the application's role; ``None`` when they cannot be counted."""


class WriteSeen(Record, frozen=True, kw_only=True):
    """One marked write, and when the cached read showed it."""

    written: bool
    """Whether the mutation was answered with data."""

    places: int
    """Addresses and instances at which the read was asked."""

    seen_after_s: float | None
    """When the last place showed the mark; ``None`` when it did not within the wait."""

    reads_stale: int
    """Reads after the write that did not show the mark."""

    waited_s: float
    """How long it was waited for at most."""

    accepted_delay_s: float
    """How long an old answer may be given, as declared."""

    undone: Literal["yes", "no", "not_declared"]
    """Whether the marked row was removed again."""

    mark: str
    """The text that was written."""

    reason: str = ""
    """What went wrong."""


class CacheUse(Fact, frozen=True, kw_only=True):
    """How the service uses its cache, seen by one read and one write."""

    reads: tuple[RepeatedRead, ...]
    """Repeated reads, until one was seen undisturbed by others."""

    counter_moves: bool
    """Positive control: the statement counter was seen to move in the same visit."""

    lifetime_hits: int
    """``keyspace_hits`` of the cache at the end."""

    lifetime_misses: int
    """``keyspace_misses`` of the cache at the end."""

    write: WriteSeen | None
    """The marked write; ``None`` when none is declared."""


class CacheExpiry(Fact, frozen=True, kw_only=True):
    """Time to live of the application's keys."""

    prefix: str
    """Prefix that was searched for."""

    ttls_s: tuple[float, ...]
    """Time to live of each key that has one, seconds, 200 keys at most."""

    without_ttl: tuple[str, ...]
    """Beginning of the name of each key that never expires."""

    max_ttl_s: float
    """Longest life an entry may have, as declared."""
