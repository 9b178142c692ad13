"""Performance benchmarks met: P50, P95 and P99 at peak rate lie under the objectives.

Latency counts from the instant a request was due, so a stalled target cannot hide behind a
generator that waits for it. A percentile passes only when the upper end of its 95 % interval is
under the limit and fails only when the lower end is over it.

>>> CHECK.shows()
{'p50': 'PASS', 'p95': 'PASS', 'p99': 'PASS'}
>>> CHECK.shows(all_over(GOOD))
{'p50': 'FAIL', 'p95': 'FAIL', 'p99': 'FAIL'}
>>> CHECK.shows(few(GOOD))
{'p50': 'PASS', 'p95': 'PASS', 'p99': 'UNKNOWN'}
>>> CHECK.shows(generator_late(GOOD))
{'p50': 'UNKNOWN', 'p95': 'UNKNOWN', 'p99': 'UNKNOWN'}
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from readiness_kit.facts.load import BenchmarkLoad, LoadRun, Stage
from readiness_kit.statistics.histogram import Histogram, bin_of
from readiness_kit.statistics.quantiles import Interval, TooFew
from readiness_kit.target import Objectives
from readiness_kit.verdict import Cause, Check, Finding, fails, holds, judges, not_seen

WIDE_BELOW = 10_000
"""Samples under which the interval of P99 is wide enough to say so."""

REPRODUCE = "readiness load benchmark -c readiness.yaml"


def unproven(claim: str, run: LoadRun, want: str) -> Finding | None:
    """Return why *run* proves nothing about *claim*, or None when it may be judged."""
    causes = {
        "generator_late": Cause.GENERATOR_INVALID,
        "arrivals_lost": Cause.GENERATOR_INVALID,
        "identity_refused": Cause.COULD_NOT_ASK,
        "target_down": Cause.COULD_NOT_ASK,
        "worker_lost": Cause.GENERATOR_INVALID,
        "interrupted": Cause.TOO_FEW_SAMPLES,
        "closed_loop": Cause.UNPROVEN,
    }
    if run.invalid_reason is not None:
        got = f"the run is invalid: {run.invalid_reason.replace('_', ' ')}"
        return not_seen(claim, causes[run.invalid_reason], got=got, want=want, reproduce=REPRODUCE)
    if run.answered <= 0 or run.scheduled <= 0:
        got = f"{run.answered} answers to {run.scheduled} requests"
        return not_seen(claim, Cause.TOO_FEW_SAMPLES, got=got, want=want, reproduce=REPRODUCE)
    return None


def percentile(claim: str, run: LoadRun, p: float, limit_ms: float) -> Finding:
    """Judge one percentile of corrected latency against its limit."""
    name, seen = f"P{p * 100:g}", [run.at("/blocks")]
    want = f"{name} under {limit_ms:g} ms with 95 % confidence"
    unfit = unproven(claim, run, want)
    if unfit is not None:
        return unfit
    found = run.estimate(p, limit_ms)
    if isinstance(found, TooFew):
        more = "" if found.more_seconds is None else f", about {found.more_seconds:.0f} s more"
        got = f"{found.n} samples, {found.needed} needed{more}"
        return not_seen(
            claim, Cause.TOO_FEW_SAMPLES, got=got, want=want, seen=seen, reproduce=REPRODUCE
        )
    if not isinstance(found, Interval):
        got = f"{name} {_ms(found.value_ms)} and still moving (n {found.n}): no interval is honest"
        if found.least_ms > limit_ms:
            return fails(claim, got=got, want=want, seen=seen, reproduce=REPRODUCE)
        return not_seen(
            claim, Cause.TOO_FEW_SAMPLES, got=got, want=want, seen=seen, reproduce=REPRODUCE
        )
    low, high = _ms(found.low_ms), _ms(found.high_ms)
    got = f"{name} {_ms(found.value_ms)} [{low} to {high}], n {found.n}"
    where = found.against(limit_ms)
    wide = [f"n under {WIDE_BELOW}: the interval of P99 is wide (binomial order statistics)"]
    advice = wide if p >= 0.99 and found.n < WIDE_BELOW else []
    if where == "under":
        return holds(claim, got=got, want=want, seen=seen, advice=advice, reproduce=REPRODUCE)
    if where == "over":
        return fails(claim, got=got, want=want, seen=seen, advice=advice, reproduce=REPRODUCE)
    more_seconds = found.more_seconds(limit_ms, run.seconds)
    more = "" if more_seconds is None else f"; about {more_seconds:.0f} s more would decide"
    got = f"{got} straddles the limit{more}"
    return not_seen(
        claim, Cause.TOO_FEW_SAMPLES, got=got, want=want, seen=seen, reproduce=REPRODUCE
    )


def _ms(value_ms: float) -> str:
    """Return a latency in words; a failed request is later than any limit."""
    return f"{value_ms:.1f} ms" if math.isfinite(value_ms) else "never"


@judges("p50", "p95", "p99")
def percentiles(run: BenchmarkLoad, objectives: Objectives) -> Iterator[Finding]:
    """Judge the three percentiles, each by itself."""
    yield percentile("p50", run, 0.50, objectives.p50_ms)
    yield percentile("p95", run, 0.95, objectives.p95_ms)
    yield percentile("p99", run, 0.99, objectives.p99_ms)


def _block(ms: int, n: int) -> Histogram:
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
    blocks=tuple(_block(20 + n % 3, 20) for n in range(30)),
    service=_block(20, 600),
    operations=(),
    series=(),
    gauges=(),
    lateness_p99_ms=1.0,
    noise_floor_ms=1.0,
    cpu_s=2.0,
    max_rss_bytes=90_000_000,
    invalid_reason=None,
)


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
    worsen=(all_over, few, generator_late, unanswered),
    thresholds={
        "p50": "objectives.p50_ms, the checklist's 100 ms by default",
        "p95": "objectives.p95_ms, the checklist's 500 ms by default",
        "p99": "objectives.p99_ms, the checklist's 1000 ms by default; n at least 368",
    },
)
