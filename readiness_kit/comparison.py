"""What changed between two runs, claim by claim. Pure."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from readiness_kit.results import ClaimResult, Results
from readiness_kit.verdict import Status

Kind = Literal["worse", "better", "other"]
KINDS: tuple[Kind, ...] = ("worse", "better", "other")
"""Most urgent first."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One claim that stands otherwise than it did."""

    claim: str
    kind: Kind
    """``worse`` where it stands lower, or lost its waiver; by rank of the status."""
    before: str
    """Status, cause and waiver; ``absent`` where the run has no such claim."""
    after: str
    notes: tuple[str, ...] = ()
    """Other thresholds or another version of the check, which may be the reason."""


def changes(old: Results, new: Results) -> tuple[Change, ...]:
    """Return every claim that stands otherwise in *new* than in *old*, worse ones first."""
    before, after = ({one.id: one for one in run.claims()} for run in (old, new))
    ids = dict.fromkeys((*after, *before))
    found = [one for claim in ids for one in _change(claim, before.get(claim), after.get(claim))]
    return tuple(sorted(found, key=lambda one: KINDS.index(one.kind)))


def _change(claim: str, old: ClaimResult | None, new: ClaimResult | None) -> Iterator[Change]:
    before, after = words(old), words(new)
    notes = _notes(old, new) if old is not None and new is not None else ()
    if before != after or notes:
        yield Change(claim=claim, kind=_kind(old, new), before=before, after=after, notes=notes)


def _kind(old: ClaimResult | None, new: ClaimResult | None) -> Kind:
    was, now = _rank(old), _rank(new)
    if now == was:
        return "other"
    return "worse" if now < was else "better"


def _rank(claim: ClaimResult | None) -> float:
    """Return how well a claim stands: a waiver lifts what is red above red, and no further.

    What is not due, or not there, is no worse than what was not seen.
    """
    if claim is None:
        return Status.UNKNOWN.rank
    return claim.status.rank + (0.5 if claim.waived else 0.0)


def words(claim: ClaimResult | None) -> str:
    """Say how *claim* stands, if it is there."""
    return "absent" if claim is None else claim.words


def _notes(old: ClaimResult, new: ClaimResult) -> tuple[str, ...]:
    notes = []
    if old.threshold != new.threshold:
        notes.append(f"threshold: {old.threshold or 'none'} -> {new.threshold or 'none'}")
    if old.check_version != new.check_version:
        notes.append(f"check: version {old.check_version} -> {new.check_version}")
    return tuple(notes)
