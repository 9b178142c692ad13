"""``readiness schema``: JSON Schemas of the files that users and tools meet."""

import json

import click


@click.command()
@click.argument("name", type=click.Choice(["target", "results", "load", "policy"]))
def command(name: str) -> None:
    """Print the JSON Schema called NAME on stdout."""
    from readiness_kit import results, target_file
    from readiness_kit.commands import load_report
    from readiness_kit.signoff import policy

    schemas = {
        "target": target_file.json_schema,
        "results": results.json_schema,
        "load": load_report.json_schema,
        "policy": policy.json_schema,
    }
    click.echo(json.dumps(schemas[name](), indent=2))
