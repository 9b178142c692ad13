"""``readiness init``: what a team needs to begin, written once and never over anything."""

from collections.abc import Iterator
from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def command(folder: Path) -> None:
    """Write a commented readiness.yaml, the notebooks, load/ and a CI example to FOLDER.

    Left out, FOLDER is the working directory. Asks nothing; a file that exists is left as it is.
    """
    from readiness_kit.evidence import atomic

    for source, name in _files():
        place = folder / name
        if place.exists():
            click.echo(f"kept   {place}", err=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(place, source.read_bytes(), mode=0o644)
        click.echo(f"wrote  {place}", err=True)
    file = folder / "readiness.yaml"
    where = "" if folder == Path() else f" -c {file}"
    click.echo(f"next: edit {file}, then `readiness plan{where}`", err=True)


def _files() -> Iterator[tuple[Path, str]]:
    """Yield what is written, and where."""
    from readiness_kit.notebook_files import packaged_load, packaged_notebooks

    templates = Path(__file__).resolve().parent.parent / "templates"
    yield templates / "readiness.yaml", "readiness.yaml"
    yield templates / "ci.yml", ".github/workflows/readiness.yml"
    for notebook in sorted(packaged_notebooks().glob("*.ipynb")):
        yield notebook, f"notebooks/{notebook.name}"
    load = packaged_load()
    for pattern in ("*.py", "*.yaml", "kubernetes/*"):
        for file in sorted(load.glob(pattern)):
            yield file, f"load/{file.relative_to(load)}"
