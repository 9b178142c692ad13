"""``readiness schema``: JSON Schemas of the files that users and tools meet."""

import json

import click


@click.command()
@click.argument("name", type=click.Choice(["target", "results"]))
def command(name: str) -> None:
    """Print the JSON Schema called NAME on stdout."""
    from readiness_kit import results, target_file

    schema = results.json_schema() if name == "results" else target_file.json_schema()
    click.echo(json.dumps(schema, indent=2))
