"""What the health endpoints say while the database, and then the cache, cannot be reached."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class Poll(Record, frozen=True, kw_only=True):
    """One GET of one health endpoint during the drill."""

    place: str
    """Base URL that was asked, and the address behind it."""

    endpoint: Literal["health", "ready"]
    """Which endpoint."""

    at_s: float
    """When it was sent, seconds since the drill began."""

    elapsed_ms: float
    """From sending to the last byte, or to giving up."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""

    reason: str = ""
    """Why there was no answer."""


class Outage(Record, frozen=True, kw_only=True):
    """One fault, from being there to being mended."""

    fault: Literal["cut_database", "cut_cache"]
    """Which of ``drills``."""

    since_s: float
    """When the command that breaks it had ended, seconds since the drill began."""

    mending_s: float
    """When the command that mends it was started."""

    until_s: float
    """When that command had ended."""


class ReadinessDrill(Fact, frozen=True, kw_only=True):
    """Both endpoints, polled at every place, before, during and after each outage."""

    places: tuple[str, ...]
    """Where was polled: the public URL and every instance, at each address."""

    health: str
    """Path of the liveness endpoint."""

    ready: str
    """Path of the readiness endpoint."""

    outages: tuple[Outage, ...]
    """The database first, then the cache where there is one."""

    polls: tuple[Poll, ...]
    """In the order of being sent."""

    cache_declared: bool
    """Whether the service has a cache."""

    cache_required: bool
    """Whether the service is meant to be down without it (``cache.hard_dependency``)."""

    seconds: float
    """How long the drill took."""
