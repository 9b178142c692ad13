"""``readiness list``: the 80 items and their claims."""

import click

from readiness_kit.contents import ITEMS, SECTIONS


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list on stdout.")
@click.option("--claims", "with_claims", is_flag=True, help="List the claims of each item too.")
def command(as_json: bool, with_claims: bool) -> None:
    """List the 80 items of the checklist, in its order."""
    if as_json:
        import json

        rows = [
            {"id": one.id, "line": one.line, "section": one.section, "title": one.title,
             "claims": [claim._asdict() for claim in one.claims]}
            for one in ITEMS
        ]  # fmt: skip
        click.echo(json.dumps(rows, indent=2))
        return
    for section, title in SECTIONS.items():
        click.secho(title, bold=True)
        for one in (one for one in ITEMS if one.section == section):
            click.echo(f"  {one.id:<42} {one.title}")
            for claim in one.claims if with_claims else ():
                click.echo(f"      {claim.name:<38} {claim.effect:<7} {claim.title}")
