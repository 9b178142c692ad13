"""The planned rate: not below what was there already, and half of what the service can do."""

from collections.abc import Iterator
from datetime import timedelta

from readiness_kit.checks.performance.benchmarks import block, like
from readiness_kit.checks.pre_deployment.capacity_plan.figures import (
    NOON,
    length_words,
    positive,
    rate_words,
)
from readiness_kit.facts.load import Stage, StepLoad
from readiness_kit.facts.papers.capacity import CapacityPlan, RequestPeak
from readiness_kit.load_verdict import capacity_of
from readiness_kit.load_verdict.limits import reproduce, unproven
from readiness_kit.statistics.histogram import Histogram
from readiness_kit.verdict import Case, Cause, Finding, Grade, Move, judges

HEADROOM = 2.0
"""The checklist's: peak load, twice."""

SHORT_WINDOW = timedelta(days=1)
"""History that says little of the highest rate (default)."""


@judges("rps")
def rps(plan: CapacityPlan, peak: RequestPeak) -> Iterator[Finding]:
    """The plan is not below what was there already."""
    planned = plan.requests_per_second
    window = timedelta(seconds=peak.window_s) if 0 <= peak.window_s < 1e9 else timedelta()
    short = " only" if window < SHORT_WINDOW else ""
    this = Case(
        claim="rps",
        got=f"planned {rate_words(planned)}; at most {peak.highest_rps:.2f} requests/s seen over "
        f"five minutes, by {peak.counter} ({peak.origin}) of the last{short} "
        f"{length_words(window)}",
        want="a planned rate at or above the highest seen",
        seen=[plan.at("/requests_per_second"), peak.at("/highest_rps"), peak.at("/window_s")],
        reproduce=f"promql: max_over_time((sum(rate({peak.counter}[5m])))[30d:5m])",
        grade=Grade.OBSERVED,
    )
    if not positive(planned):
        yield this.not_seen(Cause.NOT_CONFIGURED, "the plan names no rate")
    elif planned < peak.highest_rps:
        yield this.fails()
    elif planned >= peak.highest_rps and peak.window_s >= 0:
        yield this.holds()
    else:
        yield this.not_seen(Cause.COULD_NOT_ASK)


@judges("headroom")
def headroom(plan: CapacityPlan, run: StepLoad) -> Iterator[Finding]:
    """The whole interval of the capacity lies at or above twice the planned rate."""
    planned = plan.requests_per_second
    shown = capacity_of(run)
    want = f"{HEADROOM:g} x the planned rate with 95 % confidence"
    this = Case(
        claim="headroom",
        got=f"planned {rate_words(planned)}; {shown.words}",
        want=want,
        seen=[plan.at("/requests_per_second"), run.at("/blocks"), run.at("/stages")],
        reproduce=reproduce(run),
    )
    unfit = unproven("headroom", run, want)
    if not positive(planned):
        yield this.not_seen(Cause.NOT_CONFIGURED, "the plan names no rate")
    elif unfit is not None:
        yield unfit
    elif shown.against(HEADROOM * planned) == "over":
        yield this.holds()
    elif shown.against(HEADROOM * planned) == "under":
        yield this.fails()
    else:
        yield this.not_seen(
            Cause.TOO_FEW_SAMPLES, f"offer more than {HEADROOM * planned:g} requests/s, for longer"
        )


PEAK = RequestPeak(
    observed_at=NOON,
    highest_rps=14.2,
    window_s=30 * 86_400.0,
    origin="prometheus",
    counter="shop_http_requests_total",
)

_RATES = (6.0, 12.0, 24.0, 48.0, 96.0)

_EACH_S = 20

STEPS = like(
    StepLoad,
    seconds=float(_EACH_S * len(_RATES)),
    stages=tuple(
        Stage(name=f"step {n + 1}", start_s=_EACH_S * n, seconds=_EACH_S, from_rps=r, to_rps=r)
        for n, r in enumerate(_RATES)
    ),
    blocks=tuple(block(20, round(r)) for r in _RATES for _ in range(_EACH_S)),
)


def busier(peak: RequestPeak) -> RequestPeak:
    """See a million requests a second."""
    return peak.replace(highest_rps=max(peak.highest_rps, 1e6))


def gives_way(run: StepLoad) -> StepLoad:
    """Let every request of every step fail."""
    lost = tuple(Histogram(lost=block.n) for block in run.blocks)
    return run.replace(blocks=lost, failed=run.scheduled)


def generator_late(run: StepLoad) -> StepLoad:
    """The generator was the bottleneck."""
    return run.replace(invalid_reason="generator_late")


WORSEN: tuple[Move, ...] = (busier, gives_way, generator_late)
