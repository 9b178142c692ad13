"""``readiness schema``: what may stand in the files that users and tools meet."""

import json

import click

from readiness_kit.errors import UsageError


@click.command()
@click.argument("name", type=click.Choice(["target", "results", "load", "policy"]))
@click.option(
    "--markdown",
    is_flag=True,
    help="Print the keys of readiness.yaml for people instead; for target alone.",
)
def command(name: str, markdown: bool) -> None:
    """Print the JSON Schema called NAME on stdout; target is that of readiness.yaml."""
    from readiness_kit import results, target_file
    from readiness_kit.commands import load_report
    from readiness_kit.signoff import policy
    from readiness_kit.target import reference

    if markdown:
        _demand_target(name)
        click.echo(reference.markdown(), nl=False)
        return
    schemas = {
        "target": target_file.json_schema,
        "results": results.json_schema,
        "load": load_report.json_schema,
        "policy": policy.json_schema,
    }
    click.echo(json.dumps(schemas[name](), indent=2, ensure_ascii=False))


def _demand_target(name: str) -> None:
    if name != "target":
        raise UsageError(
            f"--markdown shows the keys of readiness.yaml, not of {name}",
            hint="`readiness schema target --markdown`, or leave it out",
        )
