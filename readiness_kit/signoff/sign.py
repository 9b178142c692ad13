"""Sign a run for a role, or take a signature back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError, Unsignable, UsageError
from readiness_kit.evidence import canonical
from readiness_kit.records import publickeys, sshsig
from readiness_kit.records.signed import same_person
from readiness_kit.records.signers import PLAIN
from readiness_kit.results import Results
from readiness_kit.signoff import record
from readiness_kit.signoff.policy import Pinned
from readiness_kit.signoff.sealed import SealedRun, unsignable
from readiness_kit.signoff.standing import demand_judged, nothing
from readiness_kit.signoff.statement import (
    Statement,
    Withdrawal,
    Withdrawn,
    build,
    namespace_of,
    subject,
)


class SignedOff(NamedTuple):
    """A statement that was signed and written."""

    path: Path
    """The statement; its signature lies beside it, with ``.sig`` at the end."""
    statement: Statement
    fingerprint: str
    tool: sshsig.Tool
    warnings: tuple[str, ...]
    """Other roles that the same person or key has signed for: no such sign-off will hold."""


def sign(
    folder: Path,
    *,
    role: str,
    principal: str,
    key: Path,
    policy: Pinned,
    now: datetime | None = None,
    unjudged: bool = False,
    replace: bool = False,
    show: Callable[[Results, Statement], None] | None = None,
    shown: Callable[[SealedRun], list[str]] = nothing,
) -> SignedOff:
    """Sign the run in *folder* as *principal* in *role* with *key*, in place of an older signature.

    What this kit cannot judge anew is signed only where *unjudged* says so. What is about to be
    signed goes to *show* before the key is touched; *shown* says what the run shows otherwise than
    it should.

    Raises:
        Unsignable: Incomplete, too old, NO-GO, UNDECIDED where the policy forbids it, judged by
            another kit, or signed by somebody else in that role and *replace* is not set.
        IntegrityError: The run is not what its manifest says, or not what its facts amount to.
        UsageError: No such role, no plain principal, or a key that cannot be used.

    """
    _demand_names(role, principal)
    run = SealedRun.open(folder)
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    _demand_signable(run.results, policy, moment)
    _demand_judged(run, unjudged=unjudged)
    if not replace:
        _demand_vacant(folder, role, principal)
    for fault in shown(run):
        raise IntegrityError(fault, hint="run again; somebody changed what the run shows")
    statement = build(
        run.results,
        manifest_sha256=run.manifest.sha256,
        policy_sha256=policy.sha256,
        role=role,
        principal=principal,
        time_created=moment,
    )
    if show is not None:
        show(run.results, statement)
    data = canonical.dumps(statement)
    signed = sshsig.sign(data, key, namespace_of(role))
    warnings = tuple(_shared(folder, role, principal, signed.key))
    path = record.write(folder, role, record.Bytes(data, signed.armored))
    return SignedOff(path, statement, publickeys.fingerprint(signed.key), signed.tool, warnings)


def withdraw(
    folder: Path,
    *,
    role: str,
    principal: str,
    key: Path,
    reason: str,
    now: datetime | None = None,
) -> Path:
    """Take back the signature of *role*: write a newer record in its place and return its path.

    Raises:
        IntegrityError: The run is not what its manifest says.
        UsageError: No such role, no plain principal, no reason, or a key that cannot be used.

    """
    _demand_names(role, principal)
    if not reason.strip():
        raise UsageError("a withdrawal needs a reason", hint="say why the run no longer stands")
    run = SealedRun.open(folder)
    withdrawal = Withdrawal(
        subject=subject(run.manifest.sha256),
        predicate=Withdrawn(
            role=role,
            principal=principal,
            run_id=run.results.run_id,
            time_created=(now or datetime.now(UTC)).astimezone(UTC),
            reason=reason,
        ),
    )
    data = canonical.dumps(withdrawal)
    signed = sshsig.sign(data, key, namespace_of(role))
    return record.write(folder, role, record.Bytes(data, signed.armored))


def carry(path: Path, to: Path) -> Path:
    """Copy the record in the file *path* of an unpacked bundle to the folder *to*."""
    found = record.read(path)
    copy = to / f"{path.parent.parent.name}.{path.name}"
    record.write_to(copy, found)
    return copy


def _demand_names(role: str, principal: str) -> None:
    if role not in ROLES:
        raise UsageError(f"{role!r} is no role", hint=f"one of {', '.join(ROLES)}")
    if not PLAIN.fullmatch(principal):
        raise UsageError(f"{principal!r} names nobody", hint="write a mailbox: ann@example.com")


def _demand_signable(results: Results, policy: Pinned, now: datetime) -> None:
    reason = unsignable(results, policy.policy)
    age = now - results.evidence_since
    if not reason and age > timedelta(days=policy.policy.evidence_days):
        what = "its oldest evidence was seen" if results.reused else "it began"
        reason = f"{what} {age.days} days ago; {policy.policy.evidence_days} are allowed"
    if not reason and now < results.finished_at:
        reason = "it ended in the future by this machine's clock"
    if reason:
        raise Unsignable(
            f"the run {results.run_id} must not be signed: {reason}",
            hint="mend or waive what is red, then run again",
        )


def _demand_judged(run: SealedRun, *, unjudged: bool) -> None:
    """Demand that the results are what the stored facts amount to; who cannot tell must say so."""
    other = demand_judged(run)
    if other and not unjudged:
        raise Unsignable(
            f"the facts of {run.results.run_id} cannot be judged again here: {other}",
            hint="sign with the kit that made the run; --unjudged takes results.json at its word",
        )


def _demand_vacant(folder: Path, role: str, principal: str) -> None:
    """Demand that nobody else has signed in *role*: one signature of a role stands."""
    try:
        said = (
            record.read(record.place(folder, role)).record if record.there(folder, role) else None
        )
    except IntegrityError:
        return
    if isinstance(said, Withdrawal) or said is None:
        return
    other = said.predicate.readiness_kit.principal
    if not same_person(principal, other):
        raise Unsignable(
            f"{other} has signed as {role} already",
            hint="sign for your own role; --replace puts your signature in place of that one",
        )


def _shared(folder: Path, role: str, principal: str, key: bytes) -> Iterator[str]:
    """Yield a warning for each other role that this person or key has signed for, it seems."""
    for other in ROLES:
        if other == role or not record.there(folder, other):
            continue
        try:
            found = record.read(record.place(folder, other))
            said = found.record
            other_key = sshsig.verify(found.data, found.armored, namespace_of(other))
        except IntegrityError:
            continue
        if isinstance(said, Withdrawal):
            continue
        if same_person(principal, said.predicate.readiness_kit.principal):
            yield f"{principal} has signed as {other} already: each role needs a person of its own"
        if publickeys.material(key) == publickeys.material(other_key):
            yield f"this key has signed as {other} already: each role needs a key of its own"
