"""CORS: browsers on listed origins may call, with the listed methods and headers, and no others.

>>> CHECK.shows()
{'only_listed_origins': 'PASS', 'preflight_limited': 'PASS'}
>>> CHECK.shows(echo_everyone(GOOD))["only_listed_origins"]
'FAIL'
>>> CHECK.shows(forget_vary(GOOD))["only_listed_origins"]
'WARN'
>>> CHECK.shows(lose_control(GOOD))["only_listed_origins"]
'UNKNOWN'
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.api.cors import CorsAnswer, CorsAnswers, Kind
from readiness_kit.verdict import (
    Cause,
    Check,
    Finding,
    fails,
    holds,
    holds_weakly,
    judges,
    not_seen,
)

METHODS = {"GET", "POST", "OPTIONS"}
"""Methods of the checklist; HEAD is safe-listed by browsers anyway (Fetch 2.2.1)."""

OVERLOAD = (429, 500, 502, 503, 504)


@judges("only_listed_origins", "preflight_limited")
def judge(cors: CorsAnswers) -> Iterator[Finding]:
    """Judge who is allowed, then what a preflight allows."""
    yield _origins(cors)
    yield _preflights(cors)


def _origins(cors: CorsAnswers) -> Finding:
    claim = "only_listed_origins"
    names = ", ".join(cors.listed) or "nobody"
    want = f"allowed: {names}; every other origin gets no Access-Control-Allow-Origin of its own"
    seen = [CorsAnswers.at("/answers")]
    repeat = f"curl -si {cors.url} -H 'Origin: https://readiness-kit.invalid'"
    listed = [one for one in cors.answers if one.kind == "listed"]
    others = [one for one in cors.answers if one.kind != "listed"]
    open_to_all = [one for one in cors.answers if "*" in one.allow_origin]
    echoed = [one for one in others if one.origin in one.allow_origin]
    credentials = cors.takes_credentials or any(one.allow_credentials for one in open_to_all)
    if echoed or (open_to_all and credentials):
        got = f"allowed: {_names(echoed or open_to_all)}"
        got += "" if echoed else " by `*`, on a service that takes credentials"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    unclear = _unclear(cors, cors.answers)
    if unclear:
        return not_seen(claim, Cause.COULD_NOT_ASK, got=unclear, want=want, seen=seen)
    refused = [one for one in listed if one.allow_origin not in ((one.origin,), ("*",))]
    if refused:
        got = f"a listed origin is not allowed: {_names(refused)}"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    advice = list(_weaknesses(cors, listed, others))
    got = f"{len(listed)} answers to listed, {len(others)} to unlisted origins; as wanted"
    if advice:
        return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)
    return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _weaknesses(
    cors: CorsAnswers, listed: list[CorsAnswer], others: list[CorsAnswer]
) -> Iterator[str]:
    if any("*" in one.allow_origin for one in cors.answers):
        yield "`*` allows every site: name the origins that need it (OWASP REST Security)"
    elif any(not one.vary_origin for one in listed):
        yield "send `Vary: Origin`, or a shared cache hands one origin's answer to another (Fetch)"
    if any(one.allow_origin and "*" not in one.allow_origin for one in others):
        yield "send no Access-Control-Allow-Origin to origins that are not allowed (Fetch)"


def _preflights(cors: CorsAnswers) -> Finding:
    claim = "preflight_limited"
    allowed = {*cors.listed_headers, "accept", "accept-language", "content-language"}
    want = f"methods within {_list(METHODS)}; headers within {_list(cors.listed_headers)}"
    seen = [CorsAnswers.at("/answers")]
    repeat = (
        f"curl -si -X OPTIONS {cors.url} -H 'Origin: {next(iter(cors.listed), 'https://a.example')}'"
        f" -H 'Access-Control-Request-Method: {cors.unlisted_method}'"
    )
    kind: Kind = "listed" if cors.listed else "foreign"
    answers = [one for one in cors.answers if one.kind == kind and one.preflight]
    open_door = [one for one in answers if one.allow_origin] if not cors.listed else answers
    methods = {method for one in open_door for method in one.allow_methods}
    headers = {name for one in open_door for name in one.allow_headers}
    too_much = (methods - METHODS - {"HEAD"}) | (headers & {"*", cors.unlisted_header})
    if too_much:
        got = f"allowed: {', '.join(sorted(too_much))}"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    if not cors.listed and open_door:
        got = "no origin is declared, yet a preflight allows one"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    unclear = _unclear(cors, answers) or _not_asked(cors, answers)
    if unclear:
        return not_seen(claim, Cause.COULD_NOT_ASK, got=unclear, want=want, seen=seen)
    dead = [one for one in answers if cors.listed and not _works(one, cors)]
    if dead:
        got = f"no useful answer to a preflight of a listed origin: {_names(dead)}"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    got = f"{len(answers)} preflights allow {_list(methods)}; {_list(headers)}"
    extra = sorted(headers - allowed) + sorted(methods & {"HEAD"})
    if extra:
        advice = [
            f"no declared operation needs {', '.join(extra)}: allow less (OWASP REST Security)"
        ]
        return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)
    return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _works(answer: CorsAnswer, cors: CorsAnswers) -> bool:
    """Whether a browser could go on, where it asked for nothing beyond what is listed."""
    honest = answer.asked_method != cors.unlisted_method
    honest = honest and cors.unlisted_header not in answer.asked_headers
    if not honest:
        return True
    method = answer.asked_method in {*answer.allow_methods, "GET", "POST", "HEAD"}
    headers = set(answer.asked_headers) & set(cors.listed_headers) <= set(answer.allow_headers)
    return answer.status in (200, 204) and method and headers and bool(answer.allow_origin)


def _unclear(cors: CorsAnswers, answers: Iterable[CorsAnswer]) -> str:
    """Return why nothing can be said, or nothing."""
    if not 200 <= cors.control_status < 300:
        return f"the same request without an Origin was answered {cors.control_status}"
    if not any(one.kind != "listed" for one in cors.answers):
        return "no unlisted origin was tried"
    if {one.origin for one in cors.answers if one.kind == "listed"} < set(cors.listed):
        return "not every listed origin was tried"
    silent = [one for one in answers if one.status <= 0 or one.status in OVERLOAD]
    return f"no clear answer: {_names(silent)}" if silent else ""


def _not_asked(cors: CorsAnswers, answers: list[CorsAnswer]) -> str:
    asked = {one.asked_method for one in answers}, {h for one in answers for h in one.asked_headers}
    whole = cors.unlisted_method in asked[0] and cors.unlisted_header in asked[1]
    return "" if whole else "no preflight asked for an unlisted method and an unlisted header"


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "nothing"


def _names(answers: Iterable[CorsAnswer]) -> str:
    return ", ".join(sorted({f"{one.origin} ({one.status})" for one in answers}))


APP = "https://app.example.com"


def _answer(kind: Kind, origin: str, method: str = "", *names: str) -> CorsAnswer:
    answer = CorsAnswer(
        address="192.0.2.1:443",
        origin=origin,
        kind=kind,
        preflight=bool(method),
        asked_method=method,
        asked_headers=names,
        status=204 if method else 200,
    )
    if kind != "listed":
        return answer
    return replace(
        answer,
        allow_origin=(origin,),
        vary_origin=True,
        allow_methods=("GET", "POST", "OPTIONS"),
        allow_headers=("content-type", "authorization"),
    )


GOOD = CorsAnswers(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
    url="https://api.example.com/graphql",
    listed=(APP,),
    listed_headers=("content-type", "authorization"),
    takes_credentials=True,
    control_status=200,
    unlisted_method="PATCH",
    unlisted_header="x-unlisted",
    answers=(
        _answer("listed", APP, "POST", "content-type", "authorization"),
        _answer("listed", APP, "PATCH", "content-type"),
        _answer("listed", APP, "POST", "x-unlisted"),
        _answer("listed", APP),
        _answer("foreign", "https://evil.example", "POST", "content-type"),
        _answer("foreign", "https://evil.example"),
        _answer("null", "null"),
        _answer("suffixed", f"{APP}.evil.example"),
    ),
)


def _all(fact: CorsAnswers, **changes: object) -> CorsAnswers:
    return fact.replace(answers=tuple(replace(one, **changes) for one in fact.answers))


def echo_everyone(fact: CorsAnswers) -> CorsAnswers:
    """Whoever asks is allowed."""
    answers = (replace(one, allow_origin=(*one.allow_origin, one.origin)) for one in fact.answers)
    return fact.replace(answers=tuple(answers))


def allow_every_header(fact: CorsAnswers) -> CorsAnswers:
    """Preflights allow every header."""
    return _all(fact, allow_headers=("*",))


def allow_delete(fact: CorsAnswers) -> CorsAnswers:
    """Preflights allow a method nobody listed."""
    return _all(fact, allow_methods=("GET", "POST", "DELETE"))


def forget_vary(fact: CorsAnswers) -> CorsAnswers:
    """Caches are not told that the answer depends on the origin."""
    return _all(fact, vary_origin=False)


def lose_control(fact: CorsAnswers) -> CorsAnswers:
    """The request without an origin fails as well."""
    return fact.replace(control_status=503)


def go_silent(fact: CorsAnswers) -> CorsAnswers:
    """Nothing answers."""
    return _all(fact, status=0, allow_origin=(), allow_methods=(), allow_headers=())


def forget_answers(fact: CorsAnswers) -> CorsAnswers:
    """Nothing was asked."""
    return fact.replace(answers=())


CHECK = Check(
    (judge,),
    remedy="nginx: map $http_origin to itself for each allowed origin and to nothing otherwise, "
    "send it as Access-Control-Allow-Origin with `Vary: Origin`; answer OPTIONS with 204.",
    references=(
        "WHATWG Fetch: CORS protocol",
        "OWASP REST Security Cheat Sheet: CORS",
    ),
    good=(GOOD,),
    worsen=(
        echo_everyone,
        allow_every_header,
        allow_delete,
        forget_vary,
        lose_control,
        go_silent,
        forget_answers,
    ),
    thresholds={
        "only_listed_origins": "listed origins echoed exactly, with Vary: Origin; no other allowed",
        "preflight_limited": "200 or 204; GET, POST, OPTIONS and the declared headers only",
    },
)
