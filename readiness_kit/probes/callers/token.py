"""Reads and forges JSON Web Tokens (RFC 7519) by hand: a library would refuse to write bad ones."""

import base64
import binascii
import hashlib
import hmac
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from readiness_kit.probes.api.graphql import Json

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
WRONG_KEY = b"readiness-kit: a key that signs nothing of yours"
MOST_KEYS = 4
"""Published keys that are misused as HMAC keys: that of the token, and a few more."""

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


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


def forgeries(token: Token, published: Mapping[str, Json] | None) -> Iterator[tuple[str, str]]:
    """Yield tokens that only a broken verifier accepts, by case (RFC 8725 section 2)."""
    head, body, signature = token.parts
    for spelling in ("none", "nOnE"):
        yield f"algorithm_{spelling}", f"{_encode({**token.header, 'alg': spelling})}.{body}."
    hmac_name = token.algorithm if token.algorithm in HASHES else "HS256"
    hmac_head = _encode({**token.header, "alg": hmac_name})
    own = _own_key(token.algorithm)
    if own is None:
        yield "wrong_key", _signed(f"{hmac_head}.{body}", WRONG_KEY, hmac_name)
    else:
        yield "wrong_key", own.signed(token.header, body)
        yield "wrong_hmac_key", _signed(f"{hmac_head}.{body}", WRONG_KEY, hmac_name)
    yield "no_signature", f"{head}.{body}."
    yield "cut_signature", f"{head}.{body}.{signature[: len(signature) // 2]}"
    changed = _encode({**token.claims, "readiness_kit": True})
    yield "changed_payload", f"{head}.{changed}.{signature}"
    yield "embedded_key", (own or _OwnKey("ES256")).within(token.header, body)
    key_id = token.header.get("kid")
    pems = public_pems(published, key_id if isinstance(key_id, str) else "")
    for n, pem in enumerate(pems):
        case = "public_key_as_secret" + f"_{n + 1}" * bool(n)
        yield case, _signed(f"{hmac_head}.{body}", pem, hmac_name)


def public_pems(published: Mapping[str, Json] | None, key_id: str = "") -> list[bytes]:
    """Return the first published public keys as PEM, that of *key_id* before others.

    Each stands there with its last line break and without: a verifier may hold it either way.
    """
    found: list[bytes] = []
    for name in sorted(published or {}, key=lambda one: one != key_id)[:MOST_KEYS]:
        public = _public(published[name] if published else None)
        if public is not None:
            pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            found += [pem, pem.rstrip(b"\n")]
    return found


def _public(key: Json) -> PublicKey | None:
    try:
        public = jwt.PyJWK(key).key if isinstance(key, dict) else None
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    known = (RSAPublicKey, EllipticCurvePublicKey, Ed25519PublicKey)
    return public if isinstance(public, known) else None


class _OwnKey:
    """A key of the kit's own, which nobody should believe."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._how = jwt.get_algorithm_by_name(algorithm)
        self._key = KEYS[algorithm]()

    def signed(self, header: Mapping[str, Json], body: str) -> str:
        """Return *header* and *body*, signed by it."""
        message = f"{_encode({**header, 'alg': self._algorithm})}.{body}"
        signature = self._how.sign(message.encode(), self._key)
        return f"{message}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def within(self, header: Mapping[str, Json], body: str) -> str:
        """Return the same with the key itself in the header, and no other named there."""
        rest = {name: value for name, value in header.items() if name != "kid"}
        return self.signed(
            {**rest, "jwk": json.loads(self._how.to_jwk(self._key.public_key()))}, body
        )


def _own_key(algorithm: str) -> _OwnKey | None:
    return _OwnKey(algorithm) if algorithm in KEYS else None


def _rsa() -> RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


KEYS: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": Ed25519PrivateKey.generate,
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), _rsa),
}
"""How a key for each asymmetric algorithm is made."""


def signer(token: Token, secrets: Iterable[str]) -> str | None:
    """Return the one of *secrets* that signed *token*, or nothing."""
    for secret in secrets:
        if verifies(token, secret):
            return secret
    return None


def verifies(token: Token, secret: str) -> bool:
    """Whether *secret* signed *token*: as it is, or as base64 or hexadecimal digits, or as PEM."""
    key = private_key(secret)
    if key is not None:
        return _by(token, key.public_key())
    made = HASHES.get(token.algorithm)
    signature = _signature(token)
    if made is None or signature is None:
        return False
    message = ".".join(token.parts[:2]).encode()
    return any(
        hmac.compare_digest(signature, hmac.digest(one, message, made)) for one in _read_as(secret)
    )


def _read_as(secret: str) -> Iterator[bytes]:
    """Yield the keys that *secret* may stand for."""
    yield secret.encode()
    padded = secret.rstrip("=") + "=" * (-len(secret.rstrip("=")) % 4)
    readings: tuple[Callable[[str], bytes], ...] = (
        lambda text: base64.b64decode(text, validate=True),
        lambda text: base64.b64decode(text, altchars=b"-_", validate=True),
        bytes.fromhex,
    )
    for reading in readings:
        try:
            yield reading(padded if reading is not bytes.fromhex else secret)
        except ValueError:
            continue


def private_key(text: str) -> PrivateKey | None:
    r"""Return the private key that *text* holds as PEM, line breaks written as ``\n`` or not."""
    if "PRIVATE KEY" not in text:
        return None
    try:
        found = load_pem_private_key(text.replace("\\n", "\n").encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    known = (RSAPrivateKey, EllipticCurvePrivateKey, Ed25519PrivateKey)
    return found if isinstance(found, known) else None


def _signature(token: Token) -> bytes | None:
    try:
        return _decode(token.parts[2])
    except (ValueError, binascii.Error):
        return None


def _by(token: Token, key: PublicKey) -> bool:
    """Whether *key* is that of the signature, by the algorithm that the token names."""
    signature = _signature(token)
    if token.algorithm not in KEYS or signature is None:
        return False
    how = jwt.get_algorithm_by_name(token.algorithm)
    try:
        return bool(how.verify(".".join(token.parts[:2]).encode(), key, signature))
    except (ValueError, TypeError, AttributeError, jwt.PyJWTError):
        return False


def signed_alike(
    one: Token, other: Token, secrets: Iterable[str], published: Mapping[str, Json] | None = None
) -> bool | None:
    """Whether the key that signed *other* signed *one*; ``None`` when that key is not known."""
    secret = signer(other, secrets)
    if secret is not None:
        return verifies(one, secret)
    keys = [key for one in (published or {}).values() if (key := _public(one)) is not None]
    its = next((key for key in keys if _by(other, key)), None)
    return None if its is None else any(_by(one, key) for key in keys)


def _signed(message: str, key: bytes, algorithm: str) -> str:
    digest = hmac.digest(key, message.encode(), HASHES[algorithm])
    return f"{message}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _encode(part: dict[str, Json]) -> str:
    text = json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
