"""How the service fares while its cache and its database refuse, or say nothing."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Cut = Literal["cut_cache", "blackhole_cache", "cut_database", "blackhole_database"]
"""Those of ``drills`` that the drill uses."""


class Call(Record, frozen=True, kw_only=True):
    """One call of a steady, low load."""

    at_s: float
    """When it was sent, seconds since the drill began."""

    elapsed_ms: float
    """From sending to the last byte, or to giving up."""

    query: int
    """Which of the declared queries, from 0."""

    outcome: Literal["good", "refused", "empty", "lost"]
    """All that was asked for; an error; 200 with nothing in it; or no complete answer."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""

    errors: bool = False
    """Whether the body lists errors."""

    retry: bool = False
    """Whether it says when to come back: Retry-After, or a word of it in ``extensions``."""

    internal: str = ""
    """What it gave away of the inside, shortened."""


class Break(Record, frozen=True, kw_only=True):
    """One fault, from being there to being mended."""

    fault: Cut
    """Which of ``drills``."""

    since_s: float
    """When the command that breaks it had ended, seconds since the drill began."""

    mending_s: float
    """When the command that mends it was started."""

    until_s: float
    """When that command had ended."""

    watched_until_s: float
    """How long afterwards the service was watched, with nothing else broken."""


class CacheCount(Record, frozen=True, kw_only=True):
    """How often the cache was asked, by its own count."""

    at_s: float
    """When, seconds since the drill began."""

    lookups: int
    """Hits and misses so far."""


class CachedRead(Record, frozen=True, kw_only=True):
    """A read that was answered before the database was broken, asked again while it is."""

    fault: Cut
    """Which fault was there."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""

    answered: bool
    """Whether it was answered without an error."""

    same: bool
    """Whether the data were those of before."""

    mark: str
    """The header that says that the answer is kept, and its value; empty when there is none."""


class DegradationDrill(Fact, frozen=True, kw_only=True):
    """A steady load, first undisturbed, then through each fault and back."""

    processes: int
    """Processes of the service, each with breakers of its own."""

    rate_rps: float
    """Calls a second."""

    calls: tuple[Call, ...]
    """In the order of being sent."""

    left_out: tuple[str, ...] = ()
    """Declared queries that were not answered before anything was broken, hence not asked on."""

    breaks: tuple[Break, ...]
    """In the order of time; before the first, nothing is broken."""

    lookups: tuple[CacheCount, ...]
    """About once a second; empty when the cache does not tell."""

    reads: tuple[CachedRead, ...]
    """What the cache serves without the database; empty when no cached read is declared."""

    cache_declared: bool
    """Whether the service has a cache."""
