"""Performance benchmarks met: P50, P95 and P99 at peak rate lie under the objectives.

Latency counts from the instant a request was due, so a stalled target cannot hide behind a
generator that waits for it. A percentile passes only when the upper end of its 95 % interval is
under the limit and fails only when the lower end is over it. A run that ended early, because it was
sure that a limit is broken, fails that limit and passes none.

>>> CHECK.shows()
{'p50': 'PASS', 'p95': 'PASS', 'p99': 'PASS'}
>>> CHECK.shows(all_over(GOOD))
{'p50': 'FAIL', 'p95': 'FAIL', 'p99': 'FAIL'}
>>> CHECK.shows(few(GOOD))
{'p50': 'PASS', 'p95': 'PASS', 'p99': 'UNKNOWN'}
>>> CHECK.shows(generator_late(GOOD))
{'p50': 'UNKNOWN', 'p95': 'UNKNOWN', 'p99': 'UNKNOWN'}
>>> CHECK.shows(ended_early(GOOD))
{'p50': 'UNKNOWN', 'p95': 'FAIL', 'p99': 'UNKNOWN'}
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from readiness_kit.facts.load import BenchmarkLoad, LoadRun, Stage
from readiness_kit.load_verdict.limits import percentile, percentile_limits
from readiness_kit.statistics.histogram import Histogram, bin_of
from readiness_kit.target import Objectives
from readiness_kit.verdict import Check, Finding, judges


@judges("p50", "p95", "p99")
def percentiles(run: BenchmarkLoad, objectives: Objectives) -> Iterator[Finding]:
    """Judge the three percentiles, each by itself."""
    for name, p, limit_ms in percentile_limits(objectives):
        yield percentile(name, run, p, limit_ms)


def block(ms: int, n: int) -> Histogram:
    """Return *n* answers, each after *ms* milliseconds."""
    return Histogram(bins=(bin_of(ms * 1000),), counts=(n,), max_us=ms * 1000)


GOOD = BenchmarkLoad(
    observed_at=datetime(2026, 3, 1, tzinfo=UTC),
    profile="benchmark",
    scenario="locustfile.py",
    users=50,
    workers=1,
    workers_lost=0,
    seconds=30.0,
    stages=(Stage(name="steady", start_s=0.0, seconds=30.0, from_rps=20.0, to_rps=20.0),),
    aborted=None,
    scheduled=600,
    sent=600,
    answered=600,
    failed=0,
    errors={},
    served=None,
    offered_rps=20.0,
    achieved_rps=20.0,
    block_s=1.0,
    blocks=tuple(block(20 + n % 3, 20) for n in range(30)),
    service=block(20, 600),
    operations=(),
    series=(),
    gauges=(),
    lateness_p99_ms=1.0,
    noise_floor_ms=1.0,
    cpu_s=2.0,
    max_rss_bytes=90_000_000,
    invalid_reason=None,
)


Run = TypeVar("Run", bound=LoadRun)


def like(kind: type[Run], **changes: object) -> Run:
    """Return the good run as one of another *kind*, with *changes*."""
    return msgspec.convert({**msgspec.structs.asdict(GOOD), **changes}, kind)


def all_over(run: BenchmarkLoad) -> BenchmarkLoad:
    """Every request fails."""
    lost = tuple(Histogram(lost=block.n) for block in run.blocks)
    return run.replace(blocks=lost, failed=run.scheduled, errors={"timeout": run.scheduled})


def few(run: BenchmarkLoad) -> BenchmarkLoad:
    """Most of the run is missing."""
    return run.replace(blocks=run.blocks[:5])


def generator_late(run: BenchmarkLoad) -> BenchmarkLoad:
    """The generator was the bottleneck."""
    return run.replace(invalid_reason="generator_late")


def ended_early(run: BenchmarkLoad) -> BenchmarkLoad:
    """The generator was sure that P95 is broken, and stopped."""
    return run.replace(aborted="more than 5.00% fail or take over 500 ms")


def unanswered(run: BenchmarkLoad) -> BenchmarkLoad:
    """Nothing came back."""
    return run.replace(answered=0)


CHECK = Check(
    (percentiles,),
    remedy=(
        "Find what the slow requests wait for: compare corrected with service time, look at the"
        " slowest operation of the chart, then at pg_stat_statements and the pool's waiting time."
    ),
    references=(
        "David and Nagaraja, Order Statistics, 3rd ed., section 7.1",
        "Tene, How NOT to Measure Latency (coordinated omission)",
    ),
    good=(GOOD,),
    worsen=(all_over, few, generator_late, ended_early, unanswered),
    thresholds={
        "p50": "objectives.p50_ms, the checklist's 100 ms by default",
        "p95": "objectives.p95_ms, the checklist's 500 ms by default",
        "p99": "objectives.p99_ms, the checklist's 1000 ms by default; n at least 368",
    },
)
