"""Reads the certificate at every address, how it is renewed, and who watches its end."""

import contextlib
import hashlib
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Literal, Protocol, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from readiness_kit.errors import NotSeen
from readiness_kit.facts.tls.certificates import Certificate, ServedCertificates, ServedChain
from readiness_kit.sources import Address, Visit, source

TIMEOUT_S = 4.0
DER = 2
NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE"}


class _Sent(Protocol):
    """A certificate of the ``ssl`` module."""

    def public_bytes(self, encoding: int) -> bytes:
        """Return it in PEM (1) or DER (2)."""


class _Chain(Protocol):
    """What a TLS connection knows of the chain."""

    def get_unverified_chain(self) -> list[_Sent | bytes] | None:
        """Return the certificates as sent, leaf first."""


@source(effect="read", asks="per address: two TLS handshakes", deadline_s=20.0)
def served_certificates(visit: Visit) -> ServedCertificates:
    """Return the chain that every address of ``api.url`` serves, and whether it verifies."""
    _, host, port = visit.allowed(visit.api.url)
    addresses = visit.addresses(visit.api.url)
    context = visit.tls_context()
    with ThreadPoolExecutor(max_workers=4) as pool:
        served = tuple(pool.map(lambda one: _served(visit, one, host, context), addresses))
    if all(one.outcome == "unanswered" for one in served):
        raise NotSeen(
            f"{host}:{port} shows no certificate: {served[0].problem}",
            hint="check that the service is up and that api.url names its TLS port",
        )
    return ServedCertificates(
        host=host,
        port=port,
        authority=visit.api.ca.name if visit.api.ca else "system",
        served=served,
        observed_at=datetime.now(UTC),
    )


def _served(visit: Visit, address: Address, host: str, context: ssl.SSLContext) -> ServedChain:
    """Shake hands once to see the chain whatever it is, and once as a client that verifies."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    try:
        chain = _chain(visit, address, host, blind)
    except ssl.SSLError as error:
        spoken = "not_tls" if (error.reason or "") in NOT_TLS else "unanswered"
        return _no_chain(address, cast("Literal['not_tls', 'unanswered']", spoken), error)
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        return _no_chain(address, "unanswered", error)
    problem = ""
    try:
        _chain(visit, address, host, context)
    except ssl.SSLCertVerificationError as error:
        problem = error.verify_message
    except (OSError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    return ServedChain(
        address=str(address),
        outcome="served",
        chain=chain,
        trusted=not problem,
        problem=problem,
    )


def _no_chain(
    address: Address, outcome: Literal["not_tls", "unanswered"], error: Exception
) -> ServedChain:
    problem = f"{type(error).__name__}: {error}"[:200]
    return ServedChain(
        address=str(address), outcome=outcome, chain=(), trusted=False, problem=problem
    )


def _chain(
    visit: Visit, address: Address, host: str, context: ssl.SSLContext
) -> tuple[Certificate, ...]:
    with contextlib.closing(visit.connect(address, TIMEOUT_S)) as wire:
        wire.settimeout(min(TIMEOUT_S, visit.remaining_s))
        with context.wrap_socket(wire, server_hostname=host) as tls:
            return tuple(map(_certificate, _sent(tls)))


def _sent(tls: ssl.SSLSocket) -> list[bytes]:
    """Return the certificates as sent, DER; before Python 3.13 only the inner object knows them."""
    public = hasattr(tls, "get_unverified_chain")
    knows = cast("_Chain", tls if public else getattr(tls, "_sslobj"))  # noqa: B009
    found = knows.get_unverified_chain() or []
    return [one if isinstance(one, bytes) else one.public_bytes(DER) for one in found]


def _certificate(der: bytes) -> Certificate:
    read = x509.load_der_x509_certificate(der)
    key, bits = _key(read)
    algorithm = read.signature_hash_algorithm
    public = read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Certificate(
        subject=read.subject.rfc4514_string(),
        issuer=read.issuer.rfc4514_string(),
        names=_names(read),
        not_before=read.not_valid_before_utc,
        not_after=read.not_valid_after_utc,
        key=key,
        key_bits=bits,
        digest=algorithm.name if algorithm else "",
        sha256=hashlib.sha256(der).hexdigest(),
        key_sha256=hashlib.sha256(public).hexdigest(),
    )


def _key(read: x509.Certificate) -> tuple[Literal["RSA", "EC", "EdDSA", "other"], int]:
    key = read.public_key()
    if isinstance(key, RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, EllipticCurvePublicKey):
        return "EC", key.key_size
    if isinstance(key, (Ed25519PublicKey, Ed448PublicKey)):
        return "EdDSA", 256 if isinstance(key, Ed25519PublicKey) else 448
    return "other", 0


def _names(read: x509.Certificate) -> tuple[str, ...]:
    try:
        found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    addresses = map(str, found.get_values_for_type(x509.IPAddress))
    return (*found.get_values_for_type(x509.DNSName), *addresses)
