"""Public keys of SSH, and whether a signature was made by one.

Ed25519 (RFC 8709), ECDSA on the NIST curves (RFC 5656), RSA with SHA-2 (RFC 8332) of at least 2048
bits, and their forms on security keys (OpenSSH's ``PROTOCOL.u2f``), of which a touch is demanded.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from readiness_kit.errors import IntegrityError
from readiness_kit.records.wire import Malformed, Reader

RSA_BITS = range(2048, 16384 + 1)
"""NIST SP 800-131A asks for 2048; OpenSSL reads no more than 16384."""

TOUCHED = 0x01
"""Flag of a security key: somebody touched it."""

CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "nistp256": (ec.SECP256R1(), hashes.SHA256()),
    "nistp384": (ec.SECP384R1(), hashes.SHA384()),
    "nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
RSA_HASHES: dict[str, hashes.HashAlgorithm] = {
    "rsa-sha2-256": hashes.SHA256(),
    "rsa-sha2-512": hashes.SHA512(),
}


class PublicKey(Protocol):
    """A key that can tell its own signatures."""

    def verify(self, algorithm: str, signature: Reader, message: bytes) -> None:
        """Raise unless the rest of *signature*, made by *algorithm*, is over *message*."""


@dataclass(frozen=True)
class Ed25519:
    """``ssh-ed25519``."""

    key: ed25519.Ed25519PublicKey

    def verify(self, algorithm: str, signature: Reader, message: bytes) -> None:
        """See :class:`PublicKey`."""
        _demand(algorithm, "ssh-ed25519")
        raw = signature.string()
        signature.end()
        self.key.verify(raw, message)


@dataclass(frozen=True)
class Ecdsa:
    """``ecdsa-sha2-nistp256``, ``-nistp384`` and ``-nistp521``."""

    curve: str
    key: ec.EllipticCurvePublicKey

    def verify(self, algorithm: str, signature: Reader, message: bytes) -> None:
        """See :class:`PublicKey`."""
        _demand(algorithm, f"ecdsa-sha2-{self.curve}")
        der = _dss(signature.string())
        signature.end()
        self.key.verify(der, message, ec.ECDSA(CURVES[self.curve][1]))


@dataclass(frozen=True)
class Rsa:
    """``ssh-rsa``, with SHA-2 only."""

    key: rsa.RSAPublicKey

    def verify(self, algorithm: str, signature: Reader, message: bytes) -> None:
        """See :class:`PublicKey`."""
        if algorithm not in RSA_HASHES:
            raise Malformed(f"an RSA signature by {algorithm}, not by SHA-2")
        raw = signature.string()
        signature.end()
        if len(raw) != (self.key.key_size + 7) // 8:
            raise Malformed("the RSA signature is not as long as its key")
        self.key.verify(raw, message, padding.PKCS1v15(), RSA_HASHES[algorithm])


@dataclass(frozen=True)
class SecurityKey:
    """``sk-ssh-ed25519@openssh.com`` and ``sk-ecdsa-sha2-nistp256@openssh.com``."""

    name: str
    application: bytes
    key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

    def verify(self, algorithm: str, signature: Reader, message: bytes) -> None:
        """See :class:`PublicKey`; what is signed also holds the flags and a counter."""
        _demand(algorithm, self.name)
        raw = signature.string()
        flags, counter = signature.take(1), signature.take(4)
        signature.end()
        if not flags[0] & TOUCHED:
            raise Malformed("the security key was not touched")
        signed = _sha256(self.application) + flags + counter + _sha256(message)
        if isinstance(self.key, ed25519.Ed25519PublicKey):
            self.key.verify(raw, signed)
        else:
            self.key.verify(_dss(raw), signed, ec.ECDSA(hashes.SHA256()))


def parse(blob: bytes) -> PublicKey:
    """Return the key in *blob*, the bytes that stand base64-encoded in a public key file.

    Raises:
        Malformed: No such key, a kind that is not accepted, or RSA below 2048 bits.

    """
    reader = Reader(blob)
    kind = reader.text()
    try:
        key = _parse(kind, reader)
    except ValueError as error:
        raise Malformed(f"no {kind} key: {error}") from error
    reader.end()
    return key


def verify(blob: bytes, signature: bytes, message: bytes) -> None:
    """Demand that *signature* over *message* was made by the key in *blob*.

    Raises:
        IntegrityError: It was not, or either is malformed.

    """
    reader = Reader(signature)
    try:
        parse(blob).verify(reader.text(), reader, message)
    except InvalidSignature as error:
        raise IntegrityError("the signature is not over this content") from error
    except ValueError as error:
        raise Malformed(f"no signature: {error}") from error


def kind_of(blob: bytes) -> str:
    """Return the kind of the key in *blob*, e.g. ``ssh-ed25519``."""
    return Reader(blob).text()


def _parse(kind: str, reader: Reader) -> PublicKey:
    if kind == "ssh-ed25519":
        return Ed25519(ed25519.Ed25519PublicKey.from_public_bytes(reader.string()))
    if kind == "ssh-rsa":
        return Rsa(_rsa(reader))
    if kind.startswith("ecdsa-sha2-") and kind.removeprefix("ecdsa-sha2-") in CURVES:
        curve = kind.removeprefix("ecdsa-sha2-")
        return Ecdsa(curve, _point(curve, reader))
    if kind == "sk-ssh-ed25519@openssh.com":
        raw = ed25519.Ed25519PublicKey.from_public_bytes(reader.string())
        return SecurityKey(kind, reader.string(), raw)
    if kind == "sk-ecdsa-sha2-nistp256@openssh.com":
        point = _point("nistp256", reader)
        return SecurityKey(kind, reader.string(), point)
    raise Malformed(f"keys of kind {kind[:60]!r} are not accepted")


def _rsa(reader: Reader) -> rsa.RSAPublicKey:
    exponent, modulus = reader.natural(), reader.natural()
    if modulus.bit_length() not in RSA_BITS:
        raise Malformed(f"an RSA key of {modulus.bit_length()} bits; at least 2048 are wanted")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _point(curve: str, reader: Reader) -> ec.EllipticCurvePublicKey:
    _demand(reader.text(), curve)
    point = reader.string()
    if not point.startswith(b"\x04"):
        raise Malformed("a point of the curve that is not in its long form")
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve][0], point)


def _dss(raw: bytes) -> bytes:
    reader = Reader(raw)
    r, s = reader.natural(), reader.natural()
    reader.end()
    return encode_dss_signature(r, s)


def _demand(got: str, want: str) -> None:
    if got != want:
        raise Malformed(f"{want} was wanted, {got[:60]!r} stands there")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def material(blob: bytes) -> bytes:
    """Return what two forms of one key share: whoever holds the one holds the other.

    A security key for another application, an Ed25519 key in the form of a security key, and an RSA
    modulus with another exponent are other blobs of one secret.
    """
    reader = Reader(blob)
    kind = reader.text()
    if kind == "ssh-rsa":
        reader.natural()
        return b"rsa" + reader.string()
    if "ecdsa" in kind:
        curve = reader.string()
        return b"ecdsa" + curve + reader.string()
    return b"ed25519" + reader.string()


def line(blob: bytes, comment: str = "") -> str:
    """Return the public key as one line of a ``.pub`` file, without its end."""
    return f"{kind_of(blob)} {base64.b64encode(blob).decode()} {comment}".strip()


def fingerprint(blob: bytes) -> str:
    """Return the key's fingerprint as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(_sha256(blob)).decode().rstrip("=")
