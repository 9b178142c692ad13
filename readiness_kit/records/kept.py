"""Waivers and attestations that count for a run, kept in its folder so that they can be replayed.

They are copied when the run begins, with the allowed signers they are checked against, and every
judgement reads and verifies them anew, as of the run's beginning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from readiness_kit.errors import ReadinessError
from readiness_kit.evidence import manifest
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.records import attestations, waivers
from readiness_kit.records.signed import Scope
from readiness_kit.target import Target

SIGNERS = "allowed_signers"


@dataclass(frozen=True)
class Kept:
    """Records that count, and those that do not, with the reason."""

    waivers: Mapping[str, str] = field(default_factory=dict)
    """Claim id to reason, ticket and end date."""

    attestations: Mapping[str, str] = field(default_factory=dict)
    """Claim id to what was stated, by whom and until when."""

    rejected: tuple[str, ...] = ()
    """File name and reason of each record that was refused."""


def keep_records(target: Target, folder: RunFolder) -> None:
    """Copy the target's signed records and allowed signers into *folder*.

    Raises:
        IntegrityError: A file has a name that no sealed run may hold: better now than at the end.

    """
    if target.signoff is not None and target.signoff.allowed_signers.is_file():
        folder.write(SIGNERS, target.signoff.allowed_signers.read_bytes())
    for name, source in (("waivers", target.waivers), ("attestations", target.attestations)):
        for file in _record_files(source):
            manifest.demand_safe(file.name)
            folder.write(f"{name}/{file.name}", file.read_bytes())


def kept_records(folder: RunFolder) -> Kept:
    """Verify the records in *folder* and return what they amount to."""
    signers, begun = folder.path / SIGNERS, folder.run.started_at
    scope = Scope(folder.run.target_name, folder.run.environment)
    found = [*_record_files(folder.path / "waivers"), *_record_files(folder.path / "attestations")]
    if not found:
        return Kept()
    try:
        waived = waivers.read(folder.path / "waivers", signers, begun, scope)
        attested = attestations.read(folder.path / "attestations", signers, begun, scope)
    except ReadinessError as error:
        return Kept(rejected=tuple(f"{file.name}: {error.message}" for file in found))
    return Kept(
        waivers={
            claim: f"{one.reason} ({one.ticket}, {one.approver}, {_term(one)})"
            for claim, one in waived.accepted.items()
        },
        attestations={
            claim: f"{one.statement} ({one.person}, until {one.until})"
            for claim, one in attested.accepted.items()
        },
        rejected=tuple(str(one) for one in (*waived.rejected, *attested.rejected)),
    )


def _term(waiver: waivers.Waiver) -> str:
    times = "once" if waiver.renewed == 1 else f"{waiver.renewed} times"
    return f"until {waiver.until}" + (f", renewed {times}" if waiver.renewed else "")


def _record_files(source: Path | None) -> list[Path]:
    if source is None or not source.is_dir():
        return []
    return sorted(file for file in source.iterdir() if file.name.endswith((".json", ".sig")))
