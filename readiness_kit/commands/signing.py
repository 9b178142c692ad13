"""Options of the commands that sign and verify."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from readiness_kit.records.signers import AllowedSigners
    from readiness_kit.target import Target

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
    words = "Your OpenSSH private key; its .pub where an agent holds it; or its -cert.pub."
    return click.option("--key", required=True, type=FILE, help=words)(command)


def policy_option(command: F) -> F:
    """``--policy FILE``: under which policy."""
    words = "The policy of the sign-off; left out, the strict built-in policy."
    return click.option("--policy", "policy_file", type=FILE, help=words)(command)


def signers_option(command: F) -> F:
    """``--allowed-signers FILE``: who may sign."""
    words = "OpenSSH allowed_signers file, from outside the run."
    return click.option("--allowed-signers", required=True, type=FILE, help=words)(command)


def until_option(command: F) -> F:
    """``--until DAY``: the last day on which a record counts."""
    words = "Last day on which it counts, UTC: YYYY-MM-DD."
    return click.option("--until", required=True, type=Day(), help=words)(command)


class Day(click.ParamType[date]):
    """A day of the calendar."""

    name = "day"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Read ``YYYY-MM-DD``."""
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            self.fail(f"{value!r} is no day: write YYYY-MM-DD", param, ctx)


class Sha256(click.ParamType[str]):
    """A digest; empty is none, lest an unset variable pin nothing."""

    name = "hex"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Read 64 hexadecimal digits."""
        digest = str(value).lower()
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            self.fail(f"{value!r} is no SHA-256: 64 hexadecimal digits are", param, ctx)
        return digest


def allowed_signers_of(target: "Target", file: Path) -> "AllowedSigners":
    """Return who may sign records for *target*, read from *file*.

    Raises:
        UsageError: The target names nobody.
        IntegrityError: Its allowed_signers are missing or wrong.

    """
    from readiness_kit.errors import UsageError
    from readiness_kit.records.signers import AllowedSigners

    if target.signoff is None:
        raise UsageError(
            f"{file} does not say who may sign",
            hint="add signoff: {allowed_signers: signoff/allowed_signers}",
        )
    return AllowedSigners.read(target.signoff.allowed_signers)


def folder_of(target: "Target", file: Path, name: str) -> Path:
    """Return the folder of the *target*'s records called *name*.

    Raises:
        UsageError: The target names none.

    """
    from readiness_kit.errors import UsageError

    folder = {"waivers": target.waivers, "attestations": target.attestations}[name]
    if folder is None:
        raise UsageError(f"{file} names no folder of {name}", hint=f"add {name}: {name}/")
    return folder
