"""Load testing passed: the expected peak is carried with every objective held.

At ``objectives.peak_rps``, arrivals are open: requests come when they are due, whether or not the
target has answered the one before.

>>> CHECK.shows()
{'peak': 'PASS'}
>>> CHECK.shows(half_answered(GOOD))
{'peak': 'FAIL'}
>>> CHECK.shows(GOOD.replace(invalid_reason="generator_late"))
{'peak': 'UNKNOWN'}
>>> CHECK.shows(GOOD, Objectives(peak_rps=200))
{'peak': 'UNKNOWN'}
"""

from collections.abc import Iterator

from readiness_kit.checks.performance.benchmarks import (
    GOOD,
    REPRODUCE,
    all_over,
    few,
    generator_late,
    percentile,
    unanswered,
    unproven,
)
from readiness_kit.facts.load import BenchmarkLoad
from readiness_kit.target import Objectives
from readiness_kit.verdict import Cause, Check, Finding, Outcome, fails, holds, judges, not_seen


@judges("peak")
def peak(run: BenchmarkLoad, objectives: Objectives) -> Iterator[Finding]:
    """Judge rate and errors first, then the percentiles."""
    yield _peak(run, objectives)


def _peak(run: BenchmarkLoad, objectives: Objectives) -> Finding:
    rate = objectives.peak_rps
    if rate is None:
        got = "objectives.peak_rps is not declared"
        return not_seen("peak", Cause.NOT_CONFIGURED, got=got, reproduce=REPRODUCE)
    want = (
        f"{rate:g} requests/s answered, errors at most {objectives.error_rate:.2%},"
        " P50, P95 and P99 within their objectives"
    )
    unfit = unproven("peak", run, want)
    if unfit is not None:
        return unfit
    seen = [run.at("/achieved_rps"), run.at("/failed"), run.at("/blocks")]
    got = (
        f"{run.achieved_rps:.1f} of {run.offered_rps:.1f} requests/s answered,"
        f" {run.failed} of {run.scheduled} failed"
    )
    if not run.offered_rps >= rate * 0.99:
        got = f"only {run.offered_rps:.1f} requests/s were offered"
        return not_seen("peak", Cause.UNPROVEN, got=got, want=want, seen=seen, reproduce=REPRODUCE)
    if not _carried(run, objectives):
        return fails("peak", got=got, want=want, seen=seen, reproduce=REPRODUCE)
    limits = ((0.50, objectives.p50_ms), (0.95, objectives.p95_ms), (0.99, objectives.p99_ms))
    parts = [percentile("peak", run, p, limit_ms) for p, limit_ms in limits]
    got = "; ".join([got, *(part.got for part in parts)])
    if any(part.outcome is Outcome.FAILS for part in parts):
        return fails("peak", got=got, want=want, seen=seen, reproduce=REPRODUCE)
    open_part = next((part for part in parts if part.outcome is Outcome.NOT_SEEN), None)
    if open_part is not None:
        cause = open_part.cause or Cause.TOO_FEW_SAMPLES
        return not_seen("peak", cause, got=got, want=want, seen=seen, reproduce=REPRODUCE)
    return holds("peak", got=got, want=want, seen=seen, reproduce=REPRODUCE)


def _carried(run: BenchmarkLoad, objectives: Objectives) -> bool:
    """Whether errors and backlog are within bounds.

    What is in flight when the schedule ends is no backlog as long as there is no more of it than
    Little's law allows at the P95 objective: rate x P95, and one request.
    """
    if run.error_rate is None or not run.error_rate <= objectives.error_rate:
        return False
    in_flight = run.offered_rps * objectives.p95_ms / 1000 + 1
    return run.achieved_rps * run.seconds >= run.offered_rps * run.seconds - in_flight - run.failed


def half_answered(run: BenchmarkLoad) -> BenchmarkLoad:
    """Half of the answers never come."""
    return run.replace(achieved_rps=run.achieved_rps / 2)


def errors(run: BenchmarkLoad) -> BenchmarkLoad:
    """Every tenth answer is an error."""
    failed = max(run.failed, run.scheduled // 10)
    return run.replace(failed=failed, errors={"http_503": failed})


CHECK = Check(
    (peak,),
    remedy=(
        "Find the resource that saturates first: processor of the application processes, its pool"
        " of database connections, or the database. Add instances or remove work per request."
    ),
    references=(
        "Little, A Proof for the Queuing Formula L = lambda W (1961)",
        "Schroeder et al., Open Versus Closed: A Cautionary Tale (NSDI 2006)",
    ),
    good=(GOOD, Objectives(peak_rps=20)),
    worsen=(all_over, few, generator_late, unanswered, half_answered, errors),
    thresholds={"peak": "objectives.peak_rps, error_rate, p50_ms, p95_ms and p99_ms"},
)
