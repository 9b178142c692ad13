"""Asks GraphQL questions, and whether strangers can explore the API."""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.graphql import Exploration, ExplorationPage, GraphqlAnswer
from readiness_kit.sources import Address, Visit, source
from readiness_kit.target import Api, Secret

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Scalars = Mapping[str, str | int | float | bool | None]

INTROSPECTION = "query Explore { __schema { queryType { name } types { name kind } } }"
PAGES = ("/docs", "/redoc", "/openapi.json", "/graphiql", "/playground", "/altair", "/voyager")
TOOLS = (
    "swagger-ui",
    "redoc",
    "graphiql",
    "graphql-playground",
    "graphql playground",
    "apollo-sandbox",
    "embeddable-sandbox",
    "altair",
    "voyager",
    '"openapi"',
    '"swagger"',
)
"""Words in the first part of a page that give an interactive tool or an API description away."""

_LOOKED_AT = 20_000
_LONGEST_MESSAGE = 120
_LONGEST_CODE = 40


class Reply(NamedTuple):
    """An answer, and the data it came with."""

    answer: GraphqlAnswer
    data: dict[str, Json]
    body: bytes


def bearer(token: str | Secret | None) -> dict[str, str]:
    """Return the header that carries *token*, none for nobody."""
    if isinstance(token, Secret):
        token = token.reveal()
    return {"authorization": f"Bearer {token}"} if token else {}


def plain_queries(visit: Visit) -> tuple[str, ...]:
    """Return the declared queries without variables, which the valid token must be able to ask.

    Raises:
        NotSeen: The target is not GraphQL, or declares no such query.

    """
    if visit.api.kind != "graphql":
        raise NotSeen("the service does not speak GraphQL", cause="not_configured")
    smoke = (one.query for one in visit.target.smoke if not one.variables)
    queries = tuple(
        one for one in (visit.target.auth.protected, *smoke) if one and not changes(one)
    )
    if not queries:
        raise NotSeen(
            "readiness.yaml declares no query to ask",
            cause="not_configured",
            hint="add auth.protected, a query that needs a token and no variables",
        )
    return queries


def plain_query(visit: Visit) -> str:
    """Return the first declared query that is answered now, or else the first of all.

    Raises:
        NotSeen: The target is not GraphQL, or declares no such query.

    """
    queries = plain_queries(visit)
    if len(queries) == 1:
        return queries[0]
    with visit.client(visit.api.url, headers=bearer(visit.token)) as client:
        asked = (one for one in queries if ask(client, visit.api.graphql, one).answer.answered)
        return next(asked, queries[0])


def changes(query: str) -> bool:
    """Tell whether a document is a mutation, or may be one."""
    return "mutation" in query


def ask(
    client: httpx.Client,
    path: str,
    query: str,
    variables: Mapping[str, Json] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send one operation on *client*; whatever happens is a value."""
    url = client.base_url
    where = f"{url.host}:{url.port}" if url.port else url.host
    body: dict[str, object] = {"query": query}
    if variables:
        body["variables"] = dict(variables)
    began = time.monotonic()
    try:
        response = client.post(path, json=body, headers=dict(headers or {}))
        raw, status = response.content, response.status_code
    except (httpx.HTTPError, NotSeen) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        elapsed_ms = round((time.monotonic() - began) * 1000, 1)
        lost = GraphqlAnswer(address=where, status=None, elapsed_ms=elapsed_ms, reason=reason)
        return Reply(lost, {}, b"")
    elapsed_ms = round((time.monotonic() - began) * 1000, 1)
    data, errors, reason = read_body(raw)
    answer = GraphqlAnswer(
        address=where,
        status=status,
        filled=tuple(name for name, value in data.items() if value is not None),
        empty=tuple(name for name, value in data.items() if value is None),
        errors=errors,
        elapsed_ms=elapsed_ms,
        reason=reason,
    )
    return Reply(answer, data, raw)


def read_body(raw: bytes) -> tuple[dict[str, Json], tuple[str, ...], str]:
    """Return data, error messages, and why it is no GraphQL answer.

    >>> read_body(b'{"data": null, "errors": [{"message": "no"}]}')
    ({}, ('no',), '')
    >>> read_body(b"<html>")[2]
    'the body is not a JSON object'
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return {}, (), "the body is not a JSON object"
    data, errors = body.get("data"), body.get("errors")
    listed = errors if isinstance(errors, list) else [errors] if errors is not None else []
    messages = tuple(_message(one) for one in listed[:3])
    if not messages and not isinstance(data, dict):
        return {}, (), "the body has neither data nor errors"
    return (data if isinstance(data, dict) else {}), messages, ""


def _message(error: Json) -> str:
    """Return the message, and the code that many servers put beside it."""
    if not isinstance(error, dict):
        return str(error)[:_LONGEST_MESSAGE]
    more = error.get("extensions")
    code = more.get("code") if isinstance(more, dict) else None
    text = str(error.get("message"))[:_LONGEST_MESSAGE]
    return f"{text} ({code[:_LONGEST_CODE]})" if isinstance(code, str) else text


@source(effect="read", asks="3 GraphQL queries and 9 GET per address", deadline_s=20)
def exploration(visit: Visit) -> Exploration:
    """Ask for the schema as a stranger and as a caller, and for the pages of known tools.

    A service that does not speak GraphQL is asked for the pages alone.
    """
    addresses = visit.addresses(visit.api.url)
    rounds = [_introspect(visit, one) for one in addresses] if visit.api.kind == "graphql" else []
    with ThreadPoolExecutor(min(8, len(addresses))) as pool:
        pages = [
            page for found in pool.map(lambda one: _pages(visit, one), addresses) for page in found
        ]
    return Exploration(
        observed_at=datetime.now(UTC),
        controls=tuple(control for control, _, _ in rounds),
        anonymous=tuple(stranger for _, stranger, _ in rounds),
        ordinary=tuple(caller for _, _, caller in rounds),
        pages=tuple(pages),
    )


def _introspect(visit: Visit, address: Address) -> tuple[GraphqlAnswer, ...]:
    """Return the answers to a plain query, and to introspection by a stranger and by a caller."""
    query, token, path = plain_query(visit), bearer(visit.token), visit.api.graphql
    with visit.client(visit.api.url, address=address) as client:
        control = ask(client, path, query, headers=token).answer
        stranger = ask(client, path, INTROSPECTION).answer
        return control, stranger, ask(client, path, INTROSPECTION, headers=token).answer


def _pages(visit: Visit, address: Address) -> list[ExplorationPage]:
    html = {"accept": "text/html,application/json;q=0.5"}
    with visit.client(visit.api.url, address=address, headers=html) as client:
        return list(_ask_pages(client, address, tuple(_page_paths(visit.api))))


def _page_paths(api: Api) -> Iterator[str]:
    """Yield where pages may lie: at the root, beside the endpoint, and at the endpoint itself."""
    yield from PAGES
    beside = api.graphql.rpartition("/")[0]
    yield from (beside + page for page in PAGES if beside)
    yield api.graphql


def _ask_pages(
    client: httpx.Client, address: Address, paths: tuple[str, ...]
) -> Iterator[ExplorationPage]:
    for path in paths:
        status, text, reason = None, "", ""
        try:
            answer = client.get(path)
            status, text = answer.status_code, answer.text[:_LOOKED_AT]
        except (httpx.HTTPError, NotSeen) as error:
            reason = f"{type(error).__name__}: {error}"[:200]
        yield ExplorationPage(
            address=str(address), path=path, status=status, shows=_kind(text), reason=reason
        )


def _kind(text: str) -> Literal["tool", "html", "other"]:
    low = text.lower()
    if any(tool in low for tool in TOOLS):
        return "tool"
    return "html" if "<html" in low or "<!doctype html" in low else "other"
