"""``readiness diff``: what changed between two runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness_kit.commands.lines import say

if TYPE_CHECKING:
    from readiness_kit.comparison import Change


@click.command()
@click.argument("old", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("new", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON on stdout.")
def command(old: Path, new: Path, as_json: bool) -> int:
    """Say which claims stand otherwise in the run folder NEW than in OLD, worst first.

    Both are read as they were sealed; nothing is judged again. Exit codes: 0 nothing worse, 1 a
    claim is worse than it was.
    """
    import msgspec

    from readiness_kit.comparison import changes
    from readiness_kit.evidence import chain

    before, after = (chain.sealed_results(one) for one in (old, new))
    found = changes(before, after)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        for one in found:
            _show(one)
        say(f"{before.verdict.value} -> {after.verdict.value}, {len(found)} changes")
    return 1 if any(one.kind == "worse" for one in found) else 0


def _show(one: "Change") -> None:
    say(f"{one.kind:<8} {one.claim}  {one.before} -> {one.after}")
    for note in one.notes:
        say(f"{'':<9}{note}")
