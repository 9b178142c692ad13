"""``readiness plan``: what a run would ask of the target."""

from pathlib import Path

import click

from readiness_kit.commands.options import allow_option, target_option
from readiness_kit.contents import Effect


@click.command()
@click.argument("ids", nargs=-1)
@target_option
@allow_option
def command(ids: tuple[str, ...], target_file: Path, allow: tuple[Effect, ...]) -> None:
    """Say what a run of IDS (left out: everything) would ask of the target; touches nothing."""
    from readiness_kit.assessment import planned
    from readiness_kit.target_file import load_target

    target = load_target(target_file)
    click.secho(f"{target.name} ({target.environment})", bold=True)
    for scheme, host, port in sorted(target.origins()):
        click.echo(f"  may be asked: {scheme}://{host}:{port}")
    allowed = {"read", *allow}
    longest = 0.0
    for source in planned(ids):
        mark = "asks" if source.effect in allowed else f"skipped (--allow {source.effect})"
        click.echo(f"  {source.fact.fact_id():<28} {source.effect:<7} {mark}: {source.asks}")
        longest += source.deadline_s if source.effect in allowed and source.exclusive else 0
    click.echo(f"at most {longest:.0f} s for what must run alone; nothing was asked now")
