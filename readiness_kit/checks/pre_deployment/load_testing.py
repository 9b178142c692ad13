"""Load testing: the deployed release was loaded, twice the peak is carried, memory stays.

A load test of this very run is on record as well: the run is what people sign.

>>> CHECK.shows()
{'record': 'WARN', 'peak_x2': 'PASS', 'p95': 'PASS', 'memory': 'PASS'}
>>> CHECK.shows(too_little(PEAK), leaking(SOAK))
{'record': 'WARN', 'peak_x2': 'FAIL', 'p95': 'PASS', 'memory': 'FAIL'}
>>> CHECK.shows(generator_late(PEAK), SOAK.replace(gauges=()))
{'record': 'WARN', 'peak_x2': 'UNKNOWN', 'p95': 'UNKNOWN', 'memory': 'UNKNOWN'}
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from readiness_kit.checks.performance.benchmarks import block, like
from readiness_kit.checks.performance.load_test import resident
from readiness_kit.checks.pre_deployment.sizing import HOST
from readiness_kit.facts import Pointer
from readiness_kit.facts.host import HostCapacity
from readiness_kit.facts.load import BenchmarkLoad, Operation, PeakLoad, SoakLoad, Stage
from readiness_kit.facts.records.load import LoadRecords
from readiness_kit.load_verdict.limits import FULL, carries, ms, percentile, unproven
from readiness_kit.load_verdict.memory import memory
from readiness_kit.load_verdict.parts import steady
from readiness_kit.statistics.quantiles import Interval, estimate
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, Outcome, judges

STEADY_S = 600
"""Seconds at one rate that prove something (default)."""

LEAST_S = 30
"""The checklist's figure: it holds, and proves little."""

FRESH = timedelta(days=30)
"""Age up to which a record counts."""

CLOCK = timedelta(minutes=5)
"""How far a clock may be ahead of ours."""

COUNTED = 0.95
"""Share of the good answers that the target's own counter must show (default)."""


class _Played(NamedTuple):
    """One load test of the deployed release, on record or in this run."""

    words: str
    steady_s: float
    rate_rps: float
    valid: bool
    held: bool
    """Whether no limit was surely broken."""
    fresh: bool
    at: Pointer


@judges("record")
def record(
    records: LoadRecords,
    benchmark: BenchmarkLoad | None,
    peak: PeakLoad | None,
    soak: SoakLoad | None,
    objectives: Objectives,
) -> Iterator[Finding]:
    """Take the longest valid test of the deployed commit, no older than 30 days."""
    runs = [run for run in (benchmark, peak, soak) if run is not None]
    yield _record(records, [*map(_of_run, runs), *_on_record(records)], objectives)


def _record(records: LoadRecords, played: list[_Played], objectives: Objectives) -> Finding:
    least_rps = (objectives.peak_rps or 0.0) * FULL
    counting = [
        one
        for one in played
        if one.valid and one.fresh and one.held
        if one.steady_s >= LEAST_S and one.rate_rps >= least_rps
    ]
    counting.sort(key=lambda one: one.steady_s)
    shown = counting[-1:] or played
    case = Case(
        claim="record",
        got="; ".join((*(one.words for one in shown), *records.rejected)) or "no load test",
        want=f"a valid load test of the deployed commit, at most {FRESH.days} days old, for"
        f" {STEADY_S} s at the peak rate",
        seen=[one.at for one in shown] or [records.at("/records")],
        reproduce="readiness load soak -c readiness.yaml",
    )
    if counting and counting[-1].steady_s >= STEADY_S:
        return case.holds()
    if counting:
        return case.holds(f"so short a test proves little: play the profile soak, {STEADY_S} s")
    if not all(one.valid for one in played):
        return case.not_seen(Cause.GENERATOR_INVALID)
    if not all(one.fresh for one in played):
        return case.not_seen(Cause.STALE, "play the load test again")
    if not records.declared and not played:
        return case.not_seen(Cause.NOT_CONFIGURED, "allow load, or name a folder in load.records")
    if records.records and not records.commit:
        return case.not_seen(Cause.NOT_CONFIGURED, "say in release.commit what is deployed")
    return case.fails()


def _of_run(run: BenchmarkLoad | PeakLoad | SoakLoad) -> _Played:
    steady_s, rate_rps = steady(run)
    words = f"{run.profile} in this run: {steady_s:.0f} s at {rate_rps:g} requests/s"
    valid = run.valid and run.answered > 0
    ended = "" if run.aborted is None else ", ended early"
    return _Played(
        f"{words}{ended}" if valid else f"{words}, invalid",
        steady_s,
        rate_rps,
        valid=valid,
        held=run.aborted is None,
        fresh=True,
        at=run.at("/stages"),
    )


def _on_record(records: LoadRecords) -> Iterator[_Played]:
    for at, one in enumerate(records.records):
        if records.commit and one.commit == records.commit:
            yield _Played(
                f"{one.profile} by {one.person} on {one.finished_at:%Y-%m-%d}:"
                f" {one.steady_s:.0f} s at {one.rate_rps:g} requests/s, {one.verdict}",
                one.steady_s,
                one.rate_rps,
                valid=one.valid,
                held=one.verdict != "not_held",
                fresh=timedelta(0) <= records.observed_at - one.finished_at + CLOCK
                and records.observed_at - one.finished_at <= FRESH,
                at=records.at(f"/records/{at}"),
            )


@judges("peak_x2")
def peak_x2(run: PeakLoad, objectives: Objectives) -> Iterator[Finding]:
    """Judge as at the peak, with the target's own counter as a second witness."""
    found = carries("peak_x2", run, objectives, peaks=2)
    good = run.scheduled - run.failed
    if found.outcome is Outcome.HOLDS and run.served is not None and run.served < COUNTED * good:
        yield replace(
            found,
            outcome=Outcome.NOT_SEEN,
            cause=Cause.UNPROVEN,
            got=f"{found.got}; but the target's own counter shows {run.served} requests only",
        )
    else:
        yield found


@judges("p95")
def p95(run: PeakLoad, objectives: Objectives) -> Iterator[Finding]:
    """Judge all requests together; an operation that is surely over the limit fails as well."""
    limit_ms = objectives.p95_ms
    found = percentile("p95", run, 0.95, limit_ms)
    slow = [one for one in run.operations if _over(one, limit_ms, run.seconds)]
    if slow and unproven("p95", run, found.want) is None:
        words = "; ".join(
            f"{one.name} {ms(one.corrected.quantile_ms(0.95) or 0.0)}" for one in slow
        )
        found = replace(
            found,
            outcome=Outcome.FAILS,
            cause=None,
            got=f"{found.got}; over the limit by itself: {words}",
            seen=(*found.seen, run.at("/operations")),
        )
    yield found


def _over(one: Operation, limit_ms: float, seconds: float) -> bool:
    found = estimate((one.corrected,), 0.95, seconds=seconds, limit_ms=limit_ms)
    return isinstance(found, Interval) and found.against(limit_ms) == "over"


@judges("memory")
def resident_memory(run: SoakLoad, host: HostCapacity | None) -> Iterator[Finding]:
    """Look for a leak in each process of the application."""
    limit_bytes = None if host is None else host.usable_bytes()
    unfit = unproven("memory", run, "no leak in a valid run")
    yield memory("memory", run, limit_bytes) if unfit is None else unfit


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORDS = LoadRecords(observed_at=_NOON, declared=False, commit="4f2c9e1", records=(), rejected=())


def _steady(seconds: float, rate_rps: float) -> tuple[Stage, ...]:
    return (Stage(name="steady", start_s=0.0, seconds=seconds, from_rps=rate_rps, to_rps=rate_rps),)


BENCHMARK = like(BenchmarkLoad, seconds=20.0, stages=_steady(20.0, 20.0))
PEAK = like(
    PeakLoad,
    profile="peak",
    seconds=20.0,
    stages=_steady(20.0, 40.0),
    scheduled=800,
    sent=800,
    answered=800,
    offered_rps=40.0,
    achieved_rps=40.0,
    blocks=tuple(block(20 + n % 3, 40) for n in range(20)),
    operations=(Operation(name="posts", corrected=block(20, 800), service=block(20, 800)),),
    served=801,
)
SOAK = like(
    SoakLoad,
    profile="soak",
    seconds=540.0,
    stages=_steady(540.0, 20.0),
    scheduled=10_800,
    sent=10_800,
    answered=10_800,
    block_s=18.0,
    blocks=tuple(block(20 + n % 3, 360) for n in range(30)),
    gauges=(resident(0.0, 109),),
)


def too_little(run: PeakLoad) -> PeakLoad:
    """Half of the answers never come."""
    return run.replace(achieved_rps=run.achieved_rps / 2)


def never_counted(run: PeakLoad) -> PeakLoad:
    """The target saw none of the requests."""
    return run.replace(served=0)


def late(run: PeakLoad) -> PeakLoad:
    """Every answer takes twice the limit."""
    return run.replace(blocks=tuple(block(1000, max(1, one.n)) for one in run.blocks))


def generator_late(run: PeakLoad) -> PeakLoad:
    """The generator was the bottleneck."""
    return run.replace(invalid_reason="generator_late")


def leaking(run: SoakLoad) -> SoakLoad:
    """A process grows by 100 MB an hour."""
    return run.replace(gauges=(resident(100.0, 109),))


def interrupted(run: SoakLoad) -> SoakLoad:
    """Somebody stopped the soak."""
    return run.replace(invalid_reason="interrupted")


CHECK = Check(
    (record, peak_x2, p95, resident_memory),
    remedy=(
        "Play the load profiles against the release as deployed: `readiness load soak`, and peak."
        " Where twice the peak is not carried, add instances or remove work per request; where"
        " memory grows, compare two heap profiles taken an hour apart."
    ),
    references=(
        "Schroeder et al., Open Versus Closed: A Cautionary Tale (NSDI 2006)",
        "Sen, Estimates of the regression coefficient based on Kendall's tau (1968)",
    ),
    good=(RECORDS, BENCHMARK, PEAK, SOAK, HOST, Objectives(peak_rps=20)),
    worsen=(
        too_little,
        never_counted,
        late,
        generator_late,
        leaking,
        interrupted,
    ),
    thresholds={
        "record": "at most 30 days old, 600 s at the peak rate (default); the checklist's 30 s"
        " with a warning",
        "peak_x2": "2 times objectives.peak_rps with error_rate, p50_ms, p95_ms and p99_ms held",
        "p95": "objectives.p95_ms, the checklist's 500 ms by default; no operation surely over it",
        "memory": "no leak by the trough envelope, in 300 s at least",
    },
)
