"""What the health endpoints say while the database, and then the cache, cannot be reached."""

from typing import Literal

from readiness_kit.facts import Fact, Record

OK = 200


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

    def changed_s(self, fault: str, *, ready: bool) -> float | None:
        """Return how long it took until every place was *ready* after *fault*, or was not with it.

        ``None`` where that was not seen at some place.
        """
        outages = [one for one in self.outages if one.fault == fault]
        since_s = next((one.until_s if ready else one.since_s for one in outages), None)
        if since_s is None:
            return None
        first = {
            one.place: one.at_s + one.elapsed_ms / 1000
            for one in sorted(self.polls, key=lambda one: -one.at_s)
            if one.endpoint == "ready" and one.at_s >= since_s and (one.status == OK) is ready
        }
        if not first or set(first) != set(self.places):
            return None
        return max(first.values()) - since_s
