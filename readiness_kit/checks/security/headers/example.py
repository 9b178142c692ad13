"""Answers as they should be, and what makes them worse."""

from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.checks.security.headers.rules import ONE_YEAR_S
from readiness_kit.facts.api.http import AnswerHeaders, HeaderAnswer, PlainAnswer, PlainHttp
from readiness_kit.facts.nginx.headers import HeaderPlace, NginxHeaders
from readiness_kit.verdict import Move

SENT: dict[str, tuple[str, ...]] = {
    "content-security-policy": ("default-src 'none'; frame-ancestors 'none'",),
    "strict-transport-security": ("max-age=31536000; includeSubDomains",),
    "x-content-type-options": ("nosniff",),
    "x-frame-options": ("DENY",),
}

ASKED = (
    ("POST", "/graphql", 200),
    ("GET", "/health", 200),
    ("GET", "/absent", 404),
    ("OPTIONS", "/graphql", 204),
)

GOOD = AnswerHeaders(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
    url="https://api.example.com",
    answers=tuple(
        HeaderAnswer(
            address="192.0.2.1:443", method=method, path=path, status=status, headers=dict(SENT)
        )
        for method, path, status in ASKED
    ),
)

GOOD_PLAIN = PlainHttp(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
    url="http://api.example.com",
    host="api.example.com",
    https_port=443,
    https_answered=True,
    answers=(PlainAnswer(address="192.0.2.1:80", method="GET", path="/", outcome="port_closed"),),
)


GOOD_PLACE = HeaderPlace(
    where="server api.example.com location /graphql",
    asked=True,
    passes_on=True,
    hidden=(),
    successes=(SENT,),
    errors=(SENT,),
    unknown=(),
)

GOOD_WRITTEN = NginxHeaders(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
    file="nginx.conf",
    unresolved=(),
    places=(
        GOOD_PLACE,
        replace(GOOD_PLACE, where="server api.example.com location /", asked=False),
    ),
)


def everywhere(fact: AnswerHeaders, name: str, *values: str) -> AnswerHeaders:
    """Return *fact* with *values* of the header *name* on every answer."""
    answers = (replace(one, headers={**one.headers, name: values}) for one in fact.answers)
    return fact.replace(answers=tuple(answers))


def drop_from_404(fact: AnswerHeaders) -> AnswerHeaders:
    """Error pages carry none of them: what an ``add_header`` in a location does."""
    return fact.replace(
        answers=tuple(
            replace(one, headers=dict.fromkeys(SENT, ())) if one.status == 404 else one
            for one in fact.answers
        )
    )


def lose_the_200(fact: AnswerHeaders) -> AnswerHeaders:
    """Every success becomes a refusal."""
    changed = (replace(one, status=429) if one.status == 200 else one for one in fact.answers)
    return fact.replace(answers=tuple(changed))


def go_silent(fact: AnswerHeaders) -> AnswerHeaders:
    """Nothing answers."""
    return fact.replace(answers=tuple(replace(one, status=0, headers={}) for one in fact.answers))


def shorten_hsts(fact: AnswerHeaders) -> AnswerHeaders:
    """HSTS lasts a second less than a year."""
    line = f"max-age={ONE_YEAR_S - 1}; includeSubDomains"
    return everywhere(fact, "strict-transport-security", line)


def allow_inline_scripts(fact: AnswerHeaders) -> AnswerHeaders:
    """The policy allows scripts in the page."""
    return everywhere(fact, "content-security-policy", "default-src 'self' 'unsafe-inline'")


def allow_framing(fact: AnswerHeaders) -> AnswerHeaders:
    """Any site may frame, and nothing else is restricted."""
    return everywhere(fact, "content-security-policy", "frame-ancestors *")


def allow_sniffing(fact: AnswerHeaders) -> AnswerHeaders:
    """Browsers may guess content types."""
    return everywhere(fact, "x-content-type-options", "sniff")


def filter_xss(fact: AnswerHeaders) -> AnswerHeaders:
    """The retired filter is asked for as well, as the checklist has it."""
    name = "x-xss-protection"
    return fact.replace(
        answers=tuple(
            replace(
                one,
                headers={**one.headers, name: (*one.headers.get(name, ()), "1; mode=block")},
            )
            for one in fact.answers
        )
    )


def report_xss(fact: AnswerHeaders) -> AnswerHeaders:
    """The retired filter is on and tells a third party."""
    return everywhere(fact, "x-xss-protection", "1; report=https://example.com")


def drop_in_a_location(fact: NginxHeaders) -> NginxHeaders:
    """A location adds one header of its own, and so drops those of the server."""
    bare = replace(
        GOOD_PLACE, asked=False, passes_on=False, successes=({"x-xss-protection": ("1",)},)
    )
    return fact.replace(places=(*fact.places, replace(bare, errors=bare.successes)))


def lose_an_include(fact: NginxHeaders) -> NginxHeaders:
    """A file that nginx.conf includes cannot be read."""
    return fact.replace(unresolved=(*fact.unresolved, "include headers.conf"))


WORSEN: tuple[Move, ...] = (
    drop_from_404,
    lose_the_200,
    go_silent,
    shorten_hsts,
    allow_inline_scripts,
    allow_framing,
    allow_sniffing,
    filter_xss,
    report_xss,
    drop_in_a_location,
    lose_an_include,
)
