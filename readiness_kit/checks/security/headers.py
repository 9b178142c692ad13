"""Security headers: every answer over HTTPS carries them, whoever in the chain wrote it.

>>> CHECK.shows() == dict.fromkeys(("xfo", "xcto", "xxp", "hsts", "csp"), "PASS")
True
>>> CHECK.shows(drop_from_404(GOOD))["hsts"]
'FAIL'
>>> CHECK.shows(lose_the_200(GOOD))["csp"]
'UNKNOWN'
>>> CHECK.shows(shorten_hsts(GOOD))["hsts"]
'FAIL'
>>> CHECK.shows(filter_xss(GOOD))["xxp"]
'WARN'
>>> CHECK.shows(drop_in_a_location(GOOD_WRITTEN))["xfo"]
'FAIL'
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal

from msgspec.structs import replace

from readiness_kit.facts import Pointer
from readiness_kit.facts.http import AnswerHeaders, HeaderAnswer, PlainAnswer, PlainHttp
from readiness_kit.facts.nginx_headers import HeaderPlace, NginxHeaders
from readiness_kit.verdict import (
    Cause,
    Check,
    Finding,
    Grade,
    fails,
    holds,
    holds_weakly,
    judges,
    not_seen,
)

ONE_YEAR_S = 31_536_000
"""RFC 6797 6.1.1 names no figure; the preload list asks for one year."""

NARROW = ({"'none'"}, {"'self'"})
"""Source lists that a ``default-src`` may have: nothing, or the own origin."""

UNSAFE = {"'unsafe-inline'", "'unsafe-eval'"}
ANYWHERE = {"*", "http:", "https:", "data:", "blob:"}
SCRIPTS = ("script-src", "script-src-elem", "script-src-attr", "object-src", "worker-src")

Worth = Literal["good", "weak", "bad"]
Rule = Callable[[HeaderAnswer], Worth]


@judges("xfo", "xcto", "xxp", "hsts", "csp")
def judge(headers: AnswerHeaders, plain: PlainHttp, written: NginxHeaders) -> Iterator[Finding]:
    """Judge five headers over every answer, and where none was asked for as nginx.conf has it."""
    framing = "DENY or SAMEORIGIN, or frame-ancestors without wildcards"
    found = (
        (_framing, _over(headers, "xfo", _framing, framing)),
        (_sniffing, _over(headers, "xcto", _sniffing, "X-Content-Type-Options: nosniff")),
        (_filter, _over(headers, "xxp", _filter, "X-XSS-Protection absent or 0")),
        (_hsts, _strict_transport(headers, plain)),
        (_policy, _over(headers, "csp", _policy, "default-src 'none' or 'self', nothing unsafe")),
    )
    yield from (_elsewhere(finding, rule, written) for rule, finding in found)


def _elsewhere(finding: Finding, rule: Rule, written: NginxHeaders) -> Finding:
    """Return *finding* as the places stand that no request reached: at the best it stays."""
    names = NAMES[finding.claim]
    worths = [(one, _written_worth(one, rule, names)) for one in written.places]
    managed = any(_says_something(one, rule, names) for one in written.places)
    rest = [(one.where, worth) for one, worth in worths if managed and not one.asked]
    seen = [*finding.seen, NginxHeaders.at("/places")]
    repeat = "nginx -T | grep -n -e location -e add_header"
    lost = [where for where, worth in rest if worth == "bad"]
    if finding.outcome not in ("holds", "holds_weakly") or not written.file:
        return finding
    if lost:
        got = f"{finding.got}; not in {written.file}: {', '.join(lost)}"
        return fails(
            finding.claim,
            got=got,
            want=finding.want,
            seen=seen,
            grade=Grade.DECLARED,
            reproduce=repeat,
        )
    doubtful = [*(where for where, worth in rest if worth == "weak"), *written.unresolved]
    if doubtful:
        got = f"{finding.got}; {written.file} does not tell: {', '.join(doubtful)}"
        return not_seen(finding.claim, Cause.UNPROVEN, got=got, want=finding.want, seen=seen)
    return finding


def _written_worth(place: HeaderPlace, rule: Rule, names: tuple[str, ...]) -> Worth:
    """Judge one place: bad where no answer can carry what it should, weak where that is open."""
    kinds = [
        [_as_answer(place, sent, status) for sent in sets]
        for status, sets in ((200, place.successes), (404, place.errors))
    ]
    bad = [[rule(answer) == "bad" for answer in answers] for answers in kinds]
    told = all(bad) and not {*names} & {*place.unknown}
    if told and not any(map(any, bad)):
        return "good"
    others = place.passes_on and not {*names} <= {*place.hidden}
    return "bad" if told and any(map(all, bad)) and not others else "weak"


def _says_something(place: HeaderPlace, rule: Rule, names: tuple[str, ...]) -> bool:
    """Tell whether the header is nginx's business, or else the service's alone."""
    added = {*place.unknown, *(name for sent in place.successes for name in sent)}
    sets = (_as_answer(place, sent, 200) for sent in place.successes)
    return names[0] in added or any(rule(answer) != "bad" for answer in sets)


def _as_answer(place: HeaderPlace, sent: dict[str, tuple[str, ...]], status: int) -> HeaderAnswer:
    return HeaderAnswer(address="", method="GET", path=place.where, status=status, headers=sent)


NAMES: dict[str, tuple[str, ...]] = {
    "xfo": ("x-frame-options", "content-security-policy"),
    "xcto": ("x-content-type-options",),
    "xxp": ("x-xss-protection",),
    "hsts": ("strict-transport-security",),
    "csp": ("content-security-policy",),
}
"""Headers by which each claim may hold."""


ADVICE = {
    "xfo": "send X-Frame-Options once: several values are read differently by browsers (RFC 7034)",
    "xxp": "send 0 or nothing: the filter is gone from browsers (OWASP Secure Headers)",
    "csp": "styles may be written inline: move them out and drop 'unsafe-inline' (CSP Level 3)",
    "hsts": "do not send it over plain HTTP, where browsers ignore it (RFC 6797 7.2)",
}


def _over(headers: AnswerHeaders, claim: str, rule: Rule, want: str) -> Finding:
    answers = [(n, one, rule(one)) for n, one in enumerate(headers.answers) if one.status > 0]
    want = f"{want}, on every answer"
    repeat = f"curl -si {headers.url}/ -X OPTIONS"
    bad = [(n, one) for n, one, worth in answers if worth == "bad"]
    if bad:
        got = f"not on {len(bad)} of {len(answers)}: {', '.join(_name(one) for _, one in bad)}"
        seen = [AnswerHeaders.at(f"/answers/{n}") for n, _ in bad]
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    seen = [AnswerHeaders.at("/answers")]
    missing = _not_covered(headers)
    if missing:
        got = f"{len(answers)} answers as wanted, but no answer of this kind: {', '.join(missing)}"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    statuses = ", ".join(str(status) for status in sorted({one.status for _, one, _ in answers}))
    got = f"{len(answers)} answers of status {statuses}"
    if any(worth == "weak" for _, _, worth in answers):
        advice = [ADVICE[claim]]
        return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)
    return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _name(answer: HeaderAnswer) -> str:
    return f"{answer.method} {answer.path} ({answer.status})"


def _not_covered(headers: AnswerHeaders) -> list[str]:
    """Return the kinds of answer that were not seen: one hand may add what another drops."""
    answered = [one for one in headers.answers if one.status > 0]
    silent = [f"{one.method} {one.path}" for one in headers.answers if one.status <= 0]
    kinds = {
        "a success": any(200 <= one.status < 300 and one.method != "OPTIONS" for one in answered),
        "an error of the client's": any(400 <= one.status < 500 for one in answered),
        "an answer to OPTIONS": any(one.method == "OPTIONS" for one in answered),
    }
    return silent + [kind for kind, was_seen in kinds.items() if not was_seen]


def _strict_transport(headers: AnswerHeaders, plain: PlainHttp) -> Finding:
    finding = _over(headers, "hsts", _hsts, f"max-age >= {ONE_YEAR_S} s and includeSubDomains")
    over_plain = [one for one in plain.answers if one.hsts]
    unclear = not plain.answers or any(one.outcome == "unanswered" for one in plain.answers)
    seen: list[Pointer] = [*finding.seen, PlainHttp.at("/answers")]
    if finding.outcome != "holds" or not (over_plain or unclear):
        return finding
    if over_plain:
        got = f"{finding.got}; also over plain HTTP, {len(over_plain)} times"
        return holds_weakly(
            "hsts",
            got=got,
            want=finding.want,
            seen=seen,
            advice=[ADVICE["hsts"]],
            reproduce=f"curl -si {plain.url}",
        )
    got = f"{finding.got}; whether it is sent over plain HTTP was not seen"
    return not_seen("hsts", Cause.COULD_NOT_ASK, got=got, want=finding.want, seen=seen)


def _framing(answer: HeaderAnswer) -> Worth:
    """Judge framing; browsers ignore X-Frame-Options beside ``frame-ancestors`` (CSP Level 3)."""
    ancestors = [one["frame-ancestors"] for one in _policies(answer) if "frame-ancestors" in one]
    values = _values(answer, "x-frame-options")
    if ancestors:
        narrow = any(sources and not set(sources) & ANYWHERE for sources in ancestors)
        return "bad" if not narrow else "weak" if len(values) > 1 else "good"
    if not values or not values <= {"deny", "sameorigin"}:
        return "bad"
    return "weak" if len(values) > 1 else "good"


def _sniffing(answer: HeaderAnswer) -> Worth:
    return "good" if _values(answer, "x-content-type-options") == {"nosniff"} else "bad"


def _filter(answer: HeaderAnswer) -> Worth:
    values = {re.sub(r"\s", "", one) for one in _lines(answer, "x-xss-protection")}
    if values <= {"0"}:
        return "good"
    return "weak" if values <= {"0", "1;mode=block"} else "bad"


def _hsts(answer: HeaderAnswer) -> Worth:
    lines = _lines(answer, "strict-transport-security")
    return "good" if lines and all(_long_enough(line) for line in lines) else "bad"


def _long_enough(line: str) -> bool:
    """Whether one policy lasts a year; a directive that stands twice voids it (RFC 6797 6.1)."""
    words = [word.strip() for word in line.split(";") if word.strip()]
    names = [word.partition("=")[0].strip() for word in words]
    age = next(
        (re.fullmatch(r'max-age\s*=\s*"?(\d{1,18})"?', w) for w in words if "max-age" in w), None
    )
    once = len(names) == len(set(names))
    return bool(age and int(age[1]) >= ONE_YEAR_S and "includesubdomains" in words and once)


def _policy(answer: HeaderAnswer) -> Worth:
    """Judge the policies: all are enforced, so the strictest decides (CSP Level 3 section 8.1)."""
    worths = [_one_policy(one) for one in _policies(answer)]
    order: tuple[Worth, ...] = ("good", "weak")
    return next((worth for worth in order if worth in worths), "bad")


def _one_policy(policy: dict[str, tuple[str, ...]]) -> Worth:
    if set(policy.get("default-src", ())) not in NARROW:
        return "bad"
    if any(set(policy.get(name, ())) & ANYWHERE for name in SCRIPTS):
        return "bad"
    unsafe = {name for name, sources in policy.items() if set(sources) & UNSAFE}
    if any("'unsafe-eval'" in policy[name] for name in unsafe):
        return "bad"
    if not unsafe:
        return "good"
    return "weak" if all(name.startswith("style-src") for name in unsafe) else "bad"


def _policies(answer: HeaderAnswer) -> list[dict[str, tuple[str, ...]]]:
    """Parse every enforced policy; of a directive that stands twice the first counts."""
    found = []
    for text in ",".join(answer.headers.get("content-security-policy", ())).lower().split(","):
        policy: dict[str, tuple[str, ...]] = {}
        for words in (part.split() for part in text.split(";")):
            if words:
                policy.setdefault(words[0], tuple(words[1:]))
        found.append(policy)
    return found


def _lines(answer: HeaderAnswer, name: str) -> list[str]:
    return [line.strip().lower() for line in answer.headers.get(name, ())]


def _values(answer: HeaderAnswer, name: str) -> set[str]:
    return {value.strip() for line in _lines(answer, name) for value in line.split(",")}


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


def _everywhere(fact: AnswerHeaders, name: str, *values: str) -> AnswerHeaders:
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
    return _everywhere(fact, "strict-transport-security", line)


def allow_inline_scripts(fact: AnswerHeaders) -> AnswerHeaders:
    """The policy allows scripts in the page."""
    return _everywhere(fact, "content-security-policy", "default-src 'self' 'unsafe-inline'")


def allow_framing(fact: AnswerHeaders) -> AnswerHeaders:
    """Any site may frame, and nothing else is restricted."""
    return _everywhere(fact, "content-security-policy", "frame-ancestors *")


def allow_sniffing(fact: AnswerHeaders) -> AnswerHeaders:
    """Browsers may guess content types."""
    return _everywhere(fact, "x-content-type-options", "sniff")


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


def drop_in_a_location(fact: NginxHeaders) -> NginxHeaders:
    """A location adds one header of its own, and so drops those of the server."""
    bare = replace(
        GOOD_PLACE, asked=False, passes_on=False, successes=({"x-xss-protection": ("1",)},)
    )
    return fact.replace(places=(*fact.places, replace(bare, errors=bare.successes)))


def lose_an_include(fact: NginxHeaders) -> NginxHeaders:
    """A file that nginx.conf includes cannot be read."""
    return fact.replace(unresolved=(*fact.unresolved, "include headers.conf"))


def report_xss(fact: AnswerHeaders) -> AnswerHeaders:
    """The retired filter is on and tells a third party."""
    return _everywhere(fact, "x-xss-protection", "1; report=https://example.com")


CHECK = Check(
    (judge,),
    remedy="nginx: put every `add_header NAME VALUE always;` into the server block and none into a "
    "location, which would drop them all; hide the service's own with `proxy_hide_header`.",
    references=(
        "OWASP Secure Headers Project",
        "RFC 6797: HTTP Strict Transport Security",
        "W3C Content Security Policy Level 3",
        "nginx ngx_http_headers_module: add_header is inherited only where none stands",
    ),
    good=(GOOD, GOOD_PLAIN, GOOD_WRITTEN),
    worsen=(
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
    ),
    thresholds={
        "xfo": "DENY, SAMEORIGIN or frame-ancestors without wildcards, on every answer",
        "xcto": "nosniff on every answer",
        "xxp": "absent or 0; `1; mode=block` warns (OWASP)",
        "hsts": f"max-age >= {ONE_YEAR_S} s with includeSubDomains on every answer over HTTPS",
        "csp": "default-src 'none' or 'self'; inline styles warn, inline scripts and eval fail",
    },
)
