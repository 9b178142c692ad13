"""SSH signatures of files (OpenSSH's ``PROTOCOL.sshsig``): what ``ssh-keygen -Y sign`` writes.

Signing goes through ssh-keygen where it is installed, which brings agents, passphrases and security
keys; else a key file is read by ``cryptography``. Verifying never needs more than ``cryptography``,
and accepts exactly one encoding of each signature.
"""

import base64
import binascii
import hashlib
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Literal, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from readiness_kit.errors import IntegrityError, UsageError
from readiness_kit.records import certificates, publickeys
from readiness_kit.records.keys import public_blob
from readiness_kit.records.wire import Malformed, Reader, mpint, string

Tool = Literal["ssh-keygen", "cryptography"]

MAGIC = b"SSHSIG"
BEGIN, END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
COLUMNS = 70
MAX_BYTES = 16 * 1024
"""Largest signature that is read; that of the largest RSA key stays below."""

HASHES = ("sha256", "sha512")
TOUCH_S = 120.0
"""How long a person may take to type a passphrase or touch a security key."""


class Signed(NamedTuple):
    """A new signature."""

    armored: bytes
    key: bytes
    """Blob of the plain public key that made it."""
    tool: Tool
    """What made it."""


def ssh_keygen() -> str | None:
    """Return the path of ssh-keygen, or ``None`` where it is not installed."""
    return shutil.which("ssh-keygen")


def sign(message: bytes, key_file: Path, namespace: str, *, tool: Tool | None = None) -> Signed:
    """Sign *message* with the private key in *key_file* (or the agent's, named by its ``.pub``).

    With ssh-keygen it may be a certificate, ``<key>-cert.pub``, beside the key.

    *tool* left out: ssh-keygen where it is installed, else ``cryptography``.

    Raises:
        UsageError: The key cannot be used, or others may read it.
        IntegrityError: What came out does not verify.

    """
    chosen = tool or ("ssh-keygen" if ssh_keygen() else "cryptography")
    if not key_file.is_file():
        raise UsageError(f"{key_file} is no key file", hint="name an OpenSSH private key")
    make = _sign_by_ssh_keygen if chosen == "ssh-keygen" else _sign_by_cryptography
    armored = make(message, key_file, namespace)
    return Signed(armored, verify(message, armored, namespace), chosen)


def verify(message: bytes, armored: bytes, namespace: str) -> bytes:
    """Return the blob of the plain public key that signed *message* in *namespace*.

    Raises:
        IntegrityError: See :func:`signer`.

    """
    return certificates.plain(signer(message, armored, namespace))


def signer(message: bytes, armored: bytes, namespace: str) -> bytes:
    """Return what signed *message* in *namespace*: the blob of a public key or of a certificate.

    Whether that key may sign is another question: :mod:`readiness_kit.records.signers`.

    Raises:
        IntegrityError: Not a signature over this content, or not in its only encoding.

    """
    reader = Reader(_dearmor(armored))
    if reader.take(len(MAGIC)) != MAGIC or reader.uint32() != 1:
        raise Malformed("no SSH signature of version 1")
    key, found, reserved = reader.string(), reader.string(), reader.string()
    algorithm, signature = reader.text(), reader.string()
    reader.end()
    if found != namespace.encode() or not namespace:
        raise IntegrityError(f"signed as {found[:80]!r}, not as {namespace!r}")
    if reserved or algorithm not in HASHES:
        raise Malformed(f"hashed by {algorithm[:40]!r}, or reserved bytes are in use")
    signed = _to_sign(message, namespace, algorithm)
    publickeys.verify(certificates.plain(key), signature, signed)
    return key


def _to_sign(message: bytes, namespace: str, algorithm: str) -> bytes:
    digest = hashlib.new(algorithm, message).digest()
    parts = (namespace.encode(), b"", algorithm.encode(), digest)
    return MAGIC + b"".join(string(part) for part in parts)


def _armor(blob: bytes) -> bytes:
    text = base64.b64encode(blob)
    lines = (text[at : at + COLUMNS] + b"\n" for at in range(0, len(text), COLUMNS))
    return BEGIN + b"".join(lines) + END


def _dearmor(armored: bytes) -> bytes:
    if len(armored) > MAX_BYTES:
        raise Malformed(f"a signature of more than {MAX_BYTES} bytes")
    body = armored.removeprefix(BEGIN).removesuffix(END).replace(b"\n", b"")
    try:
        blob = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"no SSH signature: {error}") from error
    if _armor(blob) != armored:
        raise Malformed("no SSH signature in the form that ssh-keygen writes")
    return blob


def _sign_by_ssh_keygen(message: bytes, key_file: Path, namespace: str) -> bytes:
    program = ssh_keygen()
    if program is None:
        raise UsageError("ssh-keygen is not installed", hint="use a key file without passphrase")
    argv = (program, "-q", "-Y", "sign", "-f", str(key_file.resolve()), "-n", namespace)
    try:
        # Its stderr stays the user's: it asks there for a touch of the security key.
        done = subprocess.run(
            argv, input=message, stdout=subprocess.PIPE, timeout=TOUCH_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            f"ssh-keygen could not sign with {key_file}: {error}",
            hint="the key must be yours alone (mode 0600); have passphrase or security key ready",
        ) from error
    return done.stdout


def _sign_by_cryptography(message: bytes, key_file: Path, namespace: str) -> bytes:
    if stat.S_IMODE(key_file.stat().st_mode) & 0o077:
        raise UsageError(f"{key_file} can be read by others", hint=f"chmod 600 {key_file}")
    try:
        key = load_ssh_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"{key_file} cannot be used: {error}",
            hint="a passphrase, an agent or a security key needs ssh-keygen installed",
        ) from error
    to_sign = _to_sign(message, namespace, "sha512")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        signature = string(b"ssh-ed25519") + string(key.sign(to_sign))
    elif isinstance(key, rsa.RSAPrivateKey):
        raw = key.sign(to_sign, padding.PKCS1v15(), hashes.SHA512())
        signature = string(b"rsa-sha2-512") + string(raw)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        signature = _sign_ecdsa(key, to_sign)
    else:
        raise UsageError(f"{key_file} holds a kind of key that is not accepted")
    parts = (public_blob(key.public_key()), namespace.encode(), b"", b"sha512", signature)
    return _armor(MAGIC + (1).to_bytes(4, "big") + b"".join(string(part) for part in parts))


def _sign_ecdsa(key: ec.EllipticCurvePrivateKey, to_sign: bytes) -> bytes:
    kind = publickeys.kind_of(public_blob(key.public_key()))
    algorithm = publickeys.CURVES[kind.removeprefix("ecdsa-sha2-")][1]
    r, s = decode_dss_signature(key.sign(to_sign, ec.ECDSA(algorithm)))
    return string(kind.encode()) + string(mpint(r) + mpint(s))
