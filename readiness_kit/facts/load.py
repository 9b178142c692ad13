"""What a load test saw.

Two clocks per request: *corrected* starts at the instant the request was due, so waiting behind a
stalled target counts; *service* starts when it was sent. A failed or unanswered request is worse
than any limit, so it is ``lost`` in both histograms: a fast error never improves a percentile.
"""

from typing import Literal

from readiness_kit.facts import Fact, Record
from readiness_kit.statistics.histogram import Histogram, merge
from readiness_kit.statistics.quantiles import Estimate, estimate

InvalidReason = Literal[
    "generator_late", "arrivals_lost", "identity_refused", "target_down", "interrupted"
]
"""Why a run proves nothing about the target:

- ``generator_late``: the generator itself was late, beyond its guard;
- ``arrivals_lost``: fewer requests were sent than were due;
- ``identity_refused``: the target refused the identities it was loaded with;
- ``target_down``: nothing answered, so the run was cut short;
- ``interrupted``: somebody stopped it.
"""


class Operation(Record, frozen=True):
    """One kind of request."""

    name: str
    """Its name: the GraphQL operation, or the path."""

    corrected: Histogram
    """From the instant it was due."""

    service: Histogram
    """From the instant it was sent."""


class Second(Record, frozen=True):
    """What came back in one second."""

    t_s: float
    """End of the second, seconds from the start."""

    n: int
    """Requests that ended, well or not."""

    failed: int
    """Those that failed."""

    p50_ms: float | None
    """Median of the corrected latency of those that succeeded; None when none did."""

    p95_ms: float | None
    """95th percentile of the same."""

    p99_ms: float | None
    """99th percentile of the same."""


class LoadRun(Fact, frozen=True):
    """One load test. Each profile has a fact class of its own, below."""

    profile: str
    """Name of the profile."""

    scenario: str
    """File name of the Locust file, or the path that was fetched."""

    users: int
    """Concurrent users that served the arrivals."""

    workers: int
    """Generator processes."""

    seconds: float
    """Length of the schedule."""

    scheduled: int
    """Requests that were due."""

    sent: int
    """Requests that were sent."""

    answered: int
    """Requests that got any answer, good or bad."""

    failed: int
    """Requests that failed, the unanswered and the never sent included."""

    errors: dict[str, int]
    """Failures by kind: ``http_503``, ``graphql_error``, ``timeout``, ``connection_refused``, …"""

    offered_rps: float
    """Requests due per second."""

    achieved_rps: float
    """Good answers per second of schedule, those in flight at its end left out."""

    block_s: float
    """Length of a block."""

    blocks: tuple[Histogram, ...]
    """Corrected latency, one histogram per block of the schedule, by the instant of being due."""

    service: Histogram
    """Service time of all requests."""

    operations: tuple[Operation, ...]
    """The same by kind of request, most frequent first."""

    series: tuple[Second, ...]
    """What came back, second by second."""

    lateness_p99_ms: float | None
    """99th percentile of how late the generator itself sent a request; None when none was sent."""

    noise_floor_ms: float
    """How late this host wakes a sleeper, 99th percentile, measured just before the run."""

    cpu_s: float
    """Processor time of the generator, seconds."""

    max_rss_bytes: int
    """Largest memory of the generator."""

    invalid_reason: InvalidReason | None
    """Why the run proves nothing about the target; None when it is valid."""

    @property
    def valid(self) -> bool:
        """Whether the run says something about the target."""
        return self.invalid_reason is None

    @property
    def corrected(self) -> Histogram:
        """Corrected latency of all requests."""
        return merge(self.blocks)

    @property
    def error_rate(self) -> float | None:
        """Share of the requests due that failed; None when none was due."""
        return self.failed / self.scheduled if self.scheduled else None

    def estimate(self, p: float, limit_ms: float | None = None) -> Estimate:
        """Return what can be said about quantile *p* of the corrected latency, near *limit_ms*."""
        return estimate(self.blocks, p, seconds=self.seconds, limit_ms=limit_ms)


class BenchmarkLoad(LoadRun, frozen=True):
    """Profile ``benchmark``: the peak rate, for the percentiles."""
