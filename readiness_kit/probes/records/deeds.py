"""Read the signed records of what was done to this target: load tests, drills."""

from datetime import datetime
from pathlib import Path
from typing import TypeVar

from readiness_kit.errors import IntegrityError, NotSeen
from readiness_kit.records import deeds
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.target import Target

DeedT = TypeVar("DeedT", bound=deeds.Deed)


def on_record(
    folder: Path, kind: type[DeedT], key: str, target: Target, now: datetime
) -> tuple[dict[str, DeedT], tuple[str, ...]]:
    """Return the records in *folder* by file name, and why others count for nothing.

    *key* is where readiness.yaml names the folder.

    Raises:
        NotSeen: The folder cannot be read, or nobody says who may sign.

    """
    signers = _allowed_signers(target, key)
    try:
        found, rejected = deeds.read(folder, kind, target.name, signers, now)
    except OSError as error:
        raise NotSeen(
            f"{folder} cannot be read: {error.strerror}", hint=f"correct {key}"
        ) from error
    return found, tuple(map(str, rejected))


def _allowed_signers(target: Target, key: str) -> AllowedSigners:
    if target.signoff is None:
        raise NotSeen(
            f"readiness.yaml does not say who may sign {key}",
            cause="not_configured",
            hint="add signoff: {allowed_signers: signoff/allowed_signers}",
        )
    try:
        return AllowedSigners.read(target.signoff.allowed_signers)
    except IntegrityError as error:
        raise NotSeen(error.message, hint=error.hint) from error
