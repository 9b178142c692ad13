"""Attestations: a person vouches for what no probe can see.

Only for the claims that the catalogue marks attestable, and never against what was seen to fail.
The person signs in the namespace of the role that owns the claim, e.g.
``product-owner@attestations.readiness-kit``.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readiness_kit.contents import Claim
from readiness_kit.records import signed
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.records.waivers import Words


class Attestation(signed.Record, frozen=True, kw_only=True):
    """One claim vouched for until the end of a day, UTC."""

    schema: Literal["readiness-kit/attestation/1"] = "readiness-kit/attestation/1"

    target: Words
    """Name of the target."""

    environment: Words
    """Where it runs."""

    claim: Words
    """Id of the claim."""

    statement: Words
    """What the person states."""

    person: Words
    """Mailbox of the person, who signs it."""

    stated_at: datetime
    """When it was stated."""

    document_sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Digest of the document it rests on; empty without one."""

    until: date
    """Last day on which it counts; no longer than the claim's half-life."""

    @property
    def scope(self) -> signed.Scope:
        """The deployment it is about."""
        return signed.Scope(self.target, self.environment)

    @property
    def signer(self) -> str:
        """Principal who must have signed it."""
        return self.person

    def namespace(self, claim: Claim) -> str:
        """Return the namespace it must be signed in: that of the claim's owner."""
        return signed.namespace(claim.owner, "attestations")

    def fault(self, claim: Claim, now: datetime) -> str:
        """Return why it does not count at *now*, or nothing. Pure."""
        if self.stated_at.tzinfo is None:
            return "its time has no zone"
        days = claim.half_life_days
        last = self.stated_at.astimezone(UTC).date() + timedelta(days=days)
        return signed.first(
            (
                (not claim.attestable, "this claim cannot be attested, only seen"),
                (self.stated_at > now + signed.FUTURE, "it is stated in the future"),
                (self.until > last, f"it counts for {days} days at most: until {last}"),
                (signed.over(self.until, now), f"it ended on {self.until}"),
            )
        )


def write(
    folder: Path, attestation: Attestation, key: Path, signers: AllowedSigners | None = None
) -> Path:
    """Sign *attestation* with the person's *key* and write it: see :func:`signed.write`."""
    return signed.write(folder, attestation, key, signers)


def read(
    folder: Path, allowed_signers: Path, now: datetime, scope: signed.Scope
) -> signed.Records[Attestation]:
    """Return the attestations in *folder* that count for *scope* at *now*, and why others do not.

    Raises:
        IntegrityError: *allowed_signers* is missing or wrong.

    """
    return signed.read(folder, Attestation, AllowedSigners.read(allowed_signers), now, scope)
