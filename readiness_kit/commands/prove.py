"""``readiness prove``: every check is seen red on a sandbox that is really broken."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from readiness_kit.sandbox.breaks import Break
    from readiness_kit.sandbox.ground import Ground
    from readiness_kit.sandbox.prove import Proof, Proofs, Tell

SLOW = frozenset({"load", "drill"})


@click.command()
@click.option(
    "--only",
    multiple=True,
    metavar="BREAK",
    help="Try this break; may be given several times. Left out: all.",
)
@click.option("--fast", is_flag=True, help="Leave out breaks that need load or drills.")
@click.option("--singly", is_flag=True, help="Never two at once. Left out: what shares no item.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Break the running hardened sandbox in this folder. Left out: one of its own.",
)
@click.option("--list", "as_list", is_flag=True, help="List the breaks and what must turn.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    only: tuple[str, ...],
    fast: bool,
    singly: bool,
    directory: Path | None,
    as_list: bool,
    as_json: bool,
) -> int:
    """Break the sandbox one fault at a time and demand that exactly the right claims turn red.

    Exit code 0 when all are proven, 1 when something was missed.
    """
    from readiness_kit.sandbox import prove
    from readiness_kit.sandbox.breaks import all_breaks, named

    chosen = [named(name) for name in only] or [*all_breaks().values()]
    if as_list:
        _list(chosen, as_json=as_json)
        return 0
    tried, left_out = _sift(chosen, fast=fast)
    began, proofs = time.monotonic(), []
    with _ground(directory) as ground, _bar() as tell:
        for proof in prove.prove(
            ground, tried, together=1 if singly else prove.TOGETHER, tell=tell
        ):
            proofs.append(proof)
            _tell(proof)
    found = prove.Proofs(
        proven=sum(one.proven for one in proofs),
        missed=sum(not one.proven for one in proofs),
        left_out=left_out,
        collateral=sum(len(one.collateral) for one in tried),
        unproven_claims=prove.unproven(all_breaks().values()),
        seconds=round(time.monotonic() - began, 3),
        breaks=tuple(proofs),
    )
    _summary(found)
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    return 1 if found.missed or not proofs else 0


def _sift(chosen: list["Break"], *, fast: bool) -> tuple[list["Break"], dict[str, str]]:
    """Return what can be tried, and why the rest cannot."""
    left_out: dict[str, str] = {}
    for one in chosen:
        missing = [program for program in one.needs if not shutil.which(program)]
        if missing:
            left_out[one.name] = f"{', '.join(missing)} is not installed"
        elif fast and one.effects & SLOW:
            left_out[one.name] = "it needs load or drills, and --fast was given"
    return [one for one in chosen if one.name not in left_out], left_out


@contextmanager
def _ground(directory: Path | None) -> Iterator["Ground"]:
    from readiness_kit.sandbox.description import hold_all
    from readiness_kit.sandbox.ground import Ground
    from readiness_kit.sandbox.lifecycle import running

    if directory is not None:
        yield Ground(directory)
        return
    with running(progress=lambda words: click.echo(words, err=True)) as sandbox:
        hold_all(sandbox.target_file)
        yield Ground(sandbox.directory)


@contextmanager
def _bar() -> Iterator["Tell"]:
    """Show a bar, silent when stderr is no terminal."""
    from readiness_kit.commands import terminal

    with terminal.progress("proving") as update:
        yield update


def _tell(proof: "Proof") -> None:
    """Print what one fault did."""
    from readiness_kit.commands.terminal import console

    out = console()
    symbol, style = ("✔", "green") if proof.proven else ("✘", "bold red")
    out.print(f"{symbol} {proof.name:<42} {proof.seconds:6.1f} s", style=style, markup=False)
    for turn in proof.turns if proof.proven else ():
        out.print(f"    {turn.claim}: {turn.was} → {turn.seen}", style="dim", markup=False)
    for problem in proof.problems:
        out.print(f"    {problem}", markup=False)


def _summary(found: "Proofs") -> None:
    from readiness_kit.commands.terminal import console

    out = console()
    for name, reason in found.left_out.items():
        out.print(f"- {name}: left out: {reason}", style="dim", markup=False)
    if found.unproven_claims:
        out.print(f"{len(found.unproven_claims)} judged claims have no break:", style="yellow")
        out.print("  " + ", ".join(found.unproven_claims), style="dim", markup=False)
    tried = found.proven + found.missed
    out.print(
        f"\n{found.proven} of {tried} proven, {found.missed} missed, {len(found.left_out)} left "
        f"out, in {found.seconds:.0f} s",
        style="bold",
    )


def _list(breaks: list["Break"], *, as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(breaks)).decode())
        return
    for one in breaks:
        click.echo(f"{one.name:<42} {one.title}")
        for claim, status in one.wanted.items():
            click.echo(f"    {claim} {status.value}")
