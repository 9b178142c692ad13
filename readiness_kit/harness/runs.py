"""The load tests of a run: each plays a profile and gives its fact."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from readiness_kit.errors import NotSeen
from readiness_kit.facts.load import (
    BenchmarkLoad,
    LoadRun,
    Operation,
    PeakLoad,
    Second,
    SoakLoad,
    StepLoad,
    StressLoad,
)
from readiness_kit.harness.drive import Drive, LoadOutcome
from readiness_kit.harness.gauges import Gauges
from readiness_kit.harness.generators import generators_for
from readiness_kit.harness.identities import Identities
from readiness_kit.harness.plan import Plan
from readiness_kit.harness.planning import plan_for
from readiness_kit.sources import Visit, source

DEADLINE_S = 4000.0
"""Longest load test, its warm-up and grace included."""

Run = TypeVar("Run", bound=LoadRun)


def load_run(
    kind: type[Run],
    outcome: LoadOutcome,
    gauges: Gauges | None = None,
) -> Run:
    """Return the fact that *outcome* is, with what the target's own side showed."""
    plan, ended = outcome.plan, outcome.ended
    return kind(
        observed_at=datetime.now(UTC),
        profile=plan.profile,
        scenario=(plan.scenario or plan.path).rpartition("/")[2],
        users=plan.users,
        workers=plan.workers,
        workers_lost=outcome.workers_lost,
        seconds=ended.seconds,
        stages=outcome.stages,
        aborted=outcome.aborted,
        scheduled=ended.scheduled,
        sent=ended.sent,
        answered=ended.answered,
        failed=ended.failed,
        errors=ended.errors,
        served=gauges.served if gauges else None,
        offered_rps=ended.scheduled / ended.seconds,
        achieved_rps=ended.in_time / ended.seconds,
        block_s=plan.block_s,
        blocks=ended.blocks,
        service=ended.service,
        operations=tuple(
            Operation(name=kind.name, corrected=kind.corrected, service=kind.service)
            for kind in ended.operations
        ),
        series=outcome.series,
        gauges=gauges.series() if gauges else (),
        notes=gauges.notes if gauges else (),
        lateness_p99_ms=outcome.lateness_p99_ms,
        noise_floor_ms=ended.noise_floor_ms,
        cpu_s=ended.cpu_s,
        max_rss_bytes=ended.max_rss_bytes,
        invalid_reason=outcome.invalid_reason,
    )


def play(
    visit: Visit,
    kind: type[Run],
    plan: Plan,
    *,
    on_second: Callable[[Second], None] | None = None,
    anonymous: bool = False,
) -> Run:
    """Play *plan* against the target of *visit*, and return what was seen from both sides.

    *anonymous* users send no token.

    Raises:
        NotSeen: The target does not answer, no generator is left, or the deadline is over.
        UsageError: The scenario cannot be used.

    """
    identities = Identities(visit.target)
    with (
        Gauges(visit, seconds=plan.seconds, path="" if plan.scenario else plan.path) as gauges,
        Drive(
            plan,
            () if anonymous else identities.tokens(),
            kill_file=visit.target.load.kill_file,
            on_start=gauges.start,
            generators=generators_for(visit.target.load.distributed),
            renew=None if anonymous else identities.renewed,
        ) as run,
    ):
        for second in run:
            if on_second is not None:
                on_second(second)
            _ = visit.remaining_s
        outcome = run.outcome()
        visit.meter.count("http_requests", outcome.ended.sent + plan.users + plan.workers)
    return load_run(kind, outcome, gauges)


def _in_a_run(visit: Visit, kind: type[Run], name: str) -> Run:
    if name not in visit.target.load.run:
        raise NotSeen(
            f"the profile {name} is not among load.run of readiness.yaml",
            cause="not_selected",
            hint=f"add {name} to load.run",
        )
    return play(visit, kind, plan_for(visit.target, name))


@source(
    effect="load",
    asks="the profile `benchmark`: objectives.peak_rps for 30 s or longer",
    deadline_s=DEADLINE_S,
    exclusive=("load", "target"),
)
def benchmark(visit: Visit) -> BenchmarkLoad:
    """Offer the peak rate and measure the percentiles."""
    return _in_a_run(visit, BenchmarkLoad, "benchmark")


@source(
    effect="load",
    asks="the profile `peak`: twice objectives.peak_rps for 20 s or longer",
    deadline_s=DEADLINE_S,
    exclusive=("load", "target"),
)
def peak(visit: Visit) -> PeakLoad:
    """Offer twice the peak rate."""
    return _in_a_run(visit, PeakLoad, "peak")


@source(
    effect="load",
    asks="the profile `step`: rising rates until the target falls behind, 100 s at most",
    deadline_s=DEADLINE_S,
    exclusive=("load", "target"),
)
def step(visit: Visit) -> StepLoad:
    """Offer more and more until the target falls behind."""
    return _in_a_run(visit, StepLoad, "step")


@source(
    effect="load",
    asks="the profile `stress`: three times objectives.peak_rps, before and after it the peak",
    deadline_s=DEADLINE_S,
    exclusive=("load", "target"),
)
def stress(visit: Visit) -> StressLoad:
    """Offer too much, and watch the target recover."""
    return _in_a_run(visit, StressLoad, "stress")


@source(
    effect="load",
    asks="the profile `soak`: objectives.peak_rps for 30 min",
    deadline_s=DEADLINE_S,
    exclusive=("load", "target"),
)
def soak(visit: Visit) -> SoakLoad:
    """Offer the peak rate for long."""
    return _in_a_run(visit, SoakLoad, "soak")
