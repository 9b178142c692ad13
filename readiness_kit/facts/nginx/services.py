"""How the proxy reaches what lies behind it."""

from readiness_kit.facts import Fact, Record


class Hop(Record, frozen=True):
    """One address that one ``proxy_pass`` leads to."""

    origin: str
    """File and line of the ``proxy_pass``."""

    address: str
    """Where it leads, as written: host and port, or a socket; a variable stays a variable."""

    same_host: bool
    """Whether that is a loopback address or a Unix socket."""

    known: bool
    """Whether it could be read from the file: a variable cannot."""

    encrypted: bool
    """Whether the proxy speaks TLS there."""

    verified: bool
    """Whether it verifies the certificate there (``proxy_ssl_verify on``)."""

    mutual: bool
    """Whether it presents a certificate of its own (``proxy_ssl_certificate``)."""


class ServiceHops(Fact, frozen=True, kw_only=True):
    """Every way from the proxy to another service."""

    hops: tuple[Hop, ...]
    """Every address of every ``proxy_pass``, in the order of the file."""
