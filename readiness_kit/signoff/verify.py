"""Verify a signed run offline: everything that its four signatures are meant to say.

Verification uses the time now. What a signer says of the time is believed only as far as it makes
things worse: it must lie after the run's end, not in the future, and the signature expires from it.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import exhibits
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.results import TargetSummary
from readiness_kit.signoff import ends, lent, machine
from readiness_kit.signoff.ends import End
from readiness_kit.signoff.policy import Pinned, demand_pin
from readiness_kit.signoff.quorum import signatures
from readiness_kit.signoff.record import Signature, Terms
from readiness_kit.signoff.sealed import SealedRun, unsignable
from readiness_kit.signoff.standing import judged_again, nothing
from readiness_kit.target import Target
from readiness_kit.verdict import Verdict

NAMED = 8
"""How many differences of a judgement are named."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What became of verifying a run."""

    run: str
    run_id: str = ""
    target: TargetSummary | None = None
    """What was assessed; none where the run itself does not hold."""
    holds: bool = False
    """Whether all of it holds: every signature, and everything that was signed."""
    verdict: Verdict | None = None
    """The verdict that four people answer for; none unless all of it holds."""
    claimed: Verdict | None = None
    """What the run says of itself, signed or not."""
    manifest_sha256: str = ""
    policy_sha256: str = ""
    allowed_signers_sha256: str = ""
    at: datetime
    """The time that was used."""
    valid_until: datetime | None = None
    """When the first signature expires, or the first thing that was signed ends."""
    valid_until_because: str = ""
    signatures: tuple[Signature, ...] = ()
    waived: tuple[str, ...] = ()
    borrowed_from: tuple[str, ...] = ()
    """Ids of the runs on staging whose facts stand in for what was not done here."""
    not_rejudged: str = ""
    """Why the stored facts were not judged anew; empty: they were, and gave the same results."""
    problems: tuple[str, ...] = ()
    """Everything that does not hold; empty means all of it does."""

    @property
    def exit_code(self) -> int:
        """Return 0 for intact and GO, 3 for intact and UNDECIDED, 4 for anything else."""
        if self.verdict is None:
            return 4
        return {Verdict.GO: 0, Verdict.UNDECIDED: 3, Verdict.NO_GO: 4}[self.verdict]


def verify(
    folder: Path,
    signers: AllowedSigners,
    policy: Pinned,
    at: datetime,
    *,
    target: Target | None = None,
    shown: Callable[[SealedRun], list[str]] = nothing,
) -> Verification:
    """Verify the run in *folder*; never raises for what a run may hold.

    With *target*, it must be a run of that deployment and release. *shown* says what the run shows
    otherwise than it should.
    """
    blank = Verification(
        run=str(folder),
        policy_sha256=policy.sha256,
        allowed_signers_sha256=signers.sha256,
        at=at,
    )
    try:
        demand_pin("allowed_signers", signers.sha256, policy.policy.allowed_signers_sha256)
        run = SealedRun.open(folder)
        fact_ends = tuple(ends.fact_ends(run))
    except IntegrityError as error:
        again = exhibits.saved_again(folder)
        return msgspec.structs.replace(blank, problems=(error.message, *again))
    reason = unsignable(run.results, policy.policy)
    problems = [f"this run must not be signed: {reason}"] if reason else []
    problems += _other_target(run.results.target, target) if target else []
    signed, unsigned = signatures(Terms(run=run, signers=signers, policy=policy, at=at))
    backing = ends.backing(run, signers)
    until = min((*_expiries(signed), *fact_ends, *backing.ends), default=None)
    if until is not None and at >= until.at:
        problems.append(f"the sign-off ended at {until.at:%Y-%m-%dT%H:%M:%SZ}: {until.what}")
    try:
        not_rejudged, differences = judged_again(run)
        differences += exhibits.otherwise(folder, run.manifest.digests)
    except IntegrityError as error:
        not_rejudged, differences = error.message, [error.message]
    found = (
        *problems,
        *unsigned,
        *backing.problems,
        *lent.problems(run, signers),
        *filter(None, (machine.problem(run),)),
        *differences[:NAMED],
        *shown(run),
    )
    holds = not found and len(signed) == len(ROLES)
    return msgspec.structs.replace(
        blank,
        run_id=run.results.run_id,
        target=run.results.target,
        holds=holds,
        verdict=run.results.verdict if holds else None,
        claimed=run.results.verdict,
        manifest_sha256=run.manifest.sha256,
        valid_until=until and until.at,
        valid_until_because=until.what if until else "",
        signatures=signed,
        waived=tuple(claim.id for claim in run.results.claims() if claim.waived),
        borrowed_from=tuple(one.run.run_id for one in run.results.borrowed),
        not_rejudged=not_rejudged,
        problems=found,
    )


def _other_target(was: TargetSummary, target: Target) -> list[str]:
    """Say how the deployment that was assessed is not *target*."""
    release = target.release.words if target.release else ""
    pairs = (
        ("target", was.name, target.name),
        ("environment", was.environment, target.environment),
        ("release", was.release, release),
    )
    return [
        f"the run assessed the {part} {one or 'that nobody declared'}, not {other or 'none'}"
        for part, one, other in pairs
        if one != other
    ]


def _expiries(signed: tuple[Signature, ...]) -> tuple[End, ...]:
    return tuple(End(one.expires_at, f"the signature of {one.role}") for one in signed)
