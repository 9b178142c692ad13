"""Options of the commands that sign and verify."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
RUN = click.Path(path_type=Path, exists=True)
"""A run folder, or a bundle of one."""


def principal_option(command: F) -> F:
    """``--as PRINCIPAL``: who signs."""
    words = "Who signs: your mailbox."
    return click.option("--as", "principal", required=True, metavar="PRINCIPAL", help=words)(
        command
    )


def key_option(command: F) -> F:
    """``--key KEY``: with which key."""
    words = "Your OpenSSH private key; or its .pub where an agent holds the key."
    return click.option("--key", required=True, type=FILE, help=words)(command)


def policy_option(command: F) -> F:
    """``--policy FILE``: under which policy."""
    words = "The policy of the sign-off; left out, the strict built-in policy."
    return click.option("--policy", "policy_file", type=FILE, help=words)(command)


def signers_option(command: F) -> F:
    """``--allowed-signers FILE``: who may sign."""
    words = "OpenSSH allowed_signers file, from outside the run."
    return click.option("--allowed-signers", required=True, type=FILE, help=words)(command)
