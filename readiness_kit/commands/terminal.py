"""What the commands print on the terminal: verdict tables and progress, on stderr."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from readiness_kit.assessment import Progress
    from readiness_kit.results import ClaimResult, Results

SYMBOLS = {
    "PASS": ("✔", "green"),
    "WARN": ("▲", "yellow"),
    "ATTESTED": ("✎", "cyan"),
    "NOT_APPLICABLE": ("-", "dim"),
    "UNKNOWN": ("?", "magenta"),
    "FAIL": ("✘", "bold red"),
}
"""Status to symbol and style: never colour alone."""


def console() -> "Console":
    """Return the console for people: stderr; machine formats alone go to stdout."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def progress(words: str) -> Iterator["Progress"]:
    """Show a bar for gathering facts, silent when stderr is no terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console(), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(words, total=None)

        def update(fact_id: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=f"{words}: {fact_id}")

        yield update


def tell(fact_id: str, step: str) -> None:
    """Print what a drill does at this moment, above the bar."""
    sys.stderr.write(f"{datetime.now().astimezone():%H:%M:%S}  {fact_id}: {step}\n")


def status_words(claim: "ClaimResult") -> tuple[str, str]:
    """Return a claim's status as words, and its style."""
    symbol, style = SYMBOLS[claim.status.value]
    return f"{symbol} {claim.words}", style


def print_results(
    results: "Results",
    *,
    quiet_causes: frozenset[str] = frozenset(),
    only: tuple[str, ...] = (),
) -> None:
    """Print every claim by item, then counts and verdict.

    Claims with one of *quiet_causes* are counted only; *only* these items are shown, or all.
    """
    out = console()
    left_out = 0
    chosen = [item for item in results.items if not only or item.id in only]
    for item in chosen:
        told = [one for one in item.claims if one.cause is None or one.cause not in quiet_causes]
        left_out += len(item.claims) - len(told)
        if told:
            out.print(item.id, style="bold", markup=False)
        said: set[str] = set()
        for claim in told:
            _print_claim(out, claim, said)
        if item.remedy and any(one.status.value == "FAIL" for one in told):
            out.print(f"  remedy: {item.remedy}", style="italic", markup=False)
    if left_out:
        out.print(f"{left_out} more claims: {', '.join(sorted(quiet_causes))}")
    counts = ", ".join(f"{n} {word}" for word, n in results.counts.items() if n)
    out.print(f"\n{results.verdict.value}  ({counts})", style="bold")
    for line in what_next([claim for item in chosen for claim in item.claims]):
        out.print(line, style="dim", markup=False)
    if only:
        others = len(list(results.claims())) - sum(len(item.claims) for item in chosen)
        out.print(f"{others} claims were not asked for: the verdict is that of all", style="dim")
    _print_origins(out, results)
    for words, style, those in (
        ("incomplete", "red", results.incomplete_reasons),
        ("record refused", "yellow", results.rejected_records),
        ("waiver no longer needed", "yellow", results.needless_waivers),
    ):
        for one in those:
            out.print(f"{words}: {one}", style=style, markup=False)


def _print_origins(out: "Console", results: "Results") -> None:
    """Say what was not gathered in this run."""
    for lender in results.borrowed:
        differ = ", ".join(one.trait for one in lender.differences) or "nothing that is known"
        words = f"{len(lender.facts)} facts from staging, {lender.run.run_id}; differs: {differ}"
        out.print(words, markup=False)
    if results.reused:
        oldest = max(one.age_days for one in results.reused)
        out.print(f"{len(results.reused)} facts were reused, the oldest {oldest:g} days old")


def what_next(claims: "Iterable[ClaimResult]") -> Iterator[str]:
    """Yield what would let the unseen among *claims* be seen."""
    unseen = [one for one in claims if one.cause is not None and one.due and not one.waived]
    causes = Counter(one.cause.value for one in unseen if one.cause is not None)
    effects = Counter(one.effect for one in unseen if _awaits_leave(one))
    if effects:
        parts = (f"{n} with --allow {effect}" for effect, n in effects.items())
        yield f"could be seen: {', '.join(parts)}; `readiness plan` says what each would do"
    if causes["not_configured"]:
        yield (
            f"could be seen: {causes['not_configured']} with more of readiness.yaml;"
            " `readiness schema target --markdown` has every key"
        )


def _print_claim(out: "Console", claim: "ClaimResult", said: set[str]) -> None:
    """Print *claim*, and what *said* does not hold yet of what was wanted and what to do."""
    from rich.text import Text

    words, style = status_words(claim)
    name = claim.id.rpartition(".")[2]
    # Text, not markup: what a target answered must not be able to style the terminal.
    line = Text.assemble("  ", (f"{words:<24}", style), f" {name:<34} ", _one_line(claim.got))
    out.print(line)
    wanted = claim.want or claim.threshold
    lines = [f"want: {wanted}"] if wanted and claim.status.value in ("FAIL", "WARN") else []
    # What must be allowed is summed up at the end.
    if claim.status.value in ("FAIL", "WARN", "UNKNOWN") and not _awaits_leave(claim):
        lines += claim.advice
    for one in lines:
        if one not in said:
            said.add(one)
            out.print(Text(f"{'':<27}{_one_line(one)}", style="dim"))


def _awaits_leave(claim: "ClaimResult") -> bool:
    """Return whether ``--allow`` is missing; to read, only the database itself gives leave."""
    return claim.cause == "not_allowed" and claim.effect != "read"


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def exit_code(results: "Results", *, fail_on_warn: bool = False, report_only: bool = False) -> int:
    """Return the exit code of *results*; the options change it, never the stored verdict."""
    if report_only:
        return 0
    if not results.complete:
        return 3
    if fail_on_warn and results.counts.get("WARN"):
        return 1
    return {"GO": 0, "NO-GO": 1, "UNDECIDED": 3}[results.verdict.value]
