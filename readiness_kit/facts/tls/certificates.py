"""Certificates as they are served, how they are renewed, and who watches their end."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record


class Certificate(Record, frozen=True):
    """One certificate of a chain."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """DNS names and addresses of its subjectAltName."""

    not_before: datetime
    not_after: datetime

    key: Literal["RSA", "EC", "EdDSA", "other"]
    key_bits: int

    digest: str
    """Hash of its signature, e.g. ``sha256``; empty for EdDSA, which has its own."""

    sha256: str
    """Fingerprint of the certificate."""

    key_sha256: str
    """Fingerprint of its public key (SubjectPublicKeyInfo)."""


class ServedChain(Record, frozen=True):
    """What one address serves."""

    address: str
    """``ip:port``."""

    outcome: Literal["served", "not_tls", "unanswered"]

    chain: tuple[Certificate, ...]
    """Leaf first, as sent."""

    trusted: bool
    """Whether a verifying client accepts chain and name."""

    problem: str = ""
    """Why not, in the client's words, or why there is no chain."""


class ServedCertificates(Fact, frozen=True, kw_only=True):
    """The certificate at every address of the public name."""

    host: str
    """Name asked for, and verified."""

    port: int
    authority: str
    """What the client trusts: the declared file's name, or ``system``."""

    served: tuple[ServedChain, ...]


class CertificateRenewal(Fact, frozen=True, kw_only=True):
    """By what means the certificate is renewed, as written down for a machine."""

    file: str

    means: Literal["timer", "certbot", "cert_manager", "acme_in_nginx", "none"]

    schedule: str
    """When it runs, as written; empty where it runs by itself."""

    command: str
    """What it runs; empty where it is built in."""

    renew_before_days: float | None
    """Days before the end at which it renews, as written; ``None`` for the tool's own rule."""


class WatchedCertificate(Record, frozen=True):
    """One series with the end of a certificate's life."""

    metric: str

    age_s: float
    """Seconds since its last sample."""


class ExpiryRule(Record, frozen=True):
    """One loaded alerting rule on such a series."""

    name: str
    expression: str

    days_ahead: float | None
    """Days before the end at which it fires; ``None`` when the expression is not understood."""

    healthy: bool
    """Whether Prometheus evaluates it without error."""


class ExpiryMonitoring(Fact, frozen=True, kw_only=True):
    """What Prometheus knows about the end of certificates."""

    series: tuple[WatchedCertificate, ...]
    rules: tuple[ExpiryRule, ...]

    rules_loaded: int
    """Alerting rules of any kind: the positive control."""
