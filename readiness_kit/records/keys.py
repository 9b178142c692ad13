"""Keys of people: minted as OpenSSH files, read as the blobs that signatures carry."""

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from readiness_kit.errors import RunFolderError
from readiness_kit.evidence import atomic
from readiness_kit.records import publickeys

AnyPublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def mint(path: Path, comment: str = "") -> bytes:
    """Write a new Ed25519 key to *path* (mode 0600) and its public half to ``<path>.pub``.

    Returns the blob of the public key. Meant for the embedded deployment and for tests: people
    make their own with ``ssh-keygen -t ed25519``.

    Raises:
        RunFolderError: There is a file already, or it cannot be written.

    """
    if path.exists():
        raise RunFolderError(f"{path} exists already", hint="a key is never overwritten")
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    blob = public_blob(key.public_key())
    atomic.write(path, private)
    atomic.write(path.with_name(f"{path.name}.pub"), f"{publickeys.line(blob, comment)}\n".encode())
    return blob


def public_blob(key: AnyPublicKey) -> bytes:
    """Return the bytes of *key* as SSH writes them."""
    text = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(text.split()[1])
