"""``readiness plan``: what a run would ask of the target."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness_kit.commands.options import allow_option, target_option
from readiness_kit.contents import EFFECTS, Effect

if TYPE_CHECKING:
    from readiness_kit.facts.load import LoadRun
    from readiness_kit.target import Target

WARM_UP_S = 10.0
"""What a load test takes before its schedule: importing, connecting, measuring its own noise."""


@click.command()
@click.argument("ids", nargs=-1)
@target_option
@allow_option
def command(ids: tuple[str, ...], target_file: Path, allow: tuple[Effect, ...]) -> None:
    """Say what a run of IDS (left out: everything) would ask of the target; touches nothing.

    Secrets need not be there yet; what a run will miss is said at the end.
    """
    from readiness_kit.assessment import planned
    from readiness_kit.facts.load import LoadRun
    from readiness_kit.target_file import read_target

    target = read_target(target_file)
    click.secho(f"{target.name} ({target.environment})", bold=True)
    for scheme, host, port in sorted(target.origins()):
        click.echo(f"  may be asked: {scheme}://{host}:{port}")
    allowed = {"read", *allow}
    longest, effects = 0.0, Counter[Effect]()
    for source in planned(ids):
        effects[source.effect] += 1
        mark = "asks" if source.effect in allowed else f"skipped (--allow {source.effect})"
        click.echo(f"  {source.fact.fact_id():<28} {source.effect:<7} {mark}: {source.asks}")
        seconds = source.deadline_s
        if issubclass(source.fact, LoadRun):
            words, seconds = _shape(target, source.fact)
            click.echo(f"  {'':<28} {'':<7} {words}")
        if source.drill is not None and source.drill not in target.drills.run:
            click.echo(f"  {'':<28} {'':<7} not held: {source.drill} is not among drills.run")
            seconds = 0.0
        longest += seconds if source.effect in allowed and source.exclusive else 0
    parts = (
        f"{effects[one]} by {one}{'' if one in allowed else f' (--allow {one})'}"
        for one in EFFECTS
        if effects[one]
    )
    click.echo(f"{effects.total()} facts: {', '.join(parts)}")
    if longest:
        click.echo(f"at most {longest:.0f} s for load tests and drills, one after another")
    _show_missing(target)
    click.echo("nothing was asked now")


def _show_missing(target: "Target") -> None:
    """Say what the target declares and a run would not find."""
    from readiness_kit.target_file import missing_files, unread_secrets

    for one in (*unread_secrets(target), *(f"{one} is not there" for one in missing_files(target))):
        click.secho(f"missing: {one}", fg="yellow")


def _shape(target: "Target", kind: "type[LoadRun]") -> "tuple[str, float]":
    """Return what a load test would play, in words, and how long it takes at most, seconds."""
    from readiness_kit.errors import ReadinessError
    from readiness_kit.harness.conducting.planning import plan_for
    from readiness_kit.harness.conducting.profiles import PROFILES

    name = next(name for name, profile in PROFILES.items() if profile.fact is kind)
    if name not in target.load.run:
        return f"not played: {name} is not among load.run", 0.0
    try:
        plan = plan_for(target, name)
    except ReadinessError as error:
        return f"not played: {error.message}", 0.0
    words = (
        f"{plan.requests} requests in {plan.seconds:g} s, up to {plan.top_rps:g} a second, "
        f"from {plan.users} users"
    )
    return words, WARM_UP_S + plan.seconds + plan.grace_s
