"""What ``readiness load`` shows while it runs, and at its end; all of it on stderr."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence

import click
from rich.live import Live
from rich.table import Table
from rich.text import Text

from readiness_kit.commands.terminal import console
from readiness_kit.facts.load import LoadRun, Second
from readiness_kit.harness.plan import Plan
from readiness_kit.verdict import Finding, Outcome

BARS = " ▁▂▃▄▅▆▇█"
"""From nothing to the most that was seen."""

WIDTH = 40
"""Seconds of history that are drawn."""

_WORDS = {"held": "objectives held", "not_held": "objectives not held", "unknown": "unknown"}
_MARKS = {
    Outcome.HOLDS: "✔",
    Outcome.HOLDS_WEAKLY: "▲",
    Outcome.FAILS: "✘",
    Outcome.NOT_SEEN: "?",
    Outcome.INAPPLICABLE: "-",
}


@contextlib.contextmanager
def display(plan: Plan) -> Iterator[Callable[[Second], None]]:
    """Yield what takes each second and draws it; silent when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    seen: list[Second] = []
    waiting = Text(f"{plan.profile}: connecting {plan.users} users to {plan.url}", style="dim")
    with Live(waiting, console=console(), transient=True, refresh_per_second=4) as live:

        def show(second: Second) -> None:
            seen.append(second)
            live.update(panel(plan, seen))

        yield show


def panel(plan: Plan, seen: Sequence[Second]) -> Table:
    """Return the state of a run after its latest second."""
    now = seen[-1]
    stage = next((one for one in reversed(plan.stages) if one.start_s < now.t_s), plan.stages[0])
    failed = sum(one.failed for one in seen)
    ended = sum(one.n for one in seen)
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(no_wrap=True)
    left_s = plan.seconds - now.t_s
    left = f"{left_s:.0f} s left" if left_s > 0 else "waiting for the last answers"
    table.add_row(Text(plan.profile, style="bold"), f"{stage.name}, {left}", plan.url)
    table.add_row(
        "answers/s", f"{now.n - now.failed} of {stage.to_rps:.3g} due", _line(seen, _good)
    )
    table.add_row("latency", _clock(now.p50_ms, now.p95_ms, now.p99_ms), _line(seen, _p95))
    table.add_row("service", _clock(now.service_p50_ms, now.service_p95_ms, now.service_p99_ms), "")
    share = f" ({failed / ended:.2%})" if ended else ""
    table.add_row("failed", Text(f"{failed}{share}", style="red" if failed else ""), "")
    late = "-" if now.lateness_p99_ms is None else f"{now.lateness_p99_ms:.1f} ms"
    table.add_row("generator late", late, Text("STOP-LOAD or Ctrl-C ends it", style="dim"))
    return table


def print_judgement(run: LoadRun, verdict: str, findings: Sequence[Finding]) -> None:
    """Print how the run went, and what each finding says."""
    click.echo(
        f"{run.profile}: {_WORDS[verdict]} ({run.answered} of {run.scheduled} answered, "
        f"{run.failed} failed, {run.achieved_rps:.1f} of {run.offered_rps:.1f} a second)",
        err=True,
    )
    if run.invalid_reason is not None:
        click.echo(f"  the run is invalid: {run.invalid_reason}", err=True)
    for one in findings:
        cause = f"{one.cause.value}: " if one.cause is not None else ""
        want = f"; wanted {one.want}" if one.want else ""
        click.echo(f"  {_MARKS[one.outcome]} {one.claim}: {cause}{one.got}{want}", err=True)
    for kind, n in run.errors.items():
        click.echo(f"  {n} {kind}", err=True)
    for note in run.notes:
        click.echo(f"  not sampled: {note}", err=True)


def _good(second: Second) -> float | None:
    return float(second.n - second.failed)


def _p95(second: Second) -> float | None:
    return second.p95_ms


def _clock(*quantiles: float | None) -> str:
    values = ("-" if value is None else f"{value:.1f}" for value in quantiles)
    named = zip(("P50", "P95", "P99"), values, strict=True)
    return "  ".join(f"{name} {value:>7}" for name, value in named) + " ms"


def _line(seen: Sequence[Second], value: Callable[[Second], float | None]) -> Text:
    values = [value(second) or 0.0 for second in seen[-WIDTH:]]
    most = max(values) or 1.0
    bars = (BARS[round(one / most * (len(BARS) - 1))] for one in values)
    return Text("".join(bars), style="cyan")
