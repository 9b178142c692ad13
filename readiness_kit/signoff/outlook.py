"""What a signer should know beside the results: what has changed, and how long it would stand."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError, ReadinessError
from readiness_kit.evidence import chain
from readiness_kit.records.kept import SIGNERS
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.results import Results
from readiness_kit.signoff import ends, record
from readiness_kit.signoff.ends import End
from readiness_kit.signoff.policy import Policy
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.signoff.statement import Statement, namespace_of, subject


class SignedOff(NamedTuple):
    """An earlier run for which each role has left a signature."""

    folder: Path
    results: Results
    signed_at: datetime
    """Time of the last of the four signatures, as it says itself."""


def last_sign_off(run: SealedRun) -> SignedOff | None:
    """Return the newest earlier run of this target beside *run* that all four roles have signed.

    By the signers that *run* keeps, each at the time at which he signed: a folder that somebody put
    there is nobody's sign-off. Without signers, there is none.
    """
    target, found = run.results.target, list[SignedOff]()
    try:
        signers = AllowedSigners.read(run.folder / SIGNERS)
    except IntegrityError:
        return None
    for folder, asked in chain.runs_in(run.folder.parent):
        same = (asked.target_name, asked.environment) == (target.name, target.environment)
        if same and asked.started_at < run.results.started_at and _signed_by_all(folder):
            try:
                other = SealedRun.open(folder)
                found.append(SignedOff(folder, other.results, max(_times(other, signers))))
            except ReadinessError:
                continue
    return max(found, key=lambda one: one.results.started_at, default=None)


def lapses(
    run: SealedRun, policy: Policy, signers: AllowedSigners | None, now: datetime
) -> tuple[End, ...]:
    """Return everything that would end a sign-off of *run* made *now*, the earliest first.

    Without *signers* nobody knows which waivers and attestations hold, so none is listed.

    Raises:
        IntegrityError: A fact is damaged.

    """
    found = [End(now + timedelta(days=policy.valid_days), "a signature made now")]
    found += ends.fact_ends(run)
    if signers is not None:
        found += ends.backing(run, signers).ends
    return tuple(sorted(dict.fromkeys(found)))


def sign_until(run: SealedRun, policy: Policy) -> datetime:
    """Return until when *run* may be signed: its evidence grows old."""
    return run.results.evidence_since + timedelta(days=policy.evidence_days)


def _signed_by_all(folder: Path) -> bool:
    return all(record.there(folder, role) for role in ROLES)


def _times(run: SealedRun, signers: AllowedSigners) -> Iterator[datetime]:
    """Yield when each role signed *run*.

    Raises:
        IntegrityError: A record is none, was withdrawn, is about another run, or by a stranger.

    """
    for role in ROLES:
        found = record.read(record.place(run.folder, role))
        said = found.record
        if not isinstance(said, Statement) or said.subject != subject(run.manifest.sha256):
            raise IntegrityError(f"{role} did not sign this run")
        signed_at = said.predicate.time_created
        signers.authorise(
            found.data,
            found.armored,
            principal=said.predicate.readiness_kit.principal,
            namespace=namespace_of(role),
            at=signed_at,
        )
        yield signed_at
