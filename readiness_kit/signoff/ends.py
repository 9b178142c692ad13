"""What was signed and ends on a day of its own: no sign-off stands longer than that."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec

from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import canonical
from readiness_kit.evidence.folder import StoredFact
from readiness_kit.facts import Fact
from readiness_kit.facts.tls.certificates import ServedCertificates
from readiness_kit.records import signed
from readiness_kit.records.attestations import Attestation
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.records.waivers import Waiver
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.verdict import Status

MAX_BYTES = 64 * 1024 * 1024
FactT = TypeVar("FactT", bound=Fact)


class End(NamedTuple):
    """A moment after which something that was signed is no longer so."""

    at: datetime
    what: str


class Backing(NamedTuple):
    """The signed records that a run's results rest on, as far as they hold."""

    ends: tuple[End, ...]
    problems: tuple[str, ...]
    """Claims that are waived or attested by nobody."""


def fact_ends(run: SealedRun) -> Iterator[End]:
    """Yield the ends that stored facts carry: those of the certificates that are served.

    What had ended already when the run did is no end to come: its claim is red or waived.

    Raises:
        IntegrityError: The fact is damaged.

    """
    served = _fact(run, ServedCertificates)
    for one in served.served if served else ():
        for certificate in one.chain:
            if certificate.not_after > run.results.finished_at:
                yield End(certificate.not_after, f"a certificate that {one.address} serves")


def backing(run: SealedRun, signers: AllowedSigners) -> Backing:
    """Return until when the waivers and attestations in *run* count, and which are missing."""
    begun, target = run.results.started_at, run.results.target
    scope = signed.Scope(target.name, target.environment)
    waived = signed.read(run.folder / "waivers", Waiver, signers, begun, scope).accepted
    folder = run.folder / "attestations"
    attested = signed.read(folder, Attestation, signers, begun, scope).accepted
    ends, problems = [], []
    for claim in run.results.claims():
        for needed, records, word in (
            (claim.waived, waived, "waiver"),
            (claim.status is Status.ATTESTED, attested, "attestation"),
        ):
            if needed and claim.id in records:
                ends.append(
                    End(signed.end_of(records[claim.id].until), f"the {word} of {claim.id}")
                )
            elif needed:
                problems.append(f"{claim.id} counts by {word}, but no {word} of it holds")
    return Backing(tuple(ends), tuple(problems))


def _fact(run: SealedRun, kind: type[FactT]) -> FactT | None:
    name = f"facts/{kind.fact_id()}.json"
    if name not in run.manifest.digests:
        return None
    data = run.manifest.read(name, max_bytes=MAX_BYTES)
    value = canonical.decode(data, StoredFact, max_bytes=MAX_BYTES).value
    try:
        return msgspec.convert(value, kind) if value is not None else None
    except msgspec.ValidationError as error:
        raise IntegrityError(f"{name} cannot be read: {error}") from error
