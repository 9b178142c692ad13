"""How the service answers one caller who asks too much, and another who does not."""

from readiness_kit.facts import Fact, Record


class Tally(Record, frozen=True):
    """Answers to one caller's requests, counted by what they mean."""

    sent: int

    accepted: int
    """Answered with neither 429 nor a server error."""

    good: int
    """Of these, answered with 2xx: the positive control."""

    refused: int
    """429."""

    unavailable: int
    """503."""

    broken: int
    """Other 5xx, and requests without an answer."""

    with_retry_after: int
    """Of the refused and unavailable, how many say when to come back."""


class RateLimitBurst(Fact, frozen=True, kw_only=True):
    """Many requests at once from one caller, and a few from another meanwhile."""

    per_minute: int
    """Declared limit, requests per minute."""

    burst: int
    """Declared allowance above it."""

    seconds: float
    """From the first request to the last answer."""

    caller: Tally

    other: Tally | None
    """A second identity meanwhile; ``None`` when only one is declared."""

    other_address: bool
    """Whether the second identity called from an address of its own."""


class RateLimitMinute(Fact, frozen=True, kw_only=True):
    """Evenly paced requests from one caller, above the limit, until the first 429."""

    per_minute: int
    """Declared limit, requests per minute."""

    burst: int
    """Declared allowance above it."""

    planned: int
    """Requests that were to be sent within a minute."""

    seconds: float
    """From the first request to the last answer."""

    caller: Tally


class HourLimit(Record, frozen=True):
    """One configured limit, as its sum over an hour."""

    where: str
    """Where it is configured."""

    per_hour: float
    """Requests per hour that it lets through in the long run."""


class HourlyLimits(Fact, frozen=True, kw_only=True):
    """Limits per hour as configured in the proxy and in the application's environment."""

    per_hour: int
    """Declared limit, requests per hour and caller."""

    read: tuple[str, ...]
    """Files that were read."""

    unresolved: tuple[str, ...]
    """What leaves the reading incomplete."""

    routes: tuple[tuple[HourLimit, ...], ...]
    """For every way to the API through the proxy: the limits on it."""

    application: tuple[HourLimit, ...]
    """Limits in the application's environment."""
