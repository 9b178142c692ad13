"""Verify a signed run offline: everything that its four signatures are meant to say.

Verification uses the time now. What a signer says of the time is believed only as far as it makes
things worse: it must lie after the run's end, not in the future, and the signature expires from it.
"""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import atomic, canonical, manifest
from readiness_kit.records import publickeys, signed, sshsig
from readiness_kit.records.attestations import Attestation
from readiness_kit.records.signed import FUTURE
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.records.waivers import Waiver
from readiness_kit.signoff.policy import Pinned
from readiness_kit.signoff.sealed import SealedRun, unsignable
from readiness_kit.signoff.statement import Statement, build, namespace_of
from readiness_kit.verdict import Status, Verdict

MAX_BYTES = 1024 * 1024
"""Largest statement that is read."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One role's signature that holds."""

    role: str
    principal: str
    signed_at: datetime
    expires_at: datetime
    fingerprint: str
    """Of the key, as OpenSSH prints it."""
    tools: tuple[str, ...]
    """What verified it."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What became of verifying a run."""

    run: str
    run_id: str = ""
    verdict: Verdict | None = None
    """The verdict that was signed; none where the run itself does not hold."""
    manifest_sha256: str = ""
    policy_sha256: str = ""
    at: datetime
    """The time that was used."""
    valid_until: datetime | None = None
    """When the first signature expires."""
    signatures: tuple[Signature, ...] = ()
    waived: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Everything that does not hold; empty means all of it does."""

    @property
    def exit_code(self) -> int:
        """Return 0 for intact and GO, 3 for intact and UNDECIDED, 4 for anything else."""
        if self.problems or self.verdict is None or len(self.signatures) != len(ROLES):
            return 4
        return {Verdict.GO: 0, Verdict.UNDECIDED: 3, Verdict.NO_GO: 4}[self.verdict]


def verify(folder: Path, signers: AllowedSigners, policy: Pinned, at: datetime) -> Verification:
    """Verify the run in *folder*; never raises for what a run may hold."""
    blank = Verification(run=str(folder), policy_sha256=policy.sha256, at=at)
    try:
        run = SealedRun.open(folder)
    except IntegrityError as error:
        return msgspec.structs.replace(blank, problems=(error.message,))
    reason = unsignable(run.results, policy.policy)
    problems = [f"this run must not be signed: {reason}"] if reason else []
    held: list[tuple[Signature, bytes]] = []
    for role in ROLES:
        try:
            held.append(_verify_role(run, role, signers, policy, at))
        except IntegrityError as error:
            problems.append(f"{role}: {error.message}")
    signatures = tuple(signature for signature, _ in held)
    problems += _shared(signatures, [key for _, key in held])
    problems += _unbacked(run, signers)
    return msgspec.structs.replace(
        blank,
        run_id=run.results.run_id,
        verdict=run.results.verdict,
        manifest_sha256=run.manifest.sha256,
        valid_until=min((one.expires_at for one in signatures), default=None),
        signatures=signatures,
        waived=tuple(claim.id for claim in run.results.claims() if claim.waived),
        problems=tuple(problems),
    )


def _verify_role(
    run: SealedRun, role: str, signers: AllowedSigners, policy: Pinned, at: datetime
) -> tuple[Signature, bytes]:
    path = run.folder / manifest.SIGNOFF / f"{role}.json"
    if path.parent.is_symlink() or not path.exists():
        raise IntegrityError("has not signed")
    data = atomic.read(path, max_bytes=MAX_BYTES)
    armored = atomic.read(path.with_name(f"{path.name}.sig"), max_bytes=sshsig.MAX_BYTES)
    statement = canonical.decode(data, Statement, max_bytes=MAX_BYTES)
    _demand_same(data, statement, run, role, policy)
    principal = statement.predicate.readiness_kit.principal
    held = signers.authorise(
        data, armored, principal=principal, namespace=namespace_of(role), at=at
    )
    signed_at = statement.predicate.time_created
    expires_at = _expiry(signed_at, run.results.finished_at, policy, at)
    signature = Signature(
        role=role,
        principal=principal,
        signed_at=signed_at,
        expires_at=expires_at,
        fingerprint=publickeys.fingerprint(held.key),
        tools=held.tools,
    )
    return signature, held.key


def _demand_same(
    data: bytes, statement: Statement, run: SealedRun, role: str, policy: Pinned
) -> None:
    """Demand that *data* is, to the byte, what this person would sign of this run today."""
    if statement.subject[:1] and statement.subject[0].digest != {"sha256": run.manifest.sha256}:
        raise IntegrityError("signed another run, or an earlier state of this one")
    policies = statement.predicate.verifier.policies
    if policies[:1] and policies[0].digest != {"sha256": policy.sha256}:
        raise IntegrityError("signed under another policy than the one given")
    wanted = build(
        run.results,
        manifest_sha256=run.manifest.sha256,
        policy_sha256=policy.sha256,
        role=role,
        principal=statement.predicate.readiness_kit.principal,
        time_created=statement.predicate.time_created,
    )
    if canonical.dumps(wanted) != data:
        raise IntegrityError("the statement is not what the run says")


def _expiry(signed_at: datetime, finished_at: datetime, policy: Pinned, at: datetime) -> datetime:
    """Return when a signature expires, which must be later than *at*. Pure."""
    if signed_at.tzinfo is None:
        raise IntegrityError("the time of signing has no zone")
    expires_at = signed_at + timedelta(days=policy.policy.valid_days)
    if signed_at < finished_at:
        raise IntegrityError("signed before the run ended")
    if signed_at > at + FUTURE:
        raise IntegrityError(f"signed in the future: {signed_at:%Y-%m-%dT%H:%M:%SZ}")
    if signed_at > finished_at + timedelta(days=policy.policy.evidence_days):
        raise IntegrityError("the run was too old when it was signed")
    if at >= expires_at:
        raise IntegrityError(f"the signature expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}")
    return expires_at


def _unbacked(run: SealedRun, signers: AllowedSigners) -> list[str]:
    """Return a problem for each claim waived or attested by nobody whom *signers* names."""
    begun = run.results.started_at
    waived = signed.read(run.folder / "waivers", Waiver, signers, begun)
    attested = signed.read(run.folder / "attestations", Attestation, signers, begun)
    problems = []
    for claim in run.results.claims():
        if claim.waived and claim.id not in waived.accepted:
            problems.append(f"{claim.id} is waived, but no waiver of it holds")
        if claim.status is Status.ATTESTED and claim.id not in attested.accepted:
            problems.append(f"{claim.id} is attested, but no attestation of it holds")
    return problems


def _shared(signatures: tuple[Signature, ...], keys: list[bytes]) -> list[str]:
    """Return a problem for each person or key that signed for more than one role. Pure."""
    problems = []
    for index, signature in enumerate(signatures):
        for other, key in zip(signatures[:index], keys[:index], strict=True):
            both = f"{other.role} and {signature.role}"
            if other.principal.casefold() == signature.principal.casefold():
                problems.append(f"{both} were signed by one person, {signature.principal}")
            if key == keys[index]:
                problems.append(f"{both} were signed with one key, {signature.fingerprint}")
    return problems
