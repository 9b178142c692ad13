"""What the service promises, and what may be asked of it."""

from typing import Annotated

from msgspec import Meta

from readiness_kit.target.parts import Part


class Objectives(Part, frozen=True):
    """What the service promises; the defaults are the checklist's own figures."""

    peak_rps: Annotated[float, Meta(gt=0)] | None = None
    """Highest expected request rate, requests per second."""

    p50_ms: Annotated[float, Meta(gt=0)] = 100.0
    """Median latency, milliseconds."""

    p95_ms: Annotated[float, Meta(gt=0)] = 500.0
    """95th percentile latency, milliseconds."""

    p99_ms: Annotated[float, Meta(gt=0)] = 1000.0
    """99th percentile latency, milliseconds."""

    error_rate: Annotated[float, Meta(ge=0, lt=1)] = 0.001
    """Share of failed requests that is accepted."""

    rto_minutes: Annotated[float, Meta(gt=0)] = 60.0
    """Recovery time objective, minutes."""

    rpo_minutes: Annotated[float, Meta(ge=0)] = 15.0
    """Recovery point objective, minutes."""


class RateLimits(Part, frozen=True):
    """The rate limit the service declares for one caller; defaults are the checklist's."""

    per_minute: int = 100
    """Requests per minute."""

    per_hour: int = 1000
    """Requests per hour."""

    burst: int = 20
    """Requests above the steady rate that are accepted at once."""


class ProductionLimits(Part, frozen=True):
    """What may be asked of a target in production, whatever a profile says."""

    max_rps: Annotated[float, Meta(gt=0)] = 10.0
    """Ceiling on the rate of a load test."""


class Limits(Part, frozen=True):
    """What the kit may ask of the target."""

    requests_per_minute: Annotated[int, Meta(gt=0)] = 80
    """Pace of the probes, kept below the rate limit of the service."""

    injection_arguments: Annotated[int, Meta(gt=0)] = 30
    """Arguments of queries that payloads of SQL injection are tried in, 8 requests each."""

    rate: RateLimits = RateLimits()
    """The rate limit the service declares."""

    production: ProductionLimits = ProductionLimits()
    """What holds in production on top."""
