"""Certificates of SSH users (OpenSSH's ``PROTOCOL.certkeys``): an authority names who holds a key.

Stricter than OpenSSH: a certificate that names nobody, or that carries a critical option, is
refused, since what it restricts is not ours to judge.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from readiness_kit.errors import IntegrityError
from readiness_kit.records import publickeys
from readiness_kit.records.wire import Malformed, Reader, string

SUFFIX = "-cert-v01@openssh.com"

FIELDS = {
    "ssh-ed25519": 1,
    "ssh-rsa": 2,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
    "sk-ssh-ed25519@openssh.com": 2,
    "sk-ecdsa-sha2-nistp256@openssh.com": 3,
}
"""Kind of key to how many strings it consists of, beside its kind."""

FOREVER = datetime.max.replace(tzinfo=UTC)

USER = 1
"""Type of a certificate for people; 2 is one for hosts."""


class Certificate(NamedTuple):
    """What an authority says of a key."""

    key: bytes
    """Blob of the plain public key: compare these, since one key may have many certificates."""
    authority: bytes
    """Blob of the authority's public key."""
    principals: tuple[str, ...]
    valid_after_s: int
    """Seconds since 1970, UTC."""
    valid_before_s: int
    """Seconds since 1970, UTC; the largest of 64 bits for ever."""

    @property
    def ends(self) -> datetime:
        """When it is no longer valid."""
        if self.valid_before_s >= FOREVER.timestamp():
            return FOREVER
        return datetime.fromtimestamp(self.valid_before_s, UTC)

    def fault(self, principal: str, at: datetime) -> str:
        """Return why it does not let *principal* sign at the time *at*, or nothing."""
        if principal not in self.principals:
            return f"the certificate is for {', '.join(self.principals)}"
        if at.timestamp() < self.valid_after_s:
            return "the certificate is not valid yet"
        if at.timestamp() >= self.valid_before_s:
            return "the certificate is not valid any more"
        return ""


def is_certificate(blob: bytes) -> bool:
    """Whether *blob* is a certificate rather than a plain public key."""
    return publickeys.kind_of(blob).endswith(SUFFIX)


def plain(blob: bytes) -> bytes:
    """Return the blob of the plain key in *blob*, which is one or a certificate of one.

    Raises:
        IntegrityError: A certificate that no authority signed, or that is malformed.

    """
    return parse(blob).key if is_certificate(blob) else blob


def parse(blob: bytes) -> Certificate:
    """Return what the certificate *blob* says, which its authority must have signed.

    Raises:
        IntegrityError: No such certificate: says what is wrong.

    """
    reader = Reader(blob)
    kind = _plain_kind(reader.text())
    reader.string()  # the authority's random number
    key = string(kind.encode()) + b"".join(string(reader.string()) for _ in range(FIELDS[kind]))
    publickeys.parse(key)
    reader.take(8)  # serial number
    sort = reader.uint32()
    reader.string()  # name of the key, for logs
    principals = tuple(_names(reader.string()))
    after, before = (int.from_bytes(reader.take(8), "big") for _ in range(2))
    critical, _, reserved = reader.string(), reader.string(), reader.string()
    authority, signature = reader.string(), reader.string()
    reader.end()
    if sort != USER or not principals:
        raise IntegrityError("the certificate is not one for people, or names nobody")
    if critical or reserved:
        raise IntegrityError("the certificate carries critical options, which are not accepted")
    signed = blob[: len(blob) - len(string(signature))]
    try:
        publickeys.verify(authority, signature, signed)
    except IntegrityError as error:
        raise IntegrityError(f"the certificate is not its authority's: {error.message}") from error
    return Certificate(key, authority, principals, after, before)


def _plain_kind(kind: str) -> str:
    base = kind.removesuffix(SUFFIX)
    found = f"{base}@openssh.com" if base.startswith("sk-") else base
    if base == kind or found not in FIELDS:
        raise Malformed(f"certificates of kind {kind[:60]!r} are not accepted")
    return found


def _names(data: bytes) -> list[str]:
    reader, found = Reader(data), list[str]()
    while reader.left:
        found.append(reader.text())
    return found
