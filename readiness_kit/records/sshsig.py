"""SSH signatures of files (OpenSSH ``PROTOCOL.sshsig``): what ``ssh-keygen -Y`` writes and verifies.

Verified by a small implementation on ``cryptography`` and, where ssh-keygen is installed, by it as
well: both must agree. Only the canonical form of a signature is accepted, so no byte of it can
change.
"""

import base64
import binascii
import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from readiness_kit.errors import IntegrityError, UsageError
from readiness_kit.records.wire import Reader, mpint, string

MAGIC = b"SSHSIG"
VERSION = 1
HASH = "sha512"
HASHES = ("sha256", "sha512")
SIZE_CAP_BYTES = 65_536
RSA_LEAST_BITS = 2048
TOUCHED = 0x01
"""Flag of a security key: somebody touched it (PROTOCOL.u2f)."""

SSH_KEYGEN_DEADLINE_S = 60

_HEAD, _FOOT = b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----"
_CURVES: dict[bytes, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    b"nistp256": (ec.SECP256R1(), hashes.SHA256()),
    b"nistp384": (ec.SECP384R1(), hashes.SHA384()),
    b"nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
_RSA_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    b"rsa-sha2-256": hashes.SHA256(),
    b"rsa-sha2-512": hashes.SHA512(),
}


class Signature(NamedTuple):
    """The parts of one signature."""

    key: bytes
    """Public key blob of the signer."""

    namespace: bytes
    reserved: bytes
    hash: bytes
    signature: bytes


def sign(message: bytes, key: Path, namespace: str) -> bytes:
    """Return the armoured signature of *message* by the private key file *key*.

    ssh-keygen signs where it is installed, since it knows agents, hardware keys and certificates.

    Raises:
        UsageError: The key cannot be read or used.

    """
    if not key.is_file():
        raise UsageError(f"{key} is no key file", hint="--key names the private or public key")
    if shutil.which("ssh-keygen"):
        return _sign_by_ssh_keygen(message, key, namespace)
    return _sign_by_cryptography(message, key, namespace)


def _sign_by_ssh_keygen(message: bytes, key: Path, namespace: str) -> bytes:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace]
    done = subprocess.run(
        command, input=message, capture_output=True, timeout=SSH_KEYGEN_DEADLINE_S, check=False
    )
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise UsageError(f"ssh-keygen cannot sign with {key}: {words}", hint="check key and agent")
    return done.stdout


def _sign_by_cryptography(message: bytes, key: Path, namespace: str) -> bytes:
    try:
        private = serialization.load_ssh_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"{key} cannot be used without ssh-keygen: {error}",
            hint="install OpenSSH, or name an unencrypted private key file",
        ) from error
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    blob = base64.b64decode(public.split()[1])
    signed = _signed_bytes(message, namespace.encode(), b"", HASH)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        signature = string(b"ssh-ed25519") + string(private.sign(signed))
    elif isinstance(private, rsa.RSAPrivateKey):
        raw = private.sign(signed, padding.PKCS1v15(), hashes.SHA512())
        signature = string(b"rsa-sha2-512") + string(raw)
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        kind = Reader(blob).string()
        digest = _CURVES[kind.removeprefix(b"ecdsa-sha2-")][1]
        r, s = decode_dss_signature(private.sign(signed, ec.ECDSA(digest)))
        signature = string(kind) + string(mpint(r) + mpint(s))
    else:
        raise UsageError(f"{key}: keys of this type cannot sign", hint="use Ed25519")
    parts = Signature(blob, namespace.encode(), b"", HASH.encode(), signature)
    return _armour(parts)


def verify(message: bytes, armoured: bytes, namespace: str) -> bytes:
    """Return the public key blob that signed *message* in *namespace*.

    Who that key belongs to, and what it may sign, is the business of
    :mod:`readiness_kit.records.signers`.

    Raises:
        IntegrityError: Not exactly a valid signature of these bytes in this namespace.

    """
    parts = parse(armoured)
    if not namespace or parts.namespace != namespace.encode():
        raise IntegrityError(
            f"signed in the namespace {parts.namespace.decode(errors='replace')!r},"
            f" wanted {namespace!r}"
        )
    if parts.hash.decode(errors="replace") not in HASHES:
        raise IntegrityError("the signature uses an unknown hash")
    signed = _signed_bytes(message, parts.namespace, parts.reserved, parts.hash.decode())
    try:
        _check(parts.key, parts.signature, signed)
    except InvalidSignature:
        raise IntegrityError("the signature does not fit the signed bytes") from None
    except (ValueError, KeyError, UnsupportedAlgorithm, OverflowError) as error:
        raise IntegrityError(f"the signature or key is malformed: {error}") from None
    _agreed(message, armoured, namespace)
    return parts.key


def parse(armoured: bytes) -> Signature:
    """Return the parts of an armoured signature, in canonical form only."""
    shape = re.fullmatch(rb"%b\n([A-Za-z0-9+/=\n]+)\n%b\n" % (_HEAD, _FOOT), armoured)
    if len(armoured) > SIZE_CAP_BYTES or shape is None:
        raise IntegrityError("this is no SSH signature")
    try:
        raw = base64.b64decode(shape[1].replace(b"\n", b""), validate=True)
    except binascii.Error as error:
        raise IntegrityError(f"this is no SSH signature: {error}") from None
    reader = Reader(raw)
    if reader.take(len(MAGIC)) != MAGIC or reader.number() != VERSION:
        raise IntegrityError("this is no SSH signature of version 1")
    parts = Signature(*(reader.string() for _ in Signature._fields))
    reader.end()
    if _armour(parts) != armoured:
        raise IntegrityError("the signature is not in canonical form")
    return parts


def _armour(parts: Signature) -> bytes:
    raw = MAGIC + VERSION.to_bytes(4, "big") + b"".join(string(part) for part in parts)
    text = base64.b64encode(raw)
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return b"\n".join([_HEAD, *lines, _FOOT, b""])


def _signed_bytes(message: bytes, namespace: bytes, reserved: bytes, name: str) -> bytes:
    digest = hashlib.new(name, message).digest()
    parts = (namespace, reserved, name.encode(), digest)
    return MAGIC + b"".join(string(part) for part in parts)


def _check(key: bytes, signature: bytes, signed: bytes) -> None:
    """Check *signature* of *signed* by the public key *key*, for every key type OpenSSH makes."""
    public, given = Reader(key), Reader(signature)
    kind, algorithm = public.string(), given.string()
    if kind == b"ssh-rsa":
        _check_rsa(public, given, algorithm, signed)
        return
    if algorithm != kind:
        raise IntegrityError(f"a key of type {kind!r} cannot give a signature of {algorithm!r}")
    if kind == b"ssh-ed25519":
        raw, value = public.string(), given.string()
        public.end()
        given.end()
        ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(value, signed)
    elif kind.startswith(b"ecdsa-sha2-"):
        _check_ecdsa(public, given, kind, signed)
    elif kind in (b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com"):
        _check_security_key(public, given, kind, signed)
    else:
        raise IntegrityError(f"keys of type {kind.decode(errors='replace')!r} are not accepted")


def _check_rsa(public: Reader, given: Reader, algorithm: bytes, signed: bytes) -> None:
    e, n = public.mpint(), public.mpint()
    value = given.string()
    public.end()
    given.end()
    if algorithm not in _RSA_HASHES:
        raise IntegrityError(f"RSA signatures of type {algorithm!r} are not accepted")
    if n.bit_length() < RSA_LEAST_BITS:
        raise IntegrityError(f"an RSA key of {n.bit_length()} bits, {RSA_LEAST_BITS} wanted")
    size = (n.bit_length() + 7) // 8
    if len(value) != size:
        raise IntegrityError("the RSA signature has the wrong length")
    key = rsa.RSAPublicNumbers(e, n).public_key()
    key.verify(value, signed, padding.PKCS1v15(), _RSA_HASHES[algorithm])


def _check_ecdsa(public: Reader, given: Reader, kind: bytes, signed: bytes) -> None:
    name, point = public.string(), public.string()
    inner = Reader(given.string())
    public.end()
    given.end()
    r, s = inner.mpint(), inner.mpint()
    inner.end()
    if kind != b"ecdsa-sha2-" + name:
        raise IntegrityError("the key contradicts itself about its curve")
    curve, digest = _CURVES[name]
    key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(digest))


def _check_security_key(public: Reader, given: Reader, kind: bytes, signed: bytes) -> None:
    """Check a FIDO key (PROTOCOL.u2f), and that somebody touched it."""
    curve = public.string() if kind.startswith(b"sk-ecdsa") else b""
    raw, application = public.string(), public.string()
    value, flags, counter = given.string(), given.take(1), given.take(4)
    public.end()
    given.end()
    if not flags[0] & TOUCHED:
        raise IntegrityError("the security key was not touched")
    hashed = hashlib.sha256(application).digest() + flags + counter
    hashed += hashlib.sha256(signed).digest()
    if not curve:
        ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(value, hashed)
        return
    if curve != b"nistp256":
        raise IntegrityError("the key contradicts itself about its curve")
    inner = Reader(value)
    r, s = inner.mpint(), inner.mpint()
    inner.end()
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    key.verify(encode_dss_signature(r, s), hashed, ec.ECDSA(hashes.SHA256()))


def _agreed(message: bytes, armoured: bytes, namespace: str) -> None:
    """Demand that ssh-keygen, where installed, accepts the signature too."""
    if not shutil.which("ssh-keygen"):
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(armoured)
        file.flush()
        command = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", file.name]
        done = subprocess.run(
            command, input=message, capture_output=True, timeout=SSH_KEYGEN_DEADLINE_S, check=False
        )
    if done.returncode != 0:
        raise IntegrityError("ssh-keygen refuses the signature that our verifier accepts")
