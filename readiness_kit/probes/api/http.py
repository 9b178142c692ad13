"""Asks the public face over plain HTTP, and reads the security headers of every kind of answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NamedTuple

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.http import AnswerHeaders, HeaderAnswer, PlainAnswer, PlainHttp
from readiness_kit.sources import Address, Visit, source
from readiness_kit.target import Api, origin

KEPT = (
    "content-security-policy",
    "content-security-policy-report-only",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
)
"""Headers that are kept; the rest of an answer is nobody's business."""

CHEAP_QUERY = "{ __typename }"
"""Asks a GraphQL server for nothing that costs it anything."""

ERROR = (httpx.HTTPError, httpx.InvalidURL, OSError)


class Ask(NamedTuple):
    """One request of a fixed set."""

    method: str
    path: str
    json: dict[str, str] | None = None
    content: bytes | None = None


def cheap(api: Api, query: str = CHEAP_QUERY) -> Ask:
    """Return the cheapest honest request: a trivial query, or the health page of a REST service."""
    if api.kind == "rest":
        return Ask("GET", api.health)
    return Ask("POST", api.graphql, json={"query": query})


def bearer(visit: Visit) -> dict[str, str]:
    """Return the authorization header of the declared token, nothing when none is declared."""
    target = visit.target
    if target.auth.token is None and not target.identities:
        return {}
    return {"authorization": f"Bearer {visit.token}"}


@source(
    effect="read", asks="per address: 3 requests over plain HTTP, 1 over HTTPS", deadline_s=20.0
)
def plain_http(visit: Visit) -> PlainHttp:
    """Return what plain HTTP answers, redirects not followed."""
    scheme, host, port = origin(visit.api.url)
    url = visit.api.http_url or (visit.api.url if scheme == "http" else f"http://{host}:80")
    return PlainHttp(
        url=url,
        host=host,
        https_port=port,
        https_answered=_answers_over_tls(visit),
        answers=tuple(
            answer for one in visit.addresses(url) for answer in _plain_answers(visit, url, one)
        ),
        observed_at=datetime.now(UTC),
    )


def _answers_over_tls(visit: Visit) -> bool:
    if origin(visit.api.url)[0] != "https":
        return False
    try:
        with visit.client(visit.api.url) as client:
            return client.get(visit.api.health).status_code > 0
    except ERROR:
        return False


def _plain_answers(visit: Visit, url: str, address: Address) -> Iterator[PlainAnswer]:
    query = cheap(visit.api)
    with visit.client(url, address=address) as client:
        for ask in (Ask("GET", "/"), Ask("GET", visit.api.health), query):
            yield _plain(client, address, ask)


def _plain(client: httpx.Client, address: Address, ask: Ask) -> PlainAnswer:
    try:
        response = client.request(ask.method, ask.path, json=ask.json)
    except ERROR as error:
        return PlainAnswer(
            address=str(address),
            method=ask.method,
            path=ask.path,
            outcome="port_closed" if _refused(error) else "unanswered",
            detail=type(error).__name__,
        )
    return PlainAnswer(
        address=str(address),
        method=ask.method,
        path=ask.path,
        outcome="answered",
        status=response.status_code,
        location=response.headers.get("location", ""),
        hsts=tuple(response.headers.get_list("strict-transport-security")),
    )


def _refused(error: BaseException | None) -> bool:
    """Whether a connection was refused: httpx keeps the reason in the chain of causes."""
    while error is not None:
        if isinstance(error, ConnectionRefusedError):
            return True
        error = error.__cause__ or error.__context__
    return False


@source(
    effect="read",
    asks="per address: 8 requests for answers of every kind (200, 204, 400, 404, 405)",
    deadline_s=30.0,
)
def answer_headers(visit: Visit) -> AnswerHeaders:
    """Return the security headers of answers of every kind, at every address."""
    url = visit.api.url
    addresses = visit.addresses(url)
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = tuple(pool.map(lambda one: tuple(_headers(visit, url, one)), addresses))
    answers = tuple(answer for part in found for answer in part)
    if not any(one.status for one in answers):
        raise NotSeen(f"{url} gave no answer: {answers[0].detail}", hint="check api.url and api.ca")
    return AnswerHeaders(url=url, answers=answers, observed_at=datetime.now(UTC))


def _headers(visit: Visit, url: str, address: Address) -> Iterator[HeaderAnswer]:
    with visit.client(url, address=address, headers=bearer(visit)) as client:
        for ask in _every_kind(visit):
            yield _kept(client, address, ask)


def _every_kind(visit: Visit) -> Iterator[Ask]:
    """Yield requests whose answers come from different hands: service, proxy, error pages."""
    api = visit.api
    yield cheap(api)
    yield Ask("GET", api.health)
    yield Ask("GET", api.ready)
    yield Ask("GET", f"/readiness-kit-{visit.run_id}")
    yield Ask("PATCH", api.health)
    yield Ask("OPTIONS", cheap(api).path)
    if api.kind == "rest" and visit.target.auth.protected:
        yield Ask("GET", visit.target.auth.protected)
    if api.kind == "graphql":
        yield Ask("GET", api.graphql)
        yield Ask("POST", api.graphql, content=b"{")


def _kept(client: httpx.Client, address: Address, ask: Ask) -> HeaderAnswer:
    detail = ""
    try:
        if ask.content is None:
            response = client.request(ask.method, ask.path, json=ask.json)
        else:
            kind = {"content-type": "application/json"}
            response = client.request(ask.method, ask.path, content=ask.content, headers=kind)
    except ERROR as error:
        response, detail = httpx.Response(0), type(error).__name__
    sent = {name: tuple(response.headers.get_list(name)) for name in KEPT}
    return HeaderAnswer(
        address=str(address),
        method=ask.method,
        path=ask.path,
        status=response.status_code,
        headers={name: values for name, values in sent.items() if values},
        detail=detail,
    )
