"""Tokens: which are refused, what an issued one says, and where the signing key comes from.

No token and no key is ever kept: only names of cases, lengths, seconds and answers.
"""

from typing import Literal

from readiness_kit.facts import Fact, Record
from readiness_kit.facts.api.graphql import GraphqlAnswer

Defect = Literal["expired", "not_yet_valid", "wrong_audience", "wrong_issuer"]

DEFECTS: tuple[Defect, ...] = ("expired", "not_yet_valid", "wrong_audience", "wrong_issuer")
"""What may be wrong with a genuinely signed token."""


class Attempt(Record, frozen=True):
    """The protected operation asked once with something that must not do."""

    case: str
    """What was sent, e.g. ``no_token`` or ``algorithm_none``."""

    answer: GraphqlAnswer


class AnonymousAccess(Fact, frozen=True, kw_only=True):
    """The protected operation without a token, and with garbage as one."""

    operation: str
    """The operation that was asked."""

    controls: tuple[GraphqlAnswer, ...]
    """Positive control: the same with the valid token, per address, before and after."""

    attempts: tuple[Attempt, ...]


class ForgedTokens(Fact, frozen=True, kw_only=True):
    """The protected operation with tokens forged from the valid one."""

    operation: str
    controls: tuple[GraphqlAnswer, ...]
    """Positive control: the same with the valid token, per address, before and after."""

    attempts: tuple[Attempt, ...]

    public_key_known: bool
    """Whether a public key is published, so that it could be misused as an HMAC key."""


class BadToken(Record, frozen=True):
    """One token of the team that must be refused for exactly one reason."""

    case: Defect

    defects: tuple[Defect, ...]
    """What is wrong with it, compared with the valid token and the clock."""

    expired_for_s: float | None
    """Seconds since its ``exp``; negative before; ``None`` without one."""

    genuine: bool | None
    """Whether the valid token's key signed it too; ``None`` if that key is not known."""

    answer: GraphqlAnswer

    differs: tuple[str, ...] = ()
    """Claims in which it tells of another caller than the valid token does."""


class BadTokens(Fact, frozen=True, kw_only=True):
    """The protected operation with genuinely signed tokens that are out of date or misaddressed."""

    operation: str
    controls: tuple[GraphqlAnswer, ...]
    """Positive control: the same with the valid token, per address, before and after."""

    tokens: tuple[BadToken, ...]


class IssuedToken(Fact, frozen=True, kw_only=True):
    """What a token that the service accepts says of itself."""

    origin: Literal["token_command", "token"]
    """Where it came from."""

    algorithm: str
    """``alg`` of its header; empty without one."""

    key_id: bool
    """Whether its header names a key."""

    key_id_published: bool | None
    """Whether that key is among the published ones; ``None`` when no JWKS is declared."""

    lifetime_s: float | None
    """``exp - iat``; ``None`` when either is missing."""

    left_s: float | None
    """Seconds until ``exp``; ``None`` without one."""

    control: GraphqlAnswer
    """Positive control: the protected operation with this token."""


class SigningKey(Fact, frozen=True, kw_only=True):
    """By which way the service gets the key that signs tokens."""

    file: str
    """Name of the declared file."""

    form: Literal["environment_file", "manifest"]

    variables: tuple[str, ...]
    """Variables that hold it."""

    found_by: Literal["signature", "name", "other", "nothing"]
    """``signature``: it verifies the valid token; ``name``: the variable is called like it;
    ``other``: called like it, but the valid token is signed with another key.
    """

    from_store: bool
    """Whether the manifest refers to a secret store instead of holding a value."""

    literal: bool
    """Whether a manifest holds the value itself, or the value is an unexpanded ``$(command)``."""

    key_bytes: int | None
    """Length of the value, bytes; ``None`` when only a reference is known."""

    weak: str = ""
    """What is wrong with an asymmetric key, whatever its length: ``RSA of 1024 bits``."""

    source_files: int
    """Files of the source tree that were searched for the value."""

    source_unread: int = 0
    """Files that were not, 1 at the least where there are too many or some not checked out."""

    history: Literal["searched", "none", "not_searched"]
    """Whether the history of the source tree was searched; ``none``: it has none."""

    found_in: tuple[str, ...]
    """Where in source or history the value stands, relative to the tree."""
