"""What the public face answers over HTTP: plain HTTP, and the security headers of every answer."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class PlainAnswer(Record, frozen=True):
    """What plain HTTP answered to one request."""

    address: str
    """``ip:port``."""

    method: str
    path: str

    outcome: Literal["answered", "port_closed", "unanswered"]
    """``port_closed`` is a refused connection; a silent port is ``unanswered``."""

    status: int = 0
    """HTTP status; 0 without an answer."""

    location: str = ""
    """Where the answer leads."""

    hsts: tuple[str, ...] = ()
    """Values of Strict-Transport-Security."""

    detail: str = ""
    """What went wrong on the way."""


class PlainHttp(Fact, frozen=True, kw_only=True):
    """What the plain-HTTP port of the public name answers; redirects are not followed."""

    url: str
    """The plain-HTTP base URL that was asked."""

    host: str
    """Host of the public URL."""

    https_port: int
    """Port of the public URL."""

    https_answered: bool
    """Positive control: the public URL answered over TLS in the same visit."""

    answers: tuple[PlainAnswer, ...]


class HeaderAnswer(Record, frozen=True):
    """The security headers of one answer."""

    address: str
    """``ip:port``."""

    method: str
    path: str

    status: int
    """HTTP status; 0 without an answer."""

    headers: dict[str, tuple[str, ...]]
    """Values by lower-case name, one a field line; a header not sent is absent."""

    detail: str = ""
    """What went wrong on the way."""


class AnswerHeaders(Fact, frozen=True, kw_only=True):
    """Security headers over HTTPS, by method and path, at every address."""

    url: str

    answers: tuple[HeaderAnswer, ...]
