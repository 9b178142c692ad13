"""The load tests of a run: each plays a profile and gives its fact."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
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
from readiness_kit.harness.conducting.drive import Drive, LoadOutcome
from readiness_kit.harness.conducting.generators import generators_for
from readiness_kit.harness.conducting.identities import Identities
from readiness_kit.harness.conducting.planning import plan_for
from readiness_kit.harness.plan import Plan
from readiness_kit.harness.sampling.gauges import Gauges
from readiness_kit.sources import Source, Visit

DEADLINE_S = 86_400.0
"""Longest load test. It ends by itself: whatever it waits for has a bound of its own."""

STOP = "STOP-LOAD"
"""File that ends a test where ``load.kill_file`` names no other: in the working directory."""

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
            kill_file=visit.target.load.kill_file or Path(STOP),
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


def _source(kind: type[Run], name: str, asks: str) -> Source:
    return Source(
        fact=kind,
        gather=partial(_in_a_run, kind=kind, name=name),
        effect="load",
        asks=f"the profile `{name}`: {asks}",
        deadline_s=DEADLINE_S,
        exclusive=frozenset({"load", "target"}),
    )


benchmark = _source(BenchmarkLoad, "benchmark", "objectives.peak_rps for 30 s or longer")
peak = _source(PeakLoad, "peak", "twice objectives.peak_rps for 20 s or longer")
step = _source(StepLoad, "step", "rising rates until the target falls behind, 100 s at most")
stress = _source(StressLoad, "stress", "three times objectives.peak_rps, and the peak around it")
soak = _source(SoakLoad, "soak", "objectives.peak_rps for 30 min")
