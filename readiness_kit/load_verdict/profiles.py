"""What ``readiness load`` says of a profile that no check of the checklist judges by itself."""

from collections.abc import Iterator

from readiness_kit.facts.load import LoadRun, SmokeLoad, SpikeLoad, StepLoad
from readiness_kit.load_verdict.capacity import capacity_of
from readiness_kit.load_verdict.limits import (
    errors,
    percentile,
    percentile_limits,
    reproduce,
    unproven,
)
from readiness_kit.load_verdict.overload import recovered
from readiness_kit.load_verdict.parts import part
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Finding

HEADROOM = 2.0
"""Multiple of the peak rate that the capacity must be, as the checklist has it."""


def held(run: LoadRun, objectives: Objectives) -> Iterator[Finding]:
    """Say of *run* what its profile is for.

    ``smoke``: nothing fails. ``spike``: all is as before within 60 s. ``step``: the capacity is
    twice the peak rate. Any other: errors and percentiles are within the objectives.
    """
    match run:
        case SmokeLoad():
            yield errors("errors", run, 0.0)
        case SpikeLoad():
            yield _spike(run, objectives)
        case StepLoad():
            yield _step(run, objectives)
        case _:
            yield errors("errors", run, objectives.error_rate)
            for name, p, limit_ms in percentile_limits(objectives):
                yield percentile(name, run, p, limit_ms)


def _spike(run: SpikeLoad, objectives: Objectives) -> Finding:
    want = "latency and failures as before within 60 s of the spike"
    unfit = unproven("recovery", run, want)
    if unfit is not None:
        return unfit
    case = Case(claim="recovery", got="", want=want, seen=[], reproduce=reproduce(run))
    before, after = part(run, "before"), part(run, "after")
    if before is None or after is None or run.aborted is not None:
        return case.not_seen(Cause.UNPROVEN, "not every stage was played to its end")
    return recovered(case, run, (before, after), objectives)


def _step(run: StepLoad, objectives: Objectives) -> Finding:
    rate_rps = objectives.peak_rps
    if rate_rps is None:
        want = "a declared objectives.peak_rps"
        case = Case(claim="capacity", got="none", want=want, seen=[], reproduce=reproduce(run))
        return case.not_seen(Cause.NOT_CONFIGURED)
    want = f"capacity at least {HEADROOM * rate_rps:g} requests/s, with 95 % confidence"
    unfit = unproven("capacity", run, want)
    if unfit is not None:
        return unfit
    shown = capacity_of(run)
    case = Case(
        claim="capacity",
        got=shown.words,
        want=want,
        seen=[run.at("/stages"), run.at("/blocks")],
        reproduce=reproduce(run),
    )
    where = shown.against(HEADROOM * rate_rps)
    if where == "under":
        return case.fails()
    if where == "straddles" or run.aborted is not None:
        return case.not_seen(Cause.TOO_FEW_SAMPLES)
    return case.holds()
