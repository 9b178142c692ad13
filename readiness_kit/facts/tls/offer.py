"""What a TLS endpoint answers to hellos of each version, and which suites it accepts."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Version = Literal["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]

VERSIONS: tuple[Version, ...] = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""Every version that is asked, oldest first."""


class Answer(Record, frozen=True):
    """What came back to one hello."""

    outcome: Literal["accepted", "refused", "not_tls", "unanswered"]
    """``refused`` is a fatal alert; silence, a reset or a bare close is ``unanswered``."""

    detail: str = ""
    """Name of the alert, of the version, or of what went wrong on the way."""


class TlsEndpoint(Record, frozen=True):
    """One address, asked each version and each suite."""

    address: str
    """``ip:port``."""

    control: str
    """Version of a complete handshake by an ordinary client, the positive control; or empty."""

    versions: dict[Version, Answer]
    """Answer to a hello that offers this version alone, with every suite there is."""

    suites: tuple[str, ...]
    """TLS 1.2 suites accepted, by IANA name, in the order the server chose them."""

    suites_end: Answer
    """Answer to a hello with all suites but those: ``refused`` when the list is complete."""


class TlsOffer(Fact, frozen=True, kw_only=True):
    """What every address of the public endpoint offers."""

    host: str
    """Name sent as SNI."""

    port: int

    suites_asked: int
    """How many suites stood in the hellos."""

    endpoints: tuple[TlsEndpoint, ...]
