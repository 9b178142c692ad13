"""What ``readiness load`` says of a run: its verdict, and the object of ``--json``."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from readiness_kit import described
from readiness_kit.checks import all_checks
from readiness_kit.facts.load import InvalidReason, LoadRun, SmokeLoad, SpikeLoad, Stage, StepLoad
from readiness_kit.load_verdict import held
from readiness_kit.statistics.histogram import Histogram
from readiness_kit.statistics.quantiles import Interval
from readiness_kit.target import Objectives
from readiness_kit.verdict import Finding, Outcome

Verdict = Literal["held", "not_held", "unknown"]

OWN = (SmokeLoad, SpikeLoad, StepLoad)
"""Profiles that say something by themselves, whatever the checks make of them with other facts."""

_OUTCOMES: dict[Outcome, Verdict] = {
    Outcome.HOLDS: "held",
    Outcome.HOLDS_WEAKLY: "held",
    Outcome.FAILS: "not_held",
    Outcome.NOT_SEEN: "unknown",
}


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the report; ``null`` is what was never measured."""


class Clock(Part, frozen=True, kw_only=True):
    """One clock of some requests; a percentile is null where too many failed for it to exist."""

    n: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    max_ms: float


class Corrected(Clock, frozen=True, kw_only=True):
    """Latency from the instant each request was due, with 95 % intervals."""

    p95_interval_ms: tuple[float | None, float | None] | None
    p99_interval_ms: tuple[float | None, float | None] | None


class Generator(Part, frozen=True, kw_only=True):
    """The generator itself."""

    lateness_p99_ms: float | None
    noise_floor_ms: float
    cpu_seconds: float
    max_rss_bytes: int
    workers: int
    workers_lost: int


class Report(Part, frozen=True, kw_only=True):
    """What ``readiness load --json`` prints."""

    schema: Literal["readiness-kit/load/1"] = "readiness-kit/load/1"
    profile: str
    valid: bool
    invalid_reason: InvalidReason | None
    verdict: Verdict
    seconds: float
    stages: tuple[Stage, ...]
    aborted: str | None
    scheduled: int
    sent: int
    answered: int
    failed: int
    errors: dict[str, int]
    served: int | None
    offered_rps: float
    achieved_rps: float
    corrected: Corrected
    service: Clock
    operations: dict[str, Clock]
    generator: Generator
    notes: tuple[str, ...]
    histogram: Histogram


def judged(run: LoadRun, objectives: Objectives) -> tuple[Verdict, tuple[Finding, ...]]:
    """Return what the checks say of *run*, and the findings behind it; the worst decides."""
    of_checks = () if isinstance(run, OWN) else tuple(_findings(run, objectives))
    findings = of_checks or tuple(held(run, objectives))
    found = [_OUTCOMES[one.outcome] for one in findings if one.outcome in _OUTCOMES]
    order: Sequence[Verdict] = ("not_held", "unknown", "held")
    return next((one for one in order if one in found), "unknown"), findings


def _findings(run: LoadRun, objectives: Objectives) -> Iterator[Finding]:
    """Judge with every rule that needs this kind of run, and the objectives at most."""
    given: dict[type, LoadRun | Objectives] = {type(run): run, Objectives: objectives}
    for check in all_checks().values():
        for judge in check.judges:
            required = {need.kind for need in judge.needs if not need.optional}
            if type(run) in required and required <= set(given):
                yield from judge(*(given.get(need.kind) for need in judge.needs))


def report(run: LoadRun, verdict: Verdict, objectives: Objectives) -> Report:
    """Return what is printed of *run*."""
    clock = _clock(run.corrected)
    return Report(
        profile=run.profile,
        valid=run.valid,
        invalid_reason=run.invalid_reason,
        verdict=verdict,
        seconds=run.seconds,
        stages=run.stages,
        aborted=run.aborted,
        scheduled=run.scheduled,
        sent=run.sent,
        answered=run.answered,
        failed=run.failed,
        errors=dict(run.errors),
        served=run.served,
        offered_rps=run.offered_rps,
        achieved_rps=run.achieved_rps,
        corrected=Corrected(
            **msgspec.structs.asdict(clock),
            p95_interval_ms=_interval(run, 0.95, objectives.p95_ms),
            p99_interval_ms=_interval(run, 0.99, objectives.p99_ms),
        ),
        service=_clock(run.service),
        operations={one.name: _clock(one.corrected) for one in run.operations},
        generator=Generator(
            lateness_p99_ms=run.lateness_p99_ms,
            noise_floor_ms=run.noise_floor_ms,
            cpu_seconds=run.cpu_s,
            max_rss_bytes=run.max_rss_bytes,
            workers=run.workers,
            workers_lost=run.workers_lost,
        ),
        notes=run.notes,
        histogram=run.corrected,
    )


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of what ``readiness load --json`` prints."""
    return described.schema(Report)


def _clock(seen: Histogram) -> Clock:
    p50_ms, p95_ms, p99_ms, p999_ms = (
        _finite(seen.quantile_ms(p)) for p in (0.5, 0.95, 0.99, 0.999)
    )
    return Clock(
        n=seen.n,
        failed=seen.lost,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        p999_ms=p999_ms,
        max_ms=seen.max_us / 1000,
    )


def _interval(run: LoadRun, p: float, limit_ms: float) -> tuple[float | None, float | None] | None:
    found = run.estimate(p, limit_ms)
    if not isinstance(found, Interval):
        return None
    return _finite(found.low_ms), _finite(found.high_ms)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
