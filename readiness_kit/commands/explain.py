"""``readiness explain``: one item in words."""

import inspect

import click

from readiness_kit import contents


@click.command()
@click.argument("item_id", metavar="ID")
def command(item_id: str) -> None:
    """Say what the item ID asserts, how each claim is proven, and what to do when it is red."""
    from readiness_kit.checks import all_checks
    from readiness_kit.records.waivers import LONGEST_DAYS

    (item,) = contents.select((item_id,))[:1]
    check = all_checks().get(item.id)
    click.secho(f"{item.title}  ({item.id}, line {item.line} of the checklist)", bold=True)
    judged = {name for judge in check.judges for name in judge.claims} if check else set()
    for claim in item.claims:
        click.echo(f"\n  {claim.name}: {claim.title}.")
        click.echo(
            f"    needs evidence at least {claim.min_grade}; effect {claim.effect};"
            f" severity {claim.severity}; owner {claim.owner.replace('_', ' ')}"
        )
        waivable = f"for {LONGEST_DAYS[claim.severity]} days at most" if claim.waivable else "never"
        attestable = f"; can be attested for {claim.half_life_days} days at most"
        click.echo(f"    can be waived {waivable}{attestable if claim.attestable else ''}")
        if check and claim.name in check.thresholds:
            click.echo(f"    threshold: {check.thresholds[claim.name]}")
        if claim.name not in judged:
            click.echo("    not judged by this version of the kit: UNKNOWN not_implemented")
    if check is None:
        return
    rule = inspect.getmodule(check.judges[0].rule)
    text = inspect.cleandoc(rule.__doc__ or "") if rule else ""
    click.echo(f"\n{text.partition('>>>')[0].strip()}")
    click.echo(f"\nWhen it is red: {check.remedy}")
    for reference in check.references:
        click.echo(f"  see {reference}")
