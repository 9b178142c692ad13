"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from readiness_kit.contents import EFFECTS

F = TypeVar("F", bound=Callable[..., object])


def target_option(command: F) -> F:
    """``-c FILE``: which target."""
    return click.option(
        "-c",
        "--target",
        "target_file",
        type=click.Path(path_type=Path),
        default=Path("readiness.yaml"),
        show_default=True,
        help="The target's readiness.yaml.",
    )(command)


def allow_option(command: F) -> F:
    """``--allow EFFECT``: what may be done to the target."""
    return click.option(
        "--allow",
        multiple=True,
        type=click.Choice(EFFECTS),
        help="Allow an effect on the target; left out, only reading. May be given several times.",
    )(command)


def confirm_option(command: F) -> F:
    """``--confirm HOST``: load on production."""
    return click.option(
        "--confirm",
        metavar="HOST",
        help="Confirm load on the production host HOST; left out, production gets none.",
    )(command)


def run_dir_option(command: F) -> F:
    """``--run-dir DIR``: where the run folder goes."""
    return click.option(
        "--run-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="The run folder; left out, a new one under .readiness/runs.",
    )(command)
