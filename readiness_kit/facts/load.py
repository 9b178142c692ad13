"""What a load test saw.

Two clocks per request: *corrected* starts at the instant the request was due, so waiting behind a
stalled target counts; *service* starts when it was sent. A failed or unanswered request is worse
than any limit, so it is ``lost`` in both histograms: a fast error never improves a percentile.
"""

import math
from typing import Literal

from readiness_kit.facts import Fact, Record
from readiness_kit.statistics.histogram import Histogram, merge
from readiness_kit.statistics.quantiles import Estimate, estimate

InvalidReason = Literal[
    "generator_late",
    "arrivals_lost",
    "identity_refused",
    "target_down",
    "worker_lost",
    "interrupted",
    "closed_loop",
    "not_understood",
]
"""Why a run proves nothing about the target:

- ``generator_late``: the generator itself was late, beyond its guard;
- ``arrivals_lost``: fewer requests were sent than were due;
- ``identity_refused``: the target refused the identities it was loaded with;
- ``target_down``: nothing answered, so the run was cut short;
- ``worker_lost``: a generator process died, or its counts do not add up;
- ``interrupted``: somebody stopped it;
- ``closed_loop``: users sent when they liked, so a stalled target was simply asked less often;
- ``not_understood``: an answer came that the fast lane does not read: use ``OpenUser``.
"""


class Stage(Record, frozen=True):
    """A part of the schedule in which the rate is constant or changes linearly."""

    name: str
    """``steady``, ``before``, ``overload``, ``after``, ``step 3``, …"""

    start_s: float
    """When it begins, seconds from the start."""

    seconds: float
    """Length."""

    from_rps: float
    """Requests due per second at its beginning."""

    to_rps: float
    """Requests due per second at its end."""


class Gauge(Record, frozen=True):
    """Something of the target's own, sampled on the clock of the run."""

    name: str
    """What it is, with its unit: ``resident_bytes``, ``cpu_cores``, ``connections``, …"""

    of: str
    """Whose: ``process 4711``, ``database``, ``cache``, ``host``, an instance's URL."""

    t_s: tuple[float, ...]
    """When each sample was taken, seconds from the start, ascending."""

    values: tuple[float, ...]
    """The samples."""


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

    service_p50_ms: float | None
    """Median of the service time of those that succeeded."""

    service_p95_ms: float | None
    """95th percentile of the same."""

    service_p99_ms: float | None
    """99th percentile of the same."""

    lateness_p99_ms: float | None
    """99th percentile of how late the generator itself sent; None when it sent nothing on time."""


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

    workers_lost: int
    """Those that died, fell silent or whose counts do not add up."""

    seconds: float
    """Length of what was played of the schedule."""

    stages: tuple[Stage, ...]
    """The parts of the schedule that were played, in order, without a gap."""

    aborted: str | None
    """The limit whose breach was certain before the schedule ended, in words; None when none."""

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

    served: int | None
    """Requests that the target's own counter counted meanwhile; None when it has none."""

    offered_rps: float
    """Requests due per second, on average."""

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

    gauges: tuple[Gauge, ...]
    """What the target's own side showed meanwhile."""

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

    notes: tuple[str, ...] = ()
    """What of the target's own side could not be sampled, and why."""

    @property
    def valid(self) -> bool:
        """Whether the run says something about the target."""
        return self.invalid_reason is None

    @property
    def corrected(self) -> Histogram:
        """Corrected latency of all requests."""
        return merge(self.blocks)

    def stage(self, name: str) -> Stage | None:
        """Return the stage of that name, or None when it was not played."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def blocks_of(self, stage: Stage) -> tuple[Histogram, ...]:
        """Return the blocks that lie wholly within *stage*."""
        first, end = stage.start_s / self.block_s, (stage.start_s + stage.seconds) / self.block_s
        return self.blocks[math.ceil(first - 1e-6) : math.floor(end + 1e-6)]

    def seconds_of(self, stage: Stage) -> tuple[Second, ...]:
        """Return the seconds that ended within *stage*."""
        end_s = stage.start_s + stage.seconds
        return tuple(one for one in self.series if stage.start_s < one.t_s <= end_s + 0.5)

    def gauges_named(self, name: str) -> tuple[Gauge, ...]:
        """Return the gauges of that name."""
        return tuple(gauge for gauge in self.gauges if gauge.name == name)

    @property
    def error_rate(self) -> float | None:
        """Share of the requests due that failed; None when none was due."""
        return self.failed / self.scheduled if self.scheduled else None

    def estimate(self, p: float, limit_ms: float | None = None) -> Estimate:
        """Return what can be said about quantile *p* of the corrected latency, near *limit_ms*."""
        return estimate(self.blocks, p, seconds=self.seconds, limit_ms=limit_ms)


class BenchmarkLoad(LoadRun, frozen=True):
    """Profile ``benchmark``: the peak rate, for the percentiles."""


class SmokeLoad(LoadRun, frozen=True):
    """Profile ``smoke``: a few requests, to see that the scenario works."""


class PeakLoad(LoadRun, frozen=True):
    """Profile ``peak``: twice the peak rate."""


class StepLoad(LoadRun, frozen=True):
    """Profile ``step``: ``step 1``, ``step 2``, … at rising rates, until the target lags behind."""


class StressLoad(LoadRun, frozen=True):
    """Profile ``stress``: peak rate ``before`` and ``after``, three times it in ``overload``."""


class SpikeLoad(LoadRun, frozen=True):
    """Profile ``spike``: ``before`` at the peak rate, a short ``spike``, ``after``."""


class SoakLoad(LoadRun, frozen=True):
    """Profile ``soak``: the peak rate, long."""
