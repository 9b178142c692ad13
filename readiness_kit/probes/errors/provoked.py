"""Provokes errors, and looks at what they give away."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NamedTuple

import httpx
import psutil

from readiness_kit.errors import NotSeen
from readiness_kit.facts.errors.seen import (
    CrashAnswer,
    CrashSeen,
    Internal,
    Provocation,
    ProvokedErrors,
)
from readiness_kit.probes.api.graphql import bearer, changes, plain_query, read_body
from readiness_kit.probes.errors.tracker import listing
from readiness_kit.probes.logs.lines import Tail
from readiness_kit.sources import Address, Visit, source

TIMEOUT_S = 5.0
"""A fault is to be answered within this time."""

LOG_WAIT_S = 10.0
"""How long a trace may take to reach the log."""

OVERSIZE_BYTES = 2_000_000
LONG_HEADER_BYTES = 70_000
_EXCERPT = 80

REST_NOT_ASKED = ("malformed JSON",)
"""A resource that takes a body may change by one, however faulty it is."""

SIGNS = {
    "stack": re.compile(
        r"Traceback \(most recent call last\)|File \"[^\"]{1,200}\", line \d+"
        r"|\bat [\w$.<>]{1,80} ?\([\w./-]{1,80}:\d+(?::\d+)?\)|goroutine \d+ \["
        r"|stack ?trace|\"stacktrace\""
    ),
    "path": re.compile(
        r"(?<![\w:/.])/(?:home|usr|var|opt|srv|root|etc)/[\w./-]{2,}"
        r"|(?<![\w:/.])/(?:app|code|workspace|tmp)/[\w./-]*\.(?:py|js|ts|rb|go|java|php)\b"
        r"|site-packages|[A-Z]:\\\\?(?:Users|inetpub)"
    ),
    "sql": re.compile(
        r"\bSELECT\b.{1,200}?\bFROM\b|\bINSERT INTO\b|\bUPDATE \S{1,80} SET\b|\bDELETE FROM\b"
        r"|\bDETAIL: |\bSQLSTATE\b|psycopg|asyncpg|sqlalchemy"
        r"|(?i:syntax error at or near|(?:relation|column) [\\\"\w.]+ does not exist"
        r"|(?:limit|offset) must not be negative|invalid input syntax for type"
        r"|near \"[^\"]{0,40}\": syntax error|unrecognized token: |error in your SQL syntax"
        r"|no such (?:table|column): |ORA-\d{5}|unclosed quotation mark after"
        r"|unnamed portal parameter|sql function [\\\"]|violates [\w-]+ constraint"
        r"|duplicate key value|deadlock detected|canceling statement due to)",
        re.DOTALL,
    ),
    "exception": re.compile(
        r"\b[A-Z]\w*(?:Error|Exception)\b: |maximum recursion depth exceeded"
        r"|object has no attribute|NoneType"
    ),
    "debugger": re.compile(r"Werkzeug|EVALEX|DJANGO_SETTINGS|X-Debug-\w+|__debugger__"),
}
"""What must never reach a caller."""

PLANTED = {
    "stack": 'Traceback (most recent call last):\n  File "/app/main.py", line 3, in f',
    "path": "cannot open /usr/lib/python3/site-packages/x.py",
    "sql": "SELECT data FROM tb_user WHERE id = 1",
    "exception": "ValueError: boom",
    "debugger": "Werkzeug Debugger",
}
_REQUEST_ID_HEADERS = ("x-request-id", "x-correlation-id", "x-trace-id", "traceparent")
_REQUEST_ID_KEYS = ("request_id", "requestId", "correlationId", "traceId", "trace_id")
_WRONG: dict[type, tuple[tuple[str, str | int], ...]] = {
    int: (("text", "1'\"--"), ("too large a number", 2**63)),
}
_ODD: dict[type, tuple[tuple[str, str | int], ...]] = {
    int: (("a negative number", -1), ("the smallest number", -(2**31))),
    str: (("a NUL byte", "a\0b"), ("a quote", "'\"\\"), ("a long text", "a" * 5000)),
}
_DEBUG_ROUTES = ("/debug", "/__debug__", "/__debug__/", "/_debugbar", "/console")
_RELOAD = ("--reload", "--debug", "FLASK_DEBUG=1", "runserver")


class Fault(NamedTuple):
    """One faulty request."""

    name: str
    method: str
    path: str
    content: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


def internals(text: str) -> tuple[Internal, ...]:
    """Return the signs of the inside in *text*, one of each kind.

    >>> [one.kind for one in internals("ValueError: boom")]
    ['exception']
    >>> internals('{"message": "Internal server error"}')
    ()
    """
    found = ((kind, sign.search(text)) for kind, sign in SIGNS.items())
    return tuple(Internal(kind, match[0][:_EXCERPT]) for kind, match in found if match)


def planted() -> dict[str, bool]:
    """Return for each kind whether its planted sign is recognised."""
    return {kind: kind in {one.kind for one in internals(text)} for kind, text in PLANTED.items()}


@source(effect="canary", asks="about 20 faulty requests per address", deadline_s=40)
def provoked_errors(visit: Visit) -> ProvokedErrors:
    """Send faulty requests and ask for debug routes, at every address."""
    rest = visit.api.kind == "rest"
    right, token = _right(visit), bearer(visit.token)
    addresses = visit.addresses(visit.api.url)
    faults = tuple(_rest_faults(visit) if rest else _faults(visit))
    oddities = tuple(_rest_oddities(visit) if rest else _with_variables(visit, _ODD))
    debug = tuple(Fault(f"GET {path}", "GET", path) for path in _DEBUG_ROUTES)
    with ThreadPoolExecutor(8) as pool:
        controls, answers, odd, routes = (
            pool.map(
                lambda one: _send(visit, visit.api.url, one[0], one[1], token)[0],
                _each(addresses, asked),
            )
            for asked in ((right,), faults, oddities, debug)
        )
        seen, reloaders = _processes(visit)
        return ProvokedErrors(
            controls=tuple(controls),
            faults=tuple(answers),
            oddities=tuple(odd),
            not_asked=REST_NOT_ASKED if rest else (),
            debug_routes=tuple(routes),
            planted=planted(),
            processes_seen=seen,
            reloaders=reloaders,
            observed_at=datetime.now(UTC),
        )


def _each(addresses: tuple[Address, ...], faults: tuple[Fault, ...]) -> list[tuple[Address, Fault]]:
    return [(address, fault) for address in addresses for fault in faults]


def _right(visit: Visit) -> Fault:
    """Return a request that the service must answer."""
    if visit.api.kind == "rest":
        return Fault("correct request", "GET", visit.target.auth.protected or visit.api.health)
    return Fault("correct request", "POST", visit.api.graphql, _query(plain_query(visit)))


def _rest_faults(visit: Visit) -> Iterator[Fault]:
    """Yield faults that change nothing even where a service looks at neither method nor body."""
    yield Fault("unknown path", "GET", f"/no-such-path-{visit.run_id}")
    yield Fault("wrong method", "PATCH", visit.api.health)
    oversize = json.dumps({"readiness": "a" * OVERSIZE_BYTES}).encode()
    yield Fault("oversize body", "POST", visit.api.health, oversize)
    long = (("x-readiness-long", "a" * LONG_HEADER_BYTES),)
    yield Fault("header too long", "GET", visit.api.health, None, long)


def _rest_oddities(visit: Visit) -> Iterator[Fault]:
    """Yield the protected resource with parameters that nobody asked for."""
    for title, value in (("a quote", "%27%22--"), ("a NUL byte", "%00"), ("no text", "%FF%FE")):
        path = f"{_right(visit).path}?limit={value}&id={value}"
        yield Fault(f"{title} as limit and id", "GET", path)


def _faults(visit: Visit) -> Iterator[Fault]:
    path = visit.api.graphql
    yield Fault("unknown path", "GET", f"/no-such-path-{visit.run_id}")
    yield Fault("wrong method", "DELETE", path)
    yield Fault("malformed JSON", "POST", path, b'{"query": ')
    yield Fault("JSON of the wrong shape", "POST", path, b"[1, 2, 3]")
    yield Fault("no query", "POST", path, b"{}")
    yield Fault("GraphQL that does not parse", "POST", path, _query("query { "))
    yield Fault("unknown field", "POST", path, _query("{ noSuchFieldReadiness }"))
    yield Fault("wrong variables", "POST", path, _query("query Q($id: Int!) { __typename }"))
    yield from _with_variables(visit, _WRONG)
    yield Fault("bytes that are no text", "POST", path, b'{"query": "\xff\xfe"}')
    yield Fault("oversize body", "POST", path, _query("#" + "a" * OVERSIZE_BYTES))
    long = (("x-readiness-long", "a" * LONG_HEADER_BYTES),)
    yield Fault("header too long", "GET", visit.api.health, None, long)


def _with_variables(
    visit: Visit, values: dict[type, tuple[tuple[str, str | int], ...]]
) -> Iterator[Fault]:
    """Yield the declared queries, each variable in turn replaced by *values* for its type."""
    for one in visit.target.smoke:
        for name, value in () if changes(one.query) else one.variables.items():
            for title, odd in values.get(type(value), ()):
                content = _query(one.query, {**one.variables, name: odd})
                yield Fault(f"{title} as ${name} of {one.name}", "POST", visit.api.graphql, content)


def _query(
    query: str, variables: dict[str, str | int | float | bool | None] | None = None
) -> bytes:
    return json.dumps({"query": query, "variables": variables or {}}).encode()


def _send(
    visit: Visit, url: str, address: Address, fault: Fault, token: dict[str, str]
) -> tuple[Provocation, str]:
    """Return the answer to *fault* and the request id in it."""
    headers = dict((*token.items(), *fault.headers))
    if fault.content is not None:
        headers["content-type"] = "application/json"
    status, text, reference, body, reason = None, "", "", b"", ""
    began = time.monotonic()
    try:
        with visit.client(url, address=address, timeout_s=TIMEOUT_S) as client:
            began = time.monotonic()
            answer = client.request(
                fault.method, fault.path, content=fault.content, headers=headers
            )
            status, body = answer.status_code, answer.content
            text = "\n".join([*(f"{k}: {v}" for k, v in answer.headers.items()), answer.text])
            reference = request_id(answer)
    except (httpx.HTTPError, NotSeen) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
    elapsed_ms = round((time.monotonic() - began) * 1000, 1)
    data, errors, _ = read_body(body)
    rest = visit.api.kind == "rest" and status is not None and 200 <= status < 300
    seen = Provocation(
        name=fault.name,
        address=str(address),
        status=status,
        errors=bool(errors),
        data=any(value is not None for value in data.values()) or (rest and bool(body)),
        request_id=bool(reference),
        internals=internals(text),
        elapsed_ms=elapsed_ms,
        reason=reason,
    )
    return seen, reference


def request_id(answer: httpx.Response) -> str:
    """Return the request id in the headers or the body of *answer*, or nothing."""
    for name in _REQUEST_ID_HEADERS:
        if answer.headers.get(name):
            return str(answer.headers[name])[:100]
    keys = "|".join(_REQUEST_ID_KEYS)
    found = re.search(rf'"(?:{keys})"\s*:\s*"([\w.:-]{{1,100}})"', answer.text)
    return found[1] if found else ""


def _processes(visit: Visit) -> tuple[int, int]:
    """Return how many command lines were readable, and how many show a reloader."""
    seen = reloaders = 0
    for file in visit.target.application.process_ids:
        try:
            words = psutil.Process(int(file.read_text())).cmdline()
        except (OSError, ValueError, psutil.Error):
            continue
        seen += 1
        reloaders += any(word in _RELOAD for word in words)
    return seen, reloaders


@source(
    effect="canary",
    asks="1 request per instance that crashes on purpose, up to 13 GET of the error tracker",
    deadline_s=90,
)
def crash_seen(visit: Visit) -> CrashSeen:
    """Ask for the declared crash as administrator; look for its trace in the log and the tracker.

    Raises:
        NotSeen: No crash path, no administrator, or no log is declared.

    """
    path, admin = visit.api.crash_path, visit.target.identities.get("admin")
    if not path or admin is None:
        raise NotSeen(
            "readiness.yaml declares no way to provoke an unexpected error",
            cause="not_configured",
            hint="add api.crash_path and identities.admin, on staging",
        )
    fault, token = Fault("crash", "GET", path), bearer(admin)
    tracker = listing(visit)
    crashes = []
    for url in visit.api.instances or (visit.api.url,):
        for address in visit.addresses(url):
            tail = Tail(visit.target.logs)
            answer, reference = _send(visit, url, address, fault, token)
            crashes.append(_traced(visit, tail, answer, reference))
    return CrashSeen(
        crashes=tuple(crashes),
        logs_read=Tail(visit.target.logs).readable,
        planted=planted(),
        tracker=tracker.after(one.reference for one in crashes) if tracker else None,
        observed_at=datetime.now(UTC),
    )


def _traced(visit: Visit, tail: Tail, answer: Provocation, reference: str) -> CrashAnswer:
    began = time.monotonic()
    wait_s = min(LOG_WAIT_S, visit.remaining_s / 2) if tail.readable and answer.status else 0.0
    while True:
        lines = [line for line in tail.records() if SIGNS["stack"].search(line)]
        by_id = bool(reference) and any(reference in line for line in lines)
        waited_s = time.monotonic() - began
        if by_id or waited_s >= wait_s:
            break
        time.sleep(0.05)
    return CrashAnswer(
        answer=answer,
        reference=reference,
        traced_by_id=by_id,
        traced_by_time=bool(lines),
        waited_s=round(waited_s, 2),
    )
