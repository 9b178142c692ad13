"""``readiness runs``: list run folders, and remove old ones."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness_kit.commands.lines import say
from readiness_kit.errors import RunFolderError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness_kit.evidence.inventory import Entry


@click.command()
@click.argument(
    "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(".readiness/runs")
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON on stdout.")
@click.option("--prune", is_flag=True, help="Remove runs, as the options below say.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Remove only what began longer ago; left out, age does not matter.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    metavar="N",
    help="Keep the newest N runs of each target; left out, none is kept for that.",
)
@click.option("--signed", is_flag=True, help="Remove signed runs too; left out, they stay.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def command(
    folder: Path,
    as_json: bool,
    prune: bool,
    older_than: float | None,
    keep: int | None,
    signed: bool,
    dry_run: bool,
) -> None:
    """List the run folders in FOLDER, newest first, with verdict, age, size and signatures.

    Signatures are counted, not verified: `readiness verify` does that. A run that is under way is
    never removed.
    """
    import msgspec

    from readiness_kit.evidence import inventory

    _demand_sense(prune, dry_run, signed, older_than, keep)
    now = datetime.now(UTC)
    found = inventory.inventory(folder)
    if prune:
        found = inventory.prunable(found, now, older_than_days=older_than, keep=keep, signed=signed)
    for one in found if prune and not dry_run else ():
        try:
            inventory.remove(one)
        except OSError as error:
            raise RunFolderError(f"{one.path} cannot be removed: {error.strerror}") from error
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _show(found, now)
    if prune:
        done = "would be removed" if dry_run else "removed"
        click.echo(f"{len(found)} {done}, {_size(sum(one.bytes for one in found))}", err=True)
    elif not found:
        click.echo(f"no runs in {folder}", err=True)


def _demand_sense(
    prune: bool, dry_run: bool, signed: bool, older_than: float | None, keep: int | None
) -> None:
    chosen = older_than is not None or keep is not None
    if prune and not chosen:
        raise UsageError(
            "--prune would remove every run", hint="say which: --older-than DAYS, --keep N, or both"
        )
    if not prune and (chosen or dry_run or signed):
        raise UsageError("these options are for --prune", hint="add --prune, or leave them out")


def _show(found: "Iterable[Entry]", now: datetime) -> None:
    for one in found:
        age = (now - one.started_at).total_seconds() / 86400
        signed = f"{len(one.signatures)} signatures" if one.signatures else ""
        say(
            f"{one.path}  {one.verdict or one.state.replace('_', ' '):<10} {age:6.1f} d "
            f"{_size(one.bytes):>9}  {signed}".rstrip()
        )


def _size(n: int) -> str:
    return f"{n / 1_000_000:.1f} MB"
