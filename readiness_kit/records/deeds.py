"""Signed records of what was done to one target: load tests played, drills held.

``<time>-<kind>.json`` in canonical form, ``….json.sig`` beside it, signed in the namespace of the
role that owns the claims about it. Reading is total: each file is accepted, or rejected with a
reason; a rejected record counts for nothing.
"""

from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import atomic, canonical
from readiness_kit.records import signed, sshsig
from readiness_kit.records.signed import Rejected
from readiness_kit.records.signers import AllowedSigners


class Deed(Protocol):
    """What every record of a deed has."""

    @property
    def person(self) -> str:
        """Principal who must have signed it."""

    @property
    def name(self) -> str:
        """File name of the record."""

    @classmethod
    def namespace(cls) -> str:
        """Return the namespace it must be signed in."""

    def fault(self, target: str, now: datetime) -> str:
        """Return why it counts for nothing of *target* at *now*, or nothing."""


DeedT = TypeVar("DeedT", bound=Deed)


def write(folder: Path, record: Deed, key: Path, signers: AllowedSigners, now: datetime) -> Path:
    """Sign *record* with its person's *key* and write it with its signature to *folder*.

    Raises:
        IntegrityError: *signers* do not name this person with this key for such records.
        UsageError: The key cannot be used.

    """
    data, namespace = canonical.dumps(record), record.namespace()
    made = sshsig.sign(data, key, namespace)
    signers.authorise(data, made.armored, principal=record.person, namespace=namespace, at=now)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / record.name
    atomic.write(path, data)
    atomic.write(path.with_name(f"{path.name}.sig"), made.armored)
    return path


def read(
    folder: Path, kind: type[DeedT], target: str, signers: AllowedSigners, now: datetime
) -> tuple[dict[str, DeedT], tuple[Rejected, ...]]:
    """Return the records of *target* in *folder* by file name, and why others count for nothing.

    Raises:
        OSError: The folder cannot be read.

    """
    accepted: dict[str, DeedT] = {}
    rejected: list[Rejected] = []
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".json"):
            try:
                accepted[path.name] = _read_one(path, kind, target, signers, now)
            except IntegrityError as error:
                rejected.append(Rejected(file=path.name, reason=error.message))
    return accepted, tuple(rejected)


def _read_one(
    path: Path, kind: type[DeedT], target: str, signers: AllowedSigners, now: datetime
) -> DeedT:
    data = atomic.read(path, max_bytes=signed.MAX_BYTES)
    signature = atomic.read(path.with_name(f"{path.name}.sig"), max_bytes=sshsig.MAX_BYTES)
    record = canonical.decode_canonical(data, kind, max_bytes=signed.MAX_BYTES)
    namespace = kind.namespace()
    signers.authorise(data, signature, principal=record.person, namespace=namespace, at=now)
    if fault := record.fault(target, now):
        raise IntegrityError(fault)
    if path.name != record.name:
        raise IntegrityError(f"it is the record {record.name} under another name")
    return record
