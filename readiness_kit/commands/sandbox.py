"""``readiness sandbox``: a real deployment on loopback, in one command."""

import click


@click.group()
def command() -> None:
    """Start, break and stop the embedded deployment: PostgreSQL, cache, service, TLS proxy."""


@command.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(),
    envvar="READINESS_SANDBOX_DIR",
    help="Folder to make it in; it must not exist or be empty. "
    "Left out: a new folder in the system's temporary folder.",
)
@click.option(
    "--variant",
    type=click.Choice(["hardened", "stock"]),
    default="hardened",
    show_default=True,
    help="`hardened` passes the checklist; `stock` is what tutorials end with.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="HTTPS port. Left out: a free one.")
def up(directory: str | None, variant: str, port: int | None) -> None:
    """Start a sandbox in the background and print the path of its readiness.yaml."""
    from pathlib import Path

    from readiness_kit.sandbox.layout import VARIANTS
    from readiness_kit.sandbox.lifecycle import up as start

    chosen = next(name for name in VARIANTS if name == variant)
    folder = Path(directory) if directory else None
    made = start(folder, variant=chosen, https_port=port, progress=_tell)
    click.echo(made.target_file)


@command.command()
@click.argument("directory", type=click.Path(), envvar="READINESS_SANDBOX_DIR")
def status(directory: str) -> None:
    """Tell how the sandbox in DIRECTORY is; exit 3 unless all of it runs."""
    from pathlib import Path

    from readiness_kit.sandbox.lifecycle import status as look

    seen = look(Path(directory))
    phase = seen.state.phase if seen.alive or seen.state.phase != "ready" else "dead"
    click.echo(f"{phase}  {seen.state.variant}  {Path(directory) / 'readiness.yaml'}")
    for name, lives in seen.processes.items():
        click.echo(f"  {'running' if lives else 'gone   '}  {name}")
    if seen.state.message:
        next_step = f"\n  next: {seen.state.hint}" if seen.state.hint else ""
        click.echo(seen.state.message + next_step, err=True)
    if phase != "ready" or not all(seen.processes.values()):
        raise SystemExit(3)


@command.command()
@click.argument("directory", type=click.Path(), envvar="READINESS_SANDBOX_DIR")
@click.option("--keep", is_flag=True, help="Keep the folder with its logs. Left out: remove it.")
def down(directory: str, *, keep: bool) -> None:
    """Stop the sandbox in DIRECTORY."""
    from pathlib import Path

    from readiness_kit.sandbox.lifecycle import down as stop

    stop(Path(directory), keep=keep)
    _tell("stopped" if keep else "stopped and removed")


@command.command("break")
@click.argument("name")
@click.argument("directory", type=click.Path(), envvar="READINESS_SANDBOX_DIR")
def break_(name: str, directory: str) -> None:
    """Put the fault NAME into the sandbox in DIRECTORY; `readiness prove --list` lists them."""
    from pathlib import Path

    from readiness_kit.sandbox.breaking import apply
    from readiness_kit.sandbox.breaks import named
    from readiness_kit.sandbox.ground import Ground

    fault = named(name)
    apply(Ground(Path(directory)), [fault])
    _tell(f"broken: {fault.title}")
    for claim, status in fault.wanted.items():
        click.echo(f"{claim} {status.value}")


@command.command()
@click.argument("name")
@click.argument("directory", type=click.Path(), envvar="READINESS_SANDBOX_DIR")
def mend(name: str, directory: str) -> None:
    """Take the fault NAME, or `all`, out of the sandbox in DIRECTORY again."""
    from pathlib import Path

    from readiness_kit.sandbox.breaking import mend as take_back
    from readiness_kit.sandbox.ground import Ground

    take_back(Ground(Path(directory)), [] if name == "all" else [name])
    _tell("mended, and as it was before")


def _tell(text: str) -> None:
    click.echo(text, err=True)
