"""Take statements back from the people who signed elsewhere; each is checked as it comes."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.signoff import record
from readiness_kit.signoff.policy import Pinned
from readiness_kit.signoff.quorum import verify_role
from readiness_kit.signoff.record import Bytes, Terms
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.signoff.statement import Withdrawal


class Collected(NamedTuple):
    """What became of one file."""

    file: Path
    role: str
    """Empty where it could not be told."""
    problem: str
    """Why it was not taken; empty where it was."""


def collect(
    folder: Path, files: Iterable[Path], signers: AllowedSigners, policy: Pinned, at: datetime
) -> list[Collected]:
    """Take each record that holds into the run in *folder*; a statement or its ``.sig`` names both.

    Raises:
        IntegrityError: The run itself is not what its manifest says.

    """
    terms = Terms(run=SealedRun.open(folder), signers=signers, policy=policy, at=at)
    statements = dict.fromkeys(
        file.with_suffix("") if file.suffix == ".sig" else file for file in files
    )
    return [_take(terms, file) for file in statements]


def _take(terms: Terms, file: Path) -> Collected:
    role = ""
    try:
        found = record.read(file)
        role = found.role
        _demand_holds(terms, role, found)
    except IntegrityError as error:
        return Collected(file, role, error.message)
    record.write(terms.run.folder, role, found)
    return Collected(file, role, "")


def _demand_holds(terms: Terms, role: str, found: Bytes) -> None:
    """Demand that *found* holds, is newer than what is there, and by nobody who signed already."""
    if isinstance(found.record, Withdrawal):
        made = terms.hold_withdrawal(role, found)
    else:
        signature, key = terms.hold(role, found)
        made = signature.signed_at
        for other in ROLES:
            if other != role and (there := _holds(terms, other)):
                for problem in record.shared(signature, key, *there):
                    raise IntegrityError(problem)
    _demand_newer(terms, role, found, made)


def _holds(terms: Terms, role: str) -> tuple[record.Signature, bytes] | None:
    try:
        return verify_role(terms, role)
    except IntegrityError:
        return None


def _demand_newer(terms: Terms, role: str, found: Bytes, made: datetime) -> None:
    """Demand that no newer record of *role* that holds is there already."""
    path = record.place(terms.run.folder, role)
    if not record.there(terms.run.folder, role):
        return
    try:
        old = record.read(path)
        if isinstance(old.record, Withdrawal):
            there = terms.hold_withdrawal(role, old)
        else:
            there = terms.hold(role, old)[0].signed_at
    except IntegrityError:
        return
    if there > made or (there == made and old != found):
        raise IntegrityError(
            f"a newer record of {role} is there already, of {there:%Y-%m-%d %H:%MZ}"
        )
