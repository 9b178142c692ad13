"""Signed records in a folder: ``<claim>.json`` in canonical form, ``<claim>.json.sig`` beside it.

Waivers and attestations are such records. Reading is total: each file is accepted, or rejected with
a reason; a rejected record counts for nothing.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from readiness_kit.contents import Claim, claims
from readiness_kit.errors import IntegrityError, UsageError
from readiness_kit.evidence import atomic, canonical
from readiness_kit.records import sshsig
from readiness_kit.records.signers import AllowedSigners

MAX_BYTES = 64 * 1024
FUTURE = timedelta(minutes=5)
"""How far a clock may be ahead of ours."""


class Scope(NamedTuple):
    """The deployment that a record is about: what was granted to one counts for no other."""

    target: str
    environment: str

    def __str__(self) -> str:
        """Show both."""
        return f"{self.target} ({self.environment})"


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of signed records."""


class SignedRecord(Protocol):
    """What every signed record has."""

    @property
    def claim(self) -> str:
        """Id of the claim it is about."""

    @property
    def scope(self) -> Scope:
        """The deployment it is about."""

    @property
    def signer(self) -> str:
        """Principal who must have signed it."""

    def namespace(self, claim: Claim) -> str:
        """Return the namespace it must be signed in."""

    def fault(self, claim: Claim, now: datetime) -> str:
        """Return why it does not count at *now*, or nothing."""


RecordT = TypeVar("RecordT", bound=SignedRecord)


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A file that counts for nothing."""

    file: str
    reason: str

    def __str__(self) -> str:
        """Show both on one line."""
        return f"{self.file}: {self.reason}"


@dataclass(frozen=True)
class Records(Generic[RecordT]):
    """What a folder of records amounts to."""

    accepted: dict[str, RecordT]
    """Claim id to the record that counts."""

    rejected: tuple[Rejected, ...]


def write(
    folder: Path, record: SignedRecord, key: Path, signers: AllowedSigners | None = None
) -> Path:
    """Sign *record* with *key* and write it with its signature to *folder*.

    With *signers*, only if they let this person and key sign it.

    Raises:
        UsageError: It would not count today; says why. Or the key cannot be used.
        IntegrityError: *signers* do not name this person with this key for it.

    """
    now = datetime.now(UTC)
    claim = demand_counts(record, now)
    data = canonical.dumps(record)
    namespace = record.namespace(claim)
    made = sshsig.sign(data, key, namespace)
    if signers is not None:
        signers.authorise(data, made.armored, principal=record.signer, namespace=namespace, at=now)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.claim}.json"
    atomic.write(path, data)
    atomic.write(path.with_name(f"{path.name}.sig"), made.armored)
    return path


def demand_counts(record: SignedRecord, now: datetime) -> Claim:
    """Demand that *record* would count at *now* if it were signed; return its claim.

    Raises:
        UsageError: It would not; says why.

    """
    claim = _known(record.claim)
    fault = record.fault(claim, now) if claim else "no such claim"
    if claim is None or fault:
        raise UsageError(
            f"the record for {record.claim} would not count: {fault}",
            hint="`readiness explain ITEM` names its claims and says which terms they have",
        )
    return claim


def read(
    folder: Path, kind: type[RecordT], signers: AllowedSigners, now: datetime, scope: Scope
) -> Records[RecordT]:
    """Return the records in *folder* that count for *scope* at *now*, and why others do not."""
    accepted: dict[str, RecordT] = {}
    rejected: list[Rejected] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.endswith(".json"):
            try:
                accepted[path.stem] = _read_one(path, kind, signers, now, scope)
            except IntegrityError as error:
                rejected.append(Rejected(file=path.name, reason=error.message))
        elif path.name.endswith(".json.sig") and not path.with_suffix("").exists():
            rejected.append(Rejected(file=path.name, reason="a signature without its record"))
    return Records(accepted, tuple(rejected))


def _read_one(
    path: Path, kind: type[RecordT], signers: AllowedSigners, now: datetime, scope: Scope
) -> RecordT:
    data = atomic.read(path, max_bytes=MAX_BYTES)
    signature = atomic.read(path.with_name(f"{path.name}.sig"), max_bytes=sshsig.MAX_BYTES)
    record = canonical.decode_canonical(data, kind, max_bytes=MAX_BYTES)
    claim = _known(record.claim)
    if claim is None or record.claim != path.stem:
        raise IntegrityError(f"its claim {record.claim!r} is unknown or not that of its file name")
    namespace = record.namespace(claim)
    signers.authorise(data, signature, principal=record.signer, namespace=namespace, at=now)
    if record.scope != scope:
        raise IntegrityError(f"it is about {record.scope}, not {scope}")
    if fault := record.fault(claim, now):
        raise IntegrityError(fault)
    return record


def _known(claim_id: str) -> Claim | None:
    return claims().get(claim_id)


def namespace(role: str, purpose: str) -> str:
    """Return the namespace of *role* for *purpose*.

    >>> namespace("security_lead", "waivers")
    'security-lead@waivers.readiness-kit'
    """
    return f"{role.replace('_', '-')}@{purpose}.readiness-kit"


def first(faults: "tuple[tuple[bool, str], ...]") -> str:
    """Return the words of the first fault that is there, or nothing."""
    return next((words for there, words in faults if there), "")


def same_person(one: str, other: str) -> bool:
    """Whether two principals differ in case and space alone."""
    return one.strip().casefold() == other.strip().casefold()


def over(until: date, now: datetime) -> bool:
    """Whether *until*, whose whole day counts in UTC, has passed at *now*."""
    return now >= end_of(until)


def end_of(until: date) -> datetime:
    """Return the first moment after the day *until*, UTC.

    >>> end_of(date(2026, 11, 30)).isoformat()
    '2026-12-01T00:00:00+00:00'
    """
    return datetime.combine(until, time.min, UTC) + timedelta(days=1)
