"""``readiness bundle``: one archive of a sealed run, for people who sign elsewhere."""

from pathlib import Path

import click

from readiness_kit.commands.signing import FOLDER


@click.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The archive to write; left out, <run id>.tar in this folder.",
)
def command(run: Path, out: Path | None) -> None:
    """Write the sealed run in the folder RUN, with its signatures so far, to one archive.

    `readiness sign` and `readiness verify` take the archive as it is. The verify.sh in it is a
    convenience: who does not trust the archive takes that script from elsewhere.
    """
    from readiness_kit.signoff import bundle
    from readiness_kit.signoff.sealed import SealedRun

    archive = out or Path(f"{SealedRun.open(run).results.run_id}.tar")
    click.echo(bundle.write(run, archive))
