"""Load testing passed: the peak is carried, for long as well, and overload breaks nothing.

At ``objectives.peak_rps``, arrivals are open: requests come when they are due, whether or not the
target has answered the one before.

>>> CHECK.shows()
{'peak': 'PASS', 'sustained': 'PASS', 'degradation': 'PASS'}
>>> CHECK.shows(half_answered(GOOD))["peak"], CHECK.shows(leaking(SOAK))["sustained"]
('FAIL', 'FAIL')
>>> CHECK.shows(growing_queue(STRESS))["degradation"]
'FAIL'
>>> CHECK.shows(GOOD.replace(invalid_reason="generator_late"))["peak"]
'UNKNOWN'
>>> CHECK.shows(Objectives(peak_rps=200))
{'peak': 'UNKNOWN', 'sustained': 'UNKNOWN', 'degradation': 'UNKNOWN'}
"""

import math
from collections.abc import Iterator
from dataclasses import replace as change

from msgspec.structs import replace

from readiness_kit.checks.performance.benchmarks import (
    GOOD,
    all_over,
    block,
    few,
    generator_late,
    like,
    unanswered,
)
from readiness_kit.facts.load import BenchmarkLoad, Gauge, Second, SoakLoad, Stage, StressLoad
from readiness_kit.load_verdict import overload
from readiness_kit.load_verdict.limits import (
    FULL,
    breach,
    carries,
    ended_early,
    reproduce,
    together,
    undeclared,
    unproven,
)
from readiness_kit.load_verdict.memory import memory
from readiness_kit.load_verdict.stability import stability
from readiness_kit.statistics.histogram import Histogram
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, judges


@judges("peak")
def peak(run: BenchmarkLoad, objectives: Objectives) -> Iterator[Finding]:
    """Judge rate and errors first, then the percentiles."""
    yield carries("peak", run, objectives, peaks=1)


@judges("sustained")
def sustained(run: SoakLoad, objectives: Objectives) -> Iterator[Finding]:
    """Compare the last third with the first, and look for a leak in each process."""
    yield _sustained(run, objectives)


def _sustained(run: SoakLoad, objectives: Objectives) -> Finding:
    want = (
        f"errors at most {objectives.error_rate:.2%}, P50, P95 and P99 within their objectives in"
        " the last third as in the first; no leak"
    )
    if objectives.peak_rps is None:
        return undeclared("sustained", run)
    unfit = unproven("sustained", run, want)
    if unfit is not None:
        return unfit
    case = Case(
        claim="sustained",
        got=_connections(run),
        want=want,
        seen=[run.at("/blocks"), run.at("/gauges")],
        reproduce=reproduce(run),
    )
    broken = breach(run)
    if broken is not None and broken.of(objectives):
        return change(case, got=ended_early(run)).fails()
    if not run.offered_rps >= objectives.peak_rps * FULL:
        got = f"only {run.offered_rps:.1f} requests/s were offered"
        return change(case, got=got).not_seen(Cause.UNPROVEN)
    return together(case, [*stability("sustained", run, objectives), memory("sustained", run)])


def _connections(run: SoakLoad) -> str:
    """Return how many connections of the database there were, first and last."""
    found = [gauge.values for gauge in run.gauges_named("connections") if gauge.values]
    first, last = sum(values[0] for values in found), sum(values[-1] for values in found)
    return f"{first:g} connections at first and {last:g} at last" if found else ""


@judges("degradation")
def degradation(run: StressLoad, objectives: Objectives) -> Iterator[Finding]:
    """Judge what is accepted, how much is answered well, and how soon all is as before."""
    yield _degradation(run, objectives)


def _degradation(run: StressLoad, objectives: Objectives) -> Finding:
    want = (
        f"at 3 times the peak rate P95 of what is accepted under"
        f" {overload.BOUND * objectives.p99_ms:g} ms, good answers at least"
        f" {overload.GOODPUT:.0%} of the peak rate, as before within {overload.RECOVERY_S} s"
    )
    if objectives.peak_rps is None:
        return undeclared("degradation", run)
    unfit = unproven("degradation", run, want)
    if unfit is not None:
        return unfit
    case = Case(
        claim="degradation",
        got="" if run.aborted is None else ended_early(run),
        want=want,
        seen=[run.at("/stages"), run.at("/blocks"), run.at("/series")],
        reproduce=reproduce(run),
    )
    found = overload.degradation("degradation", run, objectives, objectives.peak_rps)
    return together(case, list(found))


def _seconds(first: int, end: int, *, good: int, failed: int = 0) -> Iterator[Second]:
    for t_s in range(first, end):
        yield Second(
            t_s=t_s + 1.0,
            n=good + failed,
            failed=failed,
            p50_ms=20.0,
            p95_ms=22.0,
            p99_ms=22.0,
            service_p50_ms=20.0,
            service_p95_ms=22.0,
            service_p99_ms=22.0,
            lateness_p99_ms=1.0,
        )


def _stage(name: str, start_s: float, seconds: float, rps: float) -> Stage:
    return Stage(name=name, start_s=start_s, seconds=seconds, from_rps=rps, to_rps=rps)


def resident(mb_h: float, samples: int = 361) -> Gauge:
    """Return the memory of one process, every 5 s, which grows by *mb_h*."""
    t_s = tuple(5.0 * k for k in range(samples))
    noise = (k * 7919 % 1000 / 1000 for k in range(samples))
    values = tuple((300 + mb_h * t / 3600 + x) * 1e6 for t, x in zip(t_s, noise, strict=True))
    return Gauge(name="resident_bytes", of="process 4711", t_s=t_s, values=values)


_CONNECTIONS = Gauge(name="connections", of="database", t_s=(0.0, 1800.0), values=(12.0, 12.0))
SOAK = like(
    SoakLoad,
    profile="soak",
    seconds=1800.0,
    stages=(_stage("steady", 0.0, 1800.0, 20.0),),
    scheduled=36_000,
    sent=36_000,
    answered=36_000,
    block_s=60.0,
    blocks=tuple(block(20 + n % 3, 1200) for n in range(30)),
    gauges=(_CONNECTIONS, resident(0.0)),
)
_SHED = Histogram(bins=block(22, 1).bins, counts=(40,), max_us=22_000, lost=20)
STRESS = like(
    StressLoad,
    profile="stress",
    seconds=110.0,
    stages=(
        _stage("before", 0.0, 20.0, 20.0),
        _stage("overload", 20.0, 30.0, 60.0),
        _stage("after", 50.0, 60.0, 20.0),
    ),
    scheduled=3400,
    sent=3400,
    answered=3400,
    failed=600,
    errors={"http_503": 600},
    offered_rps=3400 / 110,
    achieved_rps=2800 / 110,
    blocks=(*(block(20, 20),) * 20, *(_SHED,) * 30, *(block(20, 20),) * 60),
    series=(
        *_seconds(0, 20, good=20),
        *_seconds(20, 50, good=40, failed=20),
        *_seconds(50, 110, good=20),
    ),
)


def half_answered(run: BenchmarkLoad) -> BenchmarkLoad:
    """Half of the answers never come."""
    return run.replace(achieved_rps=run.achieved_rps / 2)


def errors(run: BenchmarkLoad) -> BenchmarkLoad:
    """Every tenth answer is an error."""
    failed = max(run.failed, run.scheduled // 10)
    return run.replace(failed=failed, errors={"http_503": failed})


def leaking(run: SoakLoad) -> SoakLoad:
    """A process grows by 100 MB an hour."""
    return run.replace(gauges=(_CONNECTIONS, resident(100.0)))


def fails_at_last(run: SoakLoad) -> SoakLoad:
    """The last third fails."""
    kept = len(run.blocks) * 2 // 3
    return run.replace(
        blocks=(*run.blocks[:kept], *(Histogram(lost=one.n) for one in run.blocks[kept:]))
    )


def unwatched(run: SoakLoad) -> SoakLoad:
    """Nobody looks at the processes."""
    return run.replace(gauges=())


def growing_queue(run: StressLoad) -> StressLoad:
    """Everything is accepted, so answers come later and later."""
    late = tuple(block(1000 * max(1, k - 20), one.n) for k, one in enumerate(run.blocks))
    return run.replace(blocks=late)


def few_good(run: StressLoad) -> StressLoad:
    """Nine of ten answers in overload are failures, and stay so."""
    return run.replace(
        series=tuple(
            replace(one, failed=max(one.failed, one.n * 9 // 10)) if one.t_s > 20 else one
            for one in run.series
        )
    )


def slow_for_ever(run: StressLoad) -> StressLoad:
    """After the overload all is slow."""
    return run.replace(
        series=tuple(replace(one, p95_ms=math.inf) if one.t_s > 50 else one for one in run.series)
    )


CHECK = Check(
    (peak, sustained, degradation),
    remedy=(
        "Find the resource that saturates first: processor of the application processes, its pool"
        " of database connections, or the database. Add instances or remove work per request."
        " Bound every queue, and refuse at once what does not fit into it."
    ),
    references=(
        "Little, A Proof for the Queuing Formula L = lambda W (1961)",
        "Schroeder et al., Open Versus Closed: A Cautionary Tale (NSDI 2006)",
        "Site Reliability Engineering (2016), chapter 22, Addressing Cascading Failures",
    ),
    good=(GOOD, SOAK, STRESS, Objectives(peak_rps=20)),
    worsen=(
        all_over,
        few,
        generator_late,
        unanswered,
        half_answered,
        errors,
        leaking,
        fails_at_last,
        unwatched,
        growing_queue,
        few_good,
        slow_for_ever,
    ),
    thresholds={
        "peak": "objectives.peak_rps, error_rate, p50_ms, p95_ms and p99_ms",
        "sustained": "the same objectives in the first and the last third of the profile soak; no"
        " leak by the trough envelope, in 300 s at least",
        "degradation": "at 3 times objectives.peak_rps: P95 of what is accepted within 2 times"
        " objectives.p99_ms (default), good answers at least 0.8 times the peak rate, as before"
        " within 60 s",
    },
)
