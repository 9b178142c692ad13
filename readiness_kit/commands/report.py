"""``readiness report``: rebuild any output from a run's stored facts, offline."""

from pathlib import Path

import click

from readiness_kit.commands.lines import say


@click.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[:FILE]",
    help="json, html, junit, sarif, markdown or csv, as often as wanted; without FILE, stdout. "
    "Left out: markdown on stdout.",
)
def command(run: Path, outputs: tuple[str, ...]) -> None:
    """Rebuild outputs of the run folder RUN; neither the target nor the run is touched.

    A sealed run must be what its manifest says, and its results what its facts amount to; one that
    is not sealed is shown as incomplete.
    """
    from readiness_kit.assessment import Assessment
    from readiness_kit.errors import UsageError
    from readiness_kit.judgement import other_judge
    from readiness_kit.reports.material import material
    from readiness_kit.reports.outputs import parse_outputs, render, write

    wanted = parse_outputs(outputs or ("markdown",))
    for one in wanted:
        if one.file.resolve().is_relative_to(run.resolve()):
            raise UsageError(
                f"{one.file} lies in the run folder, which stays as it was signed",
                hint="write the report somewhere else",
            )
    found = material(Assessment.open(None, replay_from=run))
    if other := other_judge(run):
        say(f"the facts were not judged again: {other}", err=True)
    for one in wanted:
        if str(one.file) == "-":
            click.echo(render(one, found), nl=False)
        else:
            write(one, found)
            click.echo(f"wrote {one.file}", err=True)
