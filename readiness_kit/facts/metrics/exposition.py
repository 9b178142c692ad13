"""What the service exposes in Prometheus' text format, and whether its counters follow requests."""

from readiness_kit.facts import Fact, Record


class MetricsPage(Record, frozen=True, kw_only=True):
    """One GET of one exposition."""

    url: str
    """What was asked."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""

    parses: bool
    """Whether the body is a non-empty exposition."""

    series: int
    """Number of samples."""

    requests: str
    """Name of the counter of requests; empty when there is none."""

    durations: str
    """Name of the histogram of request durations; empty when there is none."""

    buckets_s: tuple[float, ...]
    """Finite upper bounds of that histogram, seconds."""

    reason: str = ""
    """Why there was no answer, or why it does not parse."""


class MetricsExposed(Fact, frozen=True, kw_only=True):
    """The exposition of every process."""

    pages: tuple[MetricsPage, ...]
    """One at each of ``api.metrics_urls``, else at ``/metrics`` of each instance."""


class PublicMetrics(Fact, frozen=True, kw_only=True):
    """Whether the public face shows metrics."""

    public: tuple[MetricsPage, ...]
    """The metrics paths at every address of ``api.url``, without credentials."""

    controls: tuple[MetricsPage, ...]
    """The positive control: the same where the scraper reads."""


class ProcessCounters(Record, frozen=True, kw_only=True):
    """The counters of one process, before and after."""

    url: str
    """Where they were read."""

    requests_before: float
    requests_after: float
    durations_before: float
    """Number of observations in the histogram."""
    durations_after: float

    restarted: bool | None
    """Whether the process began anew in between; ``None`` when it does not say."""


class CountersMoved(Fact, frozen=True, kw_only=True):
    """Counters of all processes around a known number of requests."""

    processes: tuple[ProcessCounters, ...]
    """Each process whose counters were read twice."""

    declared: int
    """Number of processes that the target names."""

    sent: int
    """Requests sent in between."""

    answered: int
    """How many of them were answered with data."""

    logged: int | None
    """Requests of everybody in the service's logs in between; ``None`` when they cannot be read."""
