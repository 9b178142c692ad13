"""The policy of a sign-off: who must sign, and for how long it stands.

It comes from outside the run and may be stricter than the built-in one, never weaker in its roles
or terms. Each statement names its digest: signed under one policy is not signed under another. The
policy may name the digest of ``allowed_signers`` in turn, which pins both.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from readiness_kit import described
from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import atomic, canonical

MAX_BYTES = 64 * 1024


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``policy.json`` holds."""

    schema: Literal["readiness-kit/policy/1"] = "readiness-kit/policy/1"
    """Version of this file's format."""

    roles: tuple[str, ...] = ROLES
    """Roles that must sign, each by a person and a key of its own: all four."""

    valid_days: Annotated[int, Meta(ge=1, le=30)] = 30
    """How long a signature stands, unless something that was signed ends earlier."""

    evidence_days: Annotated[int, Meta(ge=1, le=14)] = 14
    """How old a run may be when it is signed."""

    allow_undecided: bool = False
    """Whether a run may be signed in which something required was not seen."""

    allowed_signers_sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Digest of the only ``allowed_signers`` that counts; empty: the verifier chooses."""


class Pinned(NamedTuple):
    """A policy and the digest that statements name."""

    policy: Policy
    sha256: str


def load(path: Path | None) -> Pinned:
    """Return the policy in the file *path*; without one, the strict built-in policy.

    Raises:
        IntegrityError: Missing, malformed, or asking for less than the four roles.

    """
    data = canonical.dumps(Policy()) if path is None else atomic.read(path, max_bytes=MAX_BYTES)
    policy = canonical.decode(data, Policy, max_bytes=MAX_BYTES)
    if sorted(policy.roles) != sorted(ROLES):
        raise IntegrityError(
            f"the policy asks for the roles {', '.join(policy.roles) or 'of nobody'}",
            hint=f"it must ask for exactly {', '.join(ROLES)}",
        )
    return Pinned(policy, hashlib.sha256(data).hexdigest())


def write(path: Path, policy: Policy) -> None:
    """Write *policy* to *path* in canonical form."""
    atomic.write(path, canonical.dumps(policy))


def demand_pin(what: str, got: str, want: str) -> None:
    """Demand that *what* has the digest *want*; an empty *want* demands nothing.

    Raises:
        IntegrityError: It has another.

    """
    if want and got != want.lower():
        raise IntegrityError(
            f"{what} is another one than that which is pinned: sha256 {got}, not {want}",
            hint="get the right file from whoever gave you the digest, not from the run",
        )


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of ``policy.json``."""
    return described.schema(Policy)
