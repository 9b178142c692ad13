"""What the public face allows browsers on other origins."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Kind = Literal[
    "listed",
    "foreign",
    "null",
    "prefixed",
    "suffixed",
    "other_scheme",
    "sub_domain",
    "dotless",
]
"""How an asking origin relates to the declared ones."""


class CorsAnswer(Record, frozen=True):
    """What one request with an ``Origin`` was answered."""

    address: str
    """``ip:port``."""

    origin: str
    """The ``Origin`` that was sent."""

    kind: Kind

    preflight: bool
    """Whether this was an OPTIONS request, or else the request itself."""

    asked_method: str
    """Access-Control-Request-Method of a preflight."""

    asked_headers: tuple[str, ...]
    """Access-Control-Request-Headers of a preflight, lower case."""

    status: int
    """HTTP status; 0 without an answer."""

    allow_origin: tuple[str, ...] = ()
    """Values of Access-Control-Allow-Origin, one a field line."""

    allow_credentials: bool = False
    allow_methods: tuple[str, ...] = ()
    """Methods allowed, as sent."""

    allow_headers: tuple[str, ...] = ()
    """Request headers allowed, lower case."""

    vary_origin: bool = False
    """Whether Vary names Origin (or is ``*``)."""

    detail: str = ""
    """What went wrong on the way."""


class CorsAnswers(Fact, frozen=True, kw_only=True):
    """Preflights and requests from listed and unlisted origins, at every address."""

    url: str
    """URL that was asked."""

    listed: tuple[str, ...]
    """Origins that the target declares."""

    listed_headers: tuple[str, ...]
    """Request headers that the target declares, lower case."""

    takes_credentials: bool
    """Whether callers prove who they are: a token is declared, or needed."""

    control_status: int
    """Positive control: status of the same request without an ``Origin``; 0 without an answer."""

    unlisted_method: str
    """A method that was asked for and that nobody declares."""

    unlisted_header: str
    """A request header that was asked for and that nobody declares, lower case."""

    answers: tuple[CorsAnswer, ...]
