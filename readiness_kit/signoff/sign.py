"""Sign a run for a role."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from readiness_kit.contents import ROLES
from readiness_kit.errors import RunFolderError, Unsignable, UsageError
from readiness_kit.evidence import atomic, canonical, manifest
from readiness_kit.records import publickeys, sshsig
from readiness_kit.records.signers import PLAIN
from readiness_kit.results import Results
from readiness_kit.signoff.policy import Pinned
from readiness_kit.signoff.sealed import SealedRun, unsignable
from readiness_kit.signoff.statement import Statement, build, namespace_of


class SignedOff(NamedTuple):
    """A statement that was signed and written."""

    path: Path
    """The statement; its signature lies beside it, with ``.sig`` at the end."""
    statement: Statement
    fingerprint: str
    tool: sshsig.Tool


def sign(
    folder: Path,
    *,
    role: str,
    principal: str,
    key: Path,
    policy: Pinned,
    now: datetime | None = None,
) -> SignedOff:
    """Sign the run in *folder* as *principal* in *role* with *key*; a newer signature replaces.

    Raises:
        Unsignable: Incomplete, too old, NO-GO, or UNDECIDED where the policy forbids it.
        IntegrityError: The run is not what its manifest says.
        UsageError: No such role, no plain principal, or a key that cannot be used.

    """
    if role not in ROLES:
        raise UsageError(f"{role!r} is no role", hint=f"one of {', '.join(ROLES)}")
    if not PLAIN.fullmatch(principal):
        raise UsageError(f"{principal!r} names nobody", hint="write a mailbox: ann@example.com")
    run = SealedRun.open(folder)
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    _demand_signable(run.results, policy, moment)
    statement = build(
        run.results,
        manifest_sha256=run.manifest.sha256,
        policy_sha256=policy.sha256,
        role=role,
        principal=principal,
        time_created=moment,
    )
    data = canonical.dumps(statement)
    signed = sshsig.sign(data, key, namespace_of(role))
    path = _place(folder, role)
    atomic.write(path, data)
    atomic.write(path.with_name(f"{path.name}.sig"), signed.armored)
    return SignedOff(path, statement, publickeys.fingerprint(signed.key), signed.tool)


def _demand_signable(results: Results, policy: Pinned, now: datetime) -> None:
    reason = unsignable(results, policy.policy)
    age = now - results.finished_at
    if not reason and age > timedelta(days=policy.policy.evidence_days):
        reason = f"it ended {age.days} days ago; {policy.policy.evidence_days} are allowed"
    if not reason and age < timedelta():
        reason = "it ended in the future by this machine's clock"
    if reason:
        raise Unsignable(
            f"the run {results.run_id} must not be signed: {reason}",
            hint="mend or waive what is red, then run again",
        )


def _place(folder: Path, role: str) -> Path:
    place = folder / manifest.SIGNOFF
    try:
        place.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{place} cannot be made: {error.strerror}") from error
    return place / f"{role}.json"
