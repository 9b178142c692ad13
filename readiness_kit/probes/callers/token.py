"""Reads and forges JSON Web Tokens (RFC 7519) by hand: a library would refuse to write bad ones."""

import base64
import binascii
import hashlib
import hmac
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from readiness_kit.probes.api.graphql import Json

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
WRONG_KEY = b"readiness-kit: a key that signs nothing of yours"


class Token(NamedTuple):
    """A token taken apart; its signature is not checked."""

    header: dict[str, Json]
    claims: dict[str, Json]
    parts: tuple[str, str, str]

    @property
    def algorithm(self) -> str:
        """``alg`` of the header, or nothing."""
        found = self.header.get("alg")
        return found if isinstance(found, str) else ""

    def number(self, claim: str) -> float | None:
        """Return a finite numeric claim, or nothing."""
        found = self.claims.get(claim)
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            return None
        return float(found) if abs(found) < 1e15 and math.isfinite(found) else None


def read(token: str) -> Token | None:
    """Take *token* apart, or return nothing when it is no signed JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        header, claims = (json.loads(_decode(part)) for part in parts[:2])
    except (ValueError, binascii.Error, RecursionError):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    return Token(header, claims, (parts[0], parts[1], parts[2]))


def forgeries(token: Token, public_key: bytes | None) -> Iterator[tuple[str, str]]:
    """Yield tokens that only a broken verifier accepts, by case (RFC 8725 section 2)."""
    head, body, signature = token.parts
    for spelling in ("none", "nOnE"):
        yield f"algorithm_{spelling}", f"{_encode({**token.header, 'alg': spelling})}.{body}."
    hs256 = _encode({**token.header, "alg": "HS256"})
    yield "wrong_key", _signed(f"{hs256}.{body}", WRONG_KEY)
    yield "no_signature", f"{head}.{body}."
    yield "cut_signature", f"{head}.{body}.{signature[: len(signature) // 2]}"
    changed = _encode({**token.claims, "sub": "readiness-kit"})
    yield "changed_payload", f"{head}.{changed}.{signature}"
    if public_key is not None:
        yield "public_key_as_secret", _signed(f"{hs256}.{body}", public_key)


def public_pem(published: Mapping[str, Json] | None) -> bytes | None:
    """Return the first published public key as PEM, or nothing."""
    for key in (published or {}).values():
        try:
            public = jwt.PyJWK(key).key if isinstance(key, dict) else None
        except jwt.PyJWTError:
            continue
        if isinstance(public, (RSAPublicKey, EllipticCurvePublicKey, Ed25519PublicKey)):
            return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return None


def signer(token: Token, secrets: Iterable[str]) -> str | None:
    """Return the one of *secrets* whose HMAC signed *token*, or nothing."""
    for secret in secrets:
        if verifies(token, secret):
            return secret
    return None


def verifies(token: Token, secret: str) -> bool:
    """Whether *secret* is the HMAC key that signed *token*."""
    made = HASHES.get(token.algorithm)
    if made is None:
        return False
    try:
        signature = _decode(token.parts[2])
    except (ValueError, binascii.Error):
        return False
    message = ".".join(token.parts[:2]).encode()
    return hmac.compare_digest(signature, hmac.digest(secret.encode(), message, made))


def signed_alike(one: Token, other: Token, secrets: Iterable[str]) -> bool | None:
    """Whether the key that signed *other* signed *one*; ``None`` when that key is not known."""
    secret = signer(other, secrets)
    return None if secret is None else verifies(one, secret)


def _signed(message: str, key: bytes) -> str:
    digest = hmac.digest(key, message.encode(), hashlib.sha256)
    return f"{message}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _encode(part: dict[str, Json]) -> str:
    text = json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
