"""One role's record in ``signoff/``: its signature, or the withdrawal of it.

Each role has one, ``signoff/<role>.json`` with ``.sig`` beside it, and the newest counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import atomic, canonical, manifest
from readiness_kit.records import publickeys, sshsig
from readiness_kit.records.certificates import FOREVER
from readiness_kit.records.signed import FUTURE, same_person
from readiness_kit.records.signers import AllowedSigners, Authorised
from readiness_kit.signoff.policy import Pinned
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.signoff.statement import (
    WITHDRAWAL,
    Statement,
    Withdrawal,
    Withdrawn,
    build,
    namespace_of,
    subject,
)

MAX_BYTES = 1024 * 1024
"""Largest statement that is read."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One role's signature that holds."""

    role: str
    principal: str
    signed_at: datetime
    expires_at: datetime
    """When it grows too old, or when its key may no longer sign, whichever is first."""
    fingerprint: str
    """Of the key, as OpenSSH prints it."""
    tools: tuple[str, ...]
    """What verified it."""


class Bytes(NamedTuple):
    """A record as it travels: a statement and its signature."""

    data: bytes
    armored: bytes

    @property
    def record(self) -> Statement | Withdrawal:
        """What it says; whether that is so is another question.

        Raises:
            IntegrityError: Neither a statement of ours nor a withdrawal.

        """
        plain = canonical.loads(self.data, max_bytes=MAX_BYTES)
        taken_back = isinstance(plain, dict) and plain.get("predicateType") == WITHDRAWAL
        if taken_back:
            return canonical.decode(self.data, Withdrawal, max_bytes=MAX_BYTES)
        return canonical.decode(self.data, Statement, max_bytes=MAX_BYTES)

    @property
    def role(self) -> str:
        """The role that it says to be of.

        Raises:
            IntegrityError: No record, or of no role.

        """
        whole = self.record.predicate
        role = whole.role if isinstance(whole, Withdrawn) else whole.readiness_kit.role
        if role not in ROLES:
            raise IntegrityError(f"{role[:60]!r} is no role")
        return role


def read(path: Path) -> Bytes:
    """Read the record in the file *path*, its signature beside it.

    Raises:
        IntegrityError: Either is missing, too long, a link or a device.

    """
    data = atomic.read(path, max_bytes=MAX_BYTES)
    armored = atomic.read(path.with_name(f"{path.name}.sig"), max_bytes=sshsig.MAX_BYTES)
    return Bytes(data, armored)


def place(folder: Path, role: str) -> Path:
    """Return where the record of *role* lies in the run *folder*."""
    return folder / manifest.SIGNOFF / f"{role}.json"


def there(folder: Path, role: str) -> bool:
    """Whether the run *folder* holds anything as the record of *role*."""
    path = place(folder, role)
    return not path.parent.is_symlink() and path.exists()


def write(folder: Path, role: str, record: Bytes) -> Path:
    """Write the record of *role* into the run *folder*, in place of an older one."""
    path = place(folder, role)
    atomic.make_folder(path.parent)
    write_to(path, record)
    return path


def write_to(path: Path, record: Bytes) -> None:
    """Write *record* to the file *path* and its signature beside it."""
    atomic.write(path, record.data)
    atomic.write(path.with_name(f"{path.name}.sig"), record.armored)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a record is held against."""

    run: SealedRun
    signers: AllowedSigners
    policy: Pinned
    at: datetime

    def hold(self, role: str, record: Bytes) -> tuple[Signature, bytes]:
        """Return the signature that *record* is, and the blob of its key.

        Raises:
            IntegrityError: Says what does not hold, or that the signature was withdrawn.

        """
        said = record.record
        if isinstance(said, Withdrawal):
            self.hold_withdrawal(role, record)
            gone = said.predicate
            raise IntegrityError(f"{gone.principal} withdrew the signature: {gone.reason}")
        _demand_same(record.data, said, self.run, role, self.policy)
        seen = said.predicate.readiness_kit
        held = self._authorise(role, record, seen.principal)
        signed_at = said.predicate.time_created
        signature = Signature(
            role=role,
            principal=seen.principal,
            signed_at=signed_at,
            expires_at=min(self._expiry(signed_at), held.until or FOREVER),
            fingerprint=publickeys.fingerprint(held.key),
            tools=held.tools,
        )
        return signature, held.key

    def hold_withdrawal(self, role: str, record: Bytes) -> datetime:
        """Demand that *record* is a withdrawal by *role*; return its time."""
        gone = record.record.predicate
        if not isinstance(gone, Withdrawn) or gone.role != role:
            raise IntegrityError(f"no withdrawal by {role}")
        wanted = Withdrawal(subject=subject(self.run.manifest.sha256), predicate=gone)
        if gone.run_id != self.run.results.run_id or canonical.dumps(wanted) != record.data:
            raise IntegrityError("withdraws the signature of another run, or is not well-formed")
        self._authorise(role, record, gone.principal)
        self._demand_time(gone.time_created)
        return gone.time_created

    def _authorise(self, role: str, record: Bytes, principal: str) -> Authorised:
        return self.signers.authorise(
            record.data,
            record.armored,
            principal=principal,
            namespace=namespace_of(role),
            at=self.at,
        )

    def _demand_time(self, signed_at: datetime) -> None:
        if signed_at.tzinfo is None:
            raise IntegrityError("the time of signing has no zone")
        if signed_at < self.run.results.finished_at:
            raise IntegrityError("signed before the run ended")
        if signed_at > self.at + FUTURE:
            raise IntegrityError(f"signed in the future: {signed_at:%Y-%m-%dT%H:%M:%SZ}")

    def _expiry(self, signed_at: datetime) -> datetime:
        """Return when a signature expires, which must be later than now."""
        self._demand_time(signed_at)
        terms = self.policy.policy
        if signed_at > self.run.results.evidence_since + timedelta(days=terms.evidence_days):
            raise IntegrityError("the run was too old when it was signed")
        expires_at = signed_at + timedelta(days=terms.valid_days)
        if self.at >= expires_at:
            raise IntegrityError(f"the signature expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}")
        return expires_at


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


def shared(one: Signature, key: bytes, other: Signature, other_key: bytes) -> list[str]:
    """Return how two roles' signatures are not by two people with two keys. Pure."""
    both = f"{other.role} and {one.role}"
    problems = []
    if same_person(one.principal, other.principal):
        problems.append(f"{both} were signed by one person, {one.principal}")
    if publickeys.material(key) == publickeys.material(other_key):
        problems.append(f"{both} were signed with one key, {one.fingerprint}")
    return problems
