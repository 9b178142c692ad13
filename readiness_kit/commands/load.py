"""``readiness load``: one load profile, live on the terminal, one JSON object on stdout."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness_kit.commands.options import confirm_option, target_option

if TYPE_CHECKING:
    from readiness_kit.facts.load import LoadRun, Second
    from readiness_kit.harness.plan import Plan
    from readiness_kit.statistics.histogram import Histogram
    from readiness_kit.target import Objectives, Target

    Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

CODES = {"held": 0, "not_held": 1, "unknown": 3}


@click.command()
@click.argument("profile")
@target_option
@confirm_option
@click.option("--url", help="Fetch this URL of the target; left out, the scenario is played.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Requests a second.")
@click.option("--duration", type=click.FloatRange(0, min_open=True), help="Seconds of schedule.")
@click.option("--users", type=click.IntRange(1), help="Concurrent users.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    profile: str,
    target_file: Path,
    confirm: str | None,
    url: str | None,
    rate: float | None,
    duration: float | None,
    users: int | None,
    as_json: bool,
) -> int:
    """Play the load PROFILE against the target.

    What is left out comes from the profile. Exit codes: 0 objectives held, 1 not held, 2 usage,
    3 invalid, too few samples or target down.
    """
    import json

    from readiness_kit.harness.drive import drive
    from readiness_kit.harness.profiles import fact_of, load_run, plan_for, tokens_for
    from readiness_kit.target import LoadProfile
    from readiness_kit.target_file import load_target

    target = load_target(target_file)
    shape = LoadProfile(rate_rps=rate, seconds=duration, users=users)
    plan = plan_for(target, profile, shape, url=url)
    _confirmed(target, plan, confirm)
    with _display(plan) as show:
        outcome = drive(plan, () if url else tokens_for(target), on_second=show)
    run = load_run(fact_of(profile), outcome)
    verdict, reasons = judged(run, target.objectives)
    if as_json:
        click.echo(json.dumps(report(run, verdict, target.objectives), allow_nan=False))
    _print(run, verdict, reasons)
    return CODES[verdict]


def judged(run: "LoadRun", objectives: "Objectives") -> tuple[str, list[str]]:
    """Return held, not_held or unknown, and why."""
    if run.invalid_reason is not None:
        return "unknown", [f"invalid: {run.invalid_reason}"]
    if run.aborted is not None:
        return "not_held", [f"ended after {run.seconds:.1f} s, as surely {run.aborted}"]
    if not run.answered:
        return "unknown", ["too_few_samples: no answers"]
    found = [_percentile(run, p, limit_ms) for p, limit_ms in _limits(objectives)]
    rate = run.error_rate or 0.0
    if rate > objectives.error_rate:
        found.append(("not_held", f"errors {rate:.2%}, at most {objectives.error_rate:.2%}"))
    states = {state for state, _ in found}
    verdict = next(one for one in ("not_held", "unknown", "held") if one in states)
    return verdict, [reason for state, reason in found if state == verdict]


def _percentile(run: "LoadRun", p: float, limit_ms: float) -> tuple[str, str]:
    from readiness_kit.statistics.quantiles import Interval, TooFew

    name, found = f"p{p * 100:g}", run.estimate(p, limit_ms)
    match found:
        case Interval():
            states = {"under": "held", "over": "not_held", "straddles": "unknown"}
            words = f"{name} {found.value_ms:.1f} ms [{found.low_ms:.1f} to {found.high_ms:.1f}]"
            return states[found.against(limit_ms)], f"{words}, limit {limit_ms:g} ms"
        case TooFew():
            more = f", {found.more_seconds:.0f} s more" if found.more_seconds is not None else ""
            return "unknown", f"{name} too_few_samples: {found.n} of {found.needed}{more}"
    state = "not_held" if found.least_ms > limit_ms else "unknown"
    words = f"{name} {found.value_ms:.1f} ms, slow requests in few bursts"
    return state, f"{words}: {found.more_seconds:.0f} s more, limit {limit_ms:g} ms"


def report(run: "LoadRun", verdict: str, objectives: "Objectives") -> dict[str, "Json"]:
    """Return the object of schema ``readiness-kit/load/1``; ``null`` is what was never measured.

    A percentile is null, too, where so many requests failed that it has no bound.
    """
    import msgspec

    limits = dict(_limits(objectives))
    corrected = _clock(run.corrected)
    for p in (0.95, 0.99):
        corrected[f"p{p * 100:g}_interval_ms"] = _interval(run, p, limits[p])
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
            "workers_lost": 0,
        },
        "histogram": msgspec.to_builtins(run.corrected),
    }


def _limits(objectives: "Objectives") -> tuple[tuple[float, float], ...]:
    return ((0.5, objectives.p50_ms), (0.95, objectives.p95_ms), (0.99, objectives.p99_ms))


def _clock(seen: "Histogram") -> dict[str, "Json"]:
    names = (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99), ("p999_ms", 0.999))
    quantiles = {name: _finite(seen.quantile_ms(p)) for name, p in names}
    return {"n": seen.n, "failed": seen.lost, **quantiles, "max_ms": seen.max_us / 1000}


def _interval(run: "LoadRun", p: float, limit_ms: float) -> "Json":
    from readiness_kit.statistics.quantiles import Interval

    found = run.estimate(p, limit_ms)
    return [_finite(found.low_ms), _finite(found.high_ms)] if isinstance(found, Interval) else None


def _finite(value: float | None) -> float | None:
    return None if value is None or value == float("inf") else value


def _confirmed(target: "Target", plan: "Plan", confirm: str | None) -> None:
    from urllib.parse import urlsplit

    from readiness_kit.errors import UsageError

    host = urlsplit(plan.url).hostname
    if target.environment == "production" and confirm != host:
        raise UsageError(
            f"{target.name} is in production: load was not confirmed",
            hint=f"add --confirm {host} if you mean it",
        )


@contextlib.contextmanager
def _display(plan: "Plan") -> Iterator["Callable[[Second], None]"]:
    import sys

    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from readiness_kit.commands.terminal import console

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=console(), transient=True, disable=hidden) as bar:
        task = bar.add_task(f"{plan.profile}: connecting {plan.users} users", total=plan.seconds)

        def show(second: "Second") -> None:
            p95 = "-" if second.p95_ms is None else f"{second.p95_ms:.0f}"
            words = f"{plan.profile}: {second.n} answers, {second.failed} failed, P95 {p95} ms"
            bar.update(task, completed=min(second.t_s, plan.seconds), description=words)

        yield show


def _print(run: "LoadRun", verdict: str, reasons: list[str]) -> None:
    words = {"held": "objectives held", "not_held": "objectives not held", "unknown": "unknown"}
    click.echo(
        f"{run.profile}: {words[verdict]} ({run.answered} of {run.scheduled} answered, "
        f"{run.failed} failed, {run.achieved_rps:.1f} of {run.offered_rps:.1f} a second)",
        err=True,
    )
    for reason in reasons:
        click.echo(f"  {reason}", err=True)
