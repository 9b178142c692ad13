"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from readiness_kit.contents import EFFECTS
from readiness_kit.errors import UsageError

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


def resume_option(command: F) -> F:
    """``--resume RUN``: take up a run that was cut short."""
    return click.option(
        "--resume",
        "resume_from",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="RUN",
        help="Go on with the unfinished run folder RUN, with the items and effects it was begun "
        "with; what was under way is repeated. Left out, a new run.",
    )(command)


def reuse_option(command: F) -> F:
    """``--reuse RUN``: take over fresh facts."""
    return click.option(
        "--reuse",
        "reuse_from",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="RUN",
        help="Take over what is fresh of the sealed run folder RUN, where it saw the same "
        "deployment and release. Left out, everything is gathered.",
    )(command)


def demand_one_origin(
    run_dir: Path | None, resume_from: Path | None, reuse_from: Path | None
) -> None:
    """Refuse to resume a run and to begin one at once.

    Raises:
        UsageError: ``--resume`` together with ``--run-dir`` or ``--reuse``.

    """
    if resume_from is not None and (run_dir is not None or reuse_from is not None):
        raise UsageError(
            "--resume goes on with a run; --run-dir and --reuse begin one",
            hint="leave out one of them",
        )
