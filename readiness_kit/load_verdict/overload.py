"""How the service behaves beyond its peak, and after it: graceful degradation.

Too much is offered, so some requests must be refused. Graceful means that what is accepted is
answered in bounded time, that the good answers hardly become fewer than at the peak, and that all
is as before soon after. Of a service that accepts everything, the queue grows as long as the
overload lasts: the late half shows it.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace as change
from statistics import fmean, median, variance

from msgspec.structs import replace

from readiness_kit.facts.load import LoadRun, Second
from readiness_kit.load_verdict.limits import FULL, ms, percentile, reproduce, together
from readiness_kit.load_verdict.parts import Part, part
from readiness_kit.statistics.recovery import HOLD, Recovered, TooFew, recovery
from readiness_kit.statistics.student import quantile
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Finding, Outcome

BOUND = 2
"""Multiple of ``objectives.p99_ms`` within which 95 % of what is accepted is answered (default)."""

GOODPUT = 0.8
"""Share of the peak rate that is still answered well."""

RECOVERY_S = 60
"""Longest time until all is as before."""

LEAST_SECONDS = 10
"""Fewest seconds of overload whose good answers are compared."""

_LAST = 5


def degradation(
    claim: str, run: LoadRun, objectives: Objectives, peak_rps: float
) -> Iterator[Finding]:
    """Judge the three parts of graceful degradation, each by itself.

    Whether *run* is valid is not asked here.
    """
    before, over, after = (part(run, name) for name in ("before", "overload", "after"))
    case = Case(claim=claim, got="", want="", seen=[run.at("/stages")], reproduce=reproduce(run))
    if before is None or over is None or after is None:
        yield change(case, got="not every stage was played").not_seen(Cause.UNPROVEN)
    elif not over.stage.from_rps >= 3 * peak_rps * FULL:
        got = f"only {over.stage.from_rps:.1f} requests/s were offered"
        yield change(case, got=got).not_seen(Cause.UNPROVEN)
    else:
        yield bounded(claim, run, over, objectives)
        yield goodput(case, run, over, peak_rps)
        yield recovered(case, run, (before, after), objectives)


def bounded(claim: str, run: LoadRun, over: Part, objectives: Objectives) -> Finding:
    """Judge P95 of what was accepted, in all of the overload and in its late half.

    Failures count as infinite beside it, so that nobody takes the one for the other.
    """
    limit_ms = BOUND * objectives.p99_ms
    found = percentile(claim, run, 0.95, limit_ms, over.accepted)
    late = percentile(claim, run, 0.95, limit_ms, over.accepted.share("late half", 1, 2, 2))
    if found.outcome is Outcome.NOT_SEEN and late.outcome is Outcome.FAILS:
        found = replace(late, got=f"{late.got} in the late half")
    every_ms = over.whole.quantile_ms(0.95)
    every = "" if every_ms is None else f", failures as infinite {ms(every_ms)}"
    return replace(found, got=f"of what was accepted {found.got}{every}; {over.lost:.1%} failed")


def goodput(case: Case, run: LoadRun, over: Part, peak_rps: float) -> Finding:
    """Judge the good answers per second of overload, by Student's interval over the seconds."""
    good = [float(one.n - one.failed) for one in over.seconds]
    case = change(case, seen=[run.at("/series")])
    if len(good) < LEAST_SECONDS:
        got = f"{len(good)} s of overload, {LEAST_SECONDS} needed"
        return change(case, got=got).not_seen(Cause.TOO_FEW_SAMPLES)
    mean = fmean(good)
    reach = quantile(0.95, len(good) - 1) * math.sqrt(variance(good) / len(good))
    got = (
        f"{mean:.1f} [{mean - reach:.1f} to {mean + reach:.1f}] good answers/s in overload,"
        f" {mean / peak_rps:.0%} of the peak rate"
    )
    case = change(case, got=got)
    if mean + reach < GOODPUT * peak_rps:
        return case.fails()
    if mean - reach < GOODPUT * peak_rps or run.aborted is not None:
        return case.not_seen(Cause.TOO_FEW_SAMPLES)
    return case.holds()


def recovered(
    case: Case, run: LoadRun, around: tuple[Part, Part], objectives: Objectives
) -> Finding:
    """Judge how soon latency and failures are as *before* the stress, in the stage *after* it.

    A second whose P95 is under the objective of the median is good in any case.
    """
    before, after = (one.seconds for one in around)
    figures: tuple[tuple[str, Callable[[Second], float], float], ...] = (
        ("P95", _p95, objectives.p50_ms),
        ("failures", _failed, objectives.error_rate),
    )
    case = change(case, seen=[run.at("/series")])
    found = [
        _back(change(case, got=name), [of(x) for x in before], [of(x) for x in after], floor)
        for name, of, floor in figures
    ]
    return together(case, found)


def _back(case: Case, before: list[float], after: list[float], floor: float) -> Finding:
    found = recovery(before, after, floor=floor)
    if isinstance(found, TooFew):
        got = f"{case.got}: {found.before} s before and {found.after} s after are too few"
        return change(case, got=got).not_seen(Cause.TOO_FEW_SAMPLES)
    if isinstance(found, Recovered):
        case = change(case, got=f"{case.got} as before after {found.after_s:.0f} s")
        return case.holds() if found.after_s <= RECOVERY_S else case.fails()
    case = change(case, got=f"{case.got} not as before within {found.watched_s:.0f} s")
    worse = found.watched_s >= RECOVERY_S and median(after[-_LAST:]) > found.level
    if math.isfinite(found.level) and (worse or found.watched_s >= RECOVERY_S + HOLD):
        return case.fails()
    return case.not_seen(Cause.TOO_FEW_SAMPLES, "let the stage after the overload last longer")


def _p95(second: Second) -> float:
    """Return P95 of one second; ``inf`` where nothing came back well."""
    worst_ms = math.inf if second.p95_ms is None else second.p95_ms
    return math.inf if math.isnan(worst_ms) else worst_ms


def _failed(second: Second) -> float:
    return second.failed / second.n if second.n else math.inf
