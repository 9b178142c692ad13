"""What ``readiness load`` says of a run: its verdict, and the object of ``--json``."""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from readiness_kit.checks import all_checks
from readiness_kit.facts.load import LoadRun
from readiness_kit.load_verdict import held
from readiness_kit.statistics.histogram import Histogram
from readiness_kit.statistics.quantiles import Interval
from readiness_kit.target import Objectives
from readiness_kit.verdict import Finding, Outcome

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Verdict = Literal["held", "not_held", "unknown"]

_OUTCOMES: dict[Outcome, Verdict] = {
    Outcome.HOLDS: "held",
    Outcome.HOLDS_WEAKLY: "held",
    Outcome.FAILS: "not_held",
    Outcome.NOT_SEEN: "unknown",
}


def judged(run: LoadRun, objectives: Objectives) -> tuple[Verdict, tuple[Finding, ...]]:
    """Return what the checks say of *run*, and the findings behind it; the worst decides."""
    findings = tuple(_findings(run, objectives)) or tuple(held(run, objectives))
    found = [_OUTCOMES[one.outcome] for one in findings if one.outcome in _OUTCOMES]
    order: Sequence[Verdict] = ("not_held", "unknown", "held")
    return next((one for one in order if one in found), "unknown"), findings


def _findings(run: LoadRun, objectives: Objectives) -> Iterator[Finding]:
    """Judge with every rule that needs this kind of run, and the objectives at most."""
    given = {type(run): run, Objectives: objectives}
    for check in all_checks().values():
        for judge in check.judges:
            kinds = {need.kind for need in judge.needs}
            if type(run) in kinds and kinds <= set(given):
                yield from judge(*(given[need.kind] for need in judge.needs))


def report(run: LoadRun, verdict: Verdict, objectives: Objectives) -> dict[str, Json]:
    """Return the object of schema ``readiness-kit/load/1``; ``null`` is what was never measured.

    A percentile is null, too, where so many requests failed that it has no bound.
    """
    corrected = _clock(run.corrected)
    for p, limit_ms in ((0.95, objectives.p95_ms), (0.99, objectives.p99_ms)):
        corrected[f"p{p * 100:g}_interval_ms"] = _interval(run, p, limit_ms)
    return {
        "schema": "readiness-kit/load/1",
        "profile": run.profile,
        "valid": run.valid,
        "invalid_reason": run.invalid_reason,
        "verdict": verdict,
        "seconds": run.seconds,
        "stages": [msgspec.to_builtins(stage) for stage in run.stages],
        "aborted": run.aborted,
        "scheduled": run.scheduled,
        "sent": run.sent,
        "answered": run.answered,
        "failed": run.failed,
        "errors": dict(run.errors),
        "served": run.served,
        "offered_rps": run.offered_rps,
        "achieved_rps": run.achieved_rps,
        "corrected": corrected,
        "service": _clock(run.service),
        "operations": {one.name: _clock(one.corrected) for one in run.operations},
        "generator": {
            "lateness_p99_ms": run.lateness_p99_ms,
            "noise_floor_ms": run.noise_floor_ms,
            "cpu_seconds": run.cpu_s,
            "max_rss_bytes": run.max_rss_bytes,
            "workers": run.workers,
            "workers_lost": run.workers_lost,
        },
        "notes": list(run.notes),
        "histogram": msgspec.to_builtins(run.corrected),
    }


def _clock(seen: Histogram) -> dict[str, Json]:
    names = (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99), ("p999_ms", 0.999))
    quantiles = {name: _finite(seen.quantile_ms(p)) for name, p in names}
    return {"n": seen.n, "failed": seen.lost, **quantiles, "max_ms": seen.max_us / 1000}


def _interval(run: LoadRun, p: float, limit_ms: float) -> Json:
    found = run.estimate(p, limit_ms)
    return [_finite(found.low_ms), _finite(found.high_ms)] if isinstance(found, Interval) else None


def _finite(value: float | None) -> float | None:
    return None if value is None or value == float("inf") else value
