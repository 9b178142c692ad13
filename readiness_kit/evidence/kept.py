"""Waivers and attestations that count for a run, kept in its folder so that they can be replayed.

They are copied when the run begins, with the allowed signers they were checked against, and read
anew from there by every judgement.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from readiness_kit.evidence.folder import RunFolder
from readiness_kit.records import attestations, waivers
from readiness_kit.target import Target

SIGNERS = "allowed_signers"


@dataclass(frozen=True)
class Kept:
    """Records that count, and those that do not, with the reason."""

    waivers: Mapping[str, str]
    """Claim id to reason, ticket and end date."""

    attestations: Mapping[str, str]
    """Claim id to what was stated, by whom and until when."""

    rejected: tuple[str, ...]
    """File name and reason of each record that was refused."""


def keep_records(target: Target, folder: RunFolder) -> None:
    """Copy the target's signed records and allowed signers into *folder*."""
    if target.signoff is not None and target.signoff.allowed_signers.is_file():
        folder.write(SIGNERS, target.signoff.allowed_signers.read_bytes())
    for name, source in (("waivers", target.waivers), ("attestations", target.attestations)):
        for file in _record_files(source):
            folder.write(f"{name}/{file.name}", file.read_bytes())


def _record_files(source: Path | None) -> list[Path]:
    if source is None or not source.is_dir():
        return []
    return sorted(file for file in source.iterdir() if file.is_file())
