"""Waivers: somebody answers, until a date, for a claim that is red.

A waiver never hides what was seen: the claim is executed and shown all the same. The approver signs
it in the namespace of the role that owns the claim, e.g. ``security-lead@waivers.readiness-kit``.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readiness_kit.contents import Claim
from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import atomic, canonical
from readiness_kit.records import signed
from readiness_kit.records.signers import PLAIN, AllowedSigners

Words = Annotated[str, Meta(min_length=1, max_length=4000, pattern=r"\S")]

LONGEST_DAYS = {"critical": 7, "high": 14, "medium": 30, "low": 90}
"""How long a waiver may last, by the claim's severity."""


class Waiver(signed.Record, frozen=True, kw_only=True):
    """One claim waived until the end of a day, UTC."""

    schema: Literal["readiness-kit/waiver/1"] = "readiness-kit/waiver/1"

    target: Words
    """Name of the target."""

    environment: Words
    """Where it runs."""

    claim: Words
    """Id of the claim."""

    reason: Words
    """Why the service may launch all the same."""

    ticket: Words
    """Where the work on it is tracked."""

    requester: Words
    """Mailbox of the person who asks for it."""

    approver: Words
    """Mailbox of the person who grants and signs it: somebody else."""

    granted_at: datetime
    """When it was granted."""

    until: date
    """Last day on which it counts."""

    renewed: Annotated[int, Meta(ge=0)] = 0
    """How often it was granted again before."""

    @property
    def scope(self) -> signed.Scope:
        """The deployment it is about."""
        return signed.Scope(self.target, self.environment)

    @property
    def signer(self) -> str:
        """Principal who must have signed it: the approver."""
        return self.approver

    def namespace(self, claim: Claim) -> str:
        """Return the namespace it must be signed in: that of the claim's owner."""
        return signed.namespace(claim.owner, "waivers")

    def fault(self, claim: Claim, now: datetime) -> str:
        """Return why it does not count at *now*, or nothing. Pure."""
        if self.granted_at.tzinfo is None:
            return "its time has no zone"
        days = LONGEST_DAYS[claim.severity]
        last = self.granted_at.astimezone(UTC).date() + timedelta(days=days)
        return signed.first(
            (
                (not claim.waivable, "this claim cannot be waived"),
                (not PLAIN.fullmatch(self.requester), "its requester is no plain mailbox"),
                (
                    signed.same_person(self.requester, self.approver),
                    "requester and approver are the same person",
                ),
                (self.granted_at > now + signed.FUTURE, "it is granted in the future"),
                (
                    self.until > last,
                    f"a {claim.severity} claim is waived for {days} days at most: until {last}",
                ),
                (signed.over(self.until, now), f"it ended on {self.until}"),
            )
        )


def write(folder: Path, waiver: Waiver, key: Path, signers: AllowedSigners | None = None) -> Path:
    """Sign *waiver* with the approver's *key* and write it: see :func:`signed.write`."""
    return signed.write(folder, waiver, key, signers)


def renewals(folder: Path, claim: str) -> int:
    """Return how often a waiver of *claim* will have been renewed once a new one is in *folder*.

    The approver vouches for the count: it is part of what is signed.
    """
    try:
        data = atomic.read(folder / f"{claim}.json", max_bytes=signed.MAX_BYTES)
        return canonical.decode_canonical(data, Waiver, max_bytes=signed.MAX_BYTES).renewed + 1
    except IntegrityError:
        return 0


def read(
    folder: Path, allowed_signers: Path, now: datetime, scope: signed.Scope
) -> signed.Records[Waiver]:
    """Return the waivers in *folder* that count for *scope* at *now*, and why others do not.

    Raises:
        IntegrityError: *allowed_signers* is missing or wrong.

    """
    return signed.read(folder, Waiver, AllowedSigners.read(allowed_signers), now, scope)
