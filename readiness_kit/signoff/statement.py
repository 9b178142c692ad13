"""What a person signs: an in-toto Statement v1 with a Simple Verification Result v0.2.

Its subject is the digest of the run's manifest. Beside the standard fields it repeats what the
person saw: the verdict, and the claims that were waived, attested, said not to apply or not seen. A
statement is never interpreted when it is verified: it is built anew from the run, and must be the
same to the byte.

A :class:`Withdrawal` is a statement of another type about the same subject: whoever looks for a
verification result finds none in it.
"""

from datetime import datetime
from typing import Literal

import msgspec

from readiness_kit.evidence import manifest
from readiness_kit.records.signed import namespace
from readiness_kit.results import Results
from readiness_kit.verdict import Status, Verdict

STATEMENT: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
SVR: Literal["https://in-toto.io/attestation/svr/v0.2"] = "https://in-toto.io/attestation/svr/v0.2"
WITHDRAWAL: Literal["urn:readiness-kit:withdrawal:1"] = "urn:readiness-kit:withdrawal:1"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Base of the parts of a statement."""


class Resource(Part, frozen=True):
    """A thing by name and digest (in-toto ``ResourceDescriptor``)."""

    name: str
    digest: dict[str, str]


class Verifier(Part, frozen=True):
    """Who verified, by which policies."""

    id: str
    policies: tuple[Resource, ...]


class Seen(Part, frozen=True):
    """Our extension: what the person saw when signing."""

    role: str
    principal: str
    run_id: str
    verdict: Verdict
    waived: tuple[str, ...]
    """Ids of the claims that are waived."""
    unseen: tuple[str, ...]
    """Ids of the claims that are due and UNKNOWN."""
    attested: tuple[str, ...]
    """Ids of the claims that a person vouches for."""
    not_applicable: tuple[str, ...]
    """Ids of the claims that are due and said not to apply."""


class Predicate(Part, frozen=True):
    """The Simple Verification Result."""

    verifier: Verifier
    time_created: datetime
    properties: tuple[str, ...]
    readiness_kit: Seen


class Statement(Part, frozen=True, kw_only=True):
    """The statement."""

    kind: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(
        name="_type", default=STATEMENT
    )
    subject: tuple[Resource, ...]
    predicate_type: Literal["https://in-toto.io/attestation/svr/v0.2"] = SVR
    predicate: Predicate


class Withdrawn(Part, frozen=True):
    """Who takes a signature back, and why."""

    role: str
    principal: str
    run_id: str
    time_created: datetime
    reason: str


class Withdrawal(Part, frozen=True, kw_only=True):
    """A newer record of a role, by which its signature no longer counts."""

    kind: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(
        name="_type", default=STATEMENT
    )
    subject: tuple[Resource, ...]
    predicate_type: Literal["urn:readiness-kit:withdrawal:1"] = WITHDRAWAL
    predicate: Withdrawn


def build(
    results: Results,
    *,
    manifest_sha256: str,
    policy_sha256: str,
    role: str,
    principal: str,
    time_created: datetime,
) -> Statement:
    """Return the only statement that *principal* can sign as *role* at that time. Pure."""
    waived = tuple(claim.id for claim in results.claims() if claim.waived)
    due = {
        status: tuple(one.id for one in results.claims() if one.due and one.status is status)
        for status in Status
    }
    seen = Seen(
        role=role,
        principal=principal,
        run_id=results.run_id,
        verdict=results.verdict,
        waived=waived,
        unseen=due[Status.UNKNOWN],
        attested=due[Status.ATTESTED],
        not_applicable=due[Status.NOT_APPLICABLE],
    )
    policy = Resource(name="policy.json", digest={"sha256": policy_sha256})
    predicate = Predicate(
        verifier=Verifier(id=f"mailto:{principal}", policies=(policy,)),
        time_created=time_created,
        properties=properties(role, results.verdict),
        readiness_kit=seen,
    )
    return Statement(subject=subject(manifest_sha256), predicate=predicate)


def subject(manifest_sha256: str) -> tuple[Resource, ...]:
    """Return what every statement about a run is about: its manifest."""
    return (Resource(name=manifest.NAME, digest={"sha256": manifest_sha256}),)


def properties(role: str, verdict: Verdict) -> tuple[str, ...]:
    """Return the verified properties, for readers that know nothing of our extension.

    >>> properties("security_lead", Verdict.GO)
    ('READINESS_KIT_SIGNOFF_SECURITY_LEAD', 'READINESS_KIT_VERDICT_GO')
    """
    word = verdict.value.replace("-", "_")
    return f"READINESS_KIT_SIGNOFF_{role.upper()}", f"READINESS_KIT_VERDICT_{word}"


def namespace_of(role: str) -> str:
    """Return the namespace that *role* signs in, e.g. ``security-lead@signoff.readiness-kit``."""
    return namespace(role, "signoff")
