"""Sends a text, a list and a body that are too large, one at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLSchema,
    get_named_type,
)

from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.refusals.input_validation import OversizedInput, OversizedTry, Size, Stored
from readiness_kit.probes.api.graphql import Json, ask, bearer
from readiness_kit.probes.api.http import CHEAP_QUERY
from readiness_kit.probes.api.schema import Step, known_schema, leaf_of, nullable
from readiness_kit.probes.refusals.cases import query_of, suitable
from readiness_kit.probes.refusals.writes import Writes, declared_write, spot_of_mark
from readiness_kit.sources import Visit, source

LONG_TEXT = 1_000_000
LONG_LIST = 10_000

PATIENCE_S = 6.0
"""A little longer than an answer may take, so that a late one is seen to be late."""

_RESETS = ("ReadError", "WriteError", "RemoteProtocolError")
"""How a connection ends that is closed in the middle of a request."""


class _Large(NamedTuple):
    """A query with one value that is too large."""

    place: str
    document: str
    values: dict[str, Json]


@source(
    effect="canary",
    asks="a text of 1 MB, a list of 10,000, a body over the limit, each once; 1 marked write, "
    "removed again; the schema",
    deadline_s=60,
    exclusive=("rows",),
)
def oversized_input(visit: Visit) -> OversizedInput:
    """Send what is too large, then something small.

    Raises:
        NotSeen: The target is not GraphQL, or its schema is not known.

    """
    known = known_schema(visit)
    written, stored = _writes(visit, known.schema)
    tries = {one.size: one for one in written}
    for size in ("text", "list"):
        large = None if size in tries else _query(known.schema, size)
        if large is not None:
            n = LONG_TEXT if size == "text" else LONG_LIST
            answer = _ask(visit, large.document, large.values)
            tries[size] = _tried(size, large.place, n, answer)
    limit = visit.target.input.max_body_bytes
    answer = _ask(visit, f"#{'a' * limit}\n{CHEAP_QUERY}", {})
    tries["body"] = _tried("body", "", limit + 1, answer)
    return OversizedInput(
        origin=known.origin,
        max_body_bytes=limit,
        control=_ask(visit, CHEAP_QUERY, {}),
        tries=tuple(tries.values()),
        takes=tuple(_takes(known.schema)),
        stored=stored,
        observed_at=datetime.now(UTC),
    )


def _writes(visit: Visit, schema: GraphQLSchema) -> tuple[list[OversizedTry], Stored | None]:
    """Put a text that is too long where the mark of the declared write goes."""
    canary = declared_write(visit)
    if canary is None:
        return [], None
    spot, writes = spot_of_mark(schema, canary.write), Writes(visit, canary)
    tries = []
    stored = None
    try:
        if _is_text(spot.kind):
            long = writes.new_mark().ljust(LONG_TEXT, "a")
            answer = writes.send(canary.write, long, timeout_s=PATIENCE_S).answer
            tries.append(_tried("text", spot.place, LONG_TEXT, answer))
    finally:
        stored = writes.finish()
    return tries, stored


def _tried(size: Size, place: str, n: int, answer: GraphqlAnswer) -> OversizedTry:
    reset = answer.status is None and answer.reason.startswith(_RESETS)
    return OversizedTry(size=size, place=place, n=n, answer=answer, reset=reset)


def _ask(visit: Visit, document: str, values: dict[str, Json]) -> GraphqlAnswer:
    headers = bearer(visit.token)
    with visit.client(visit.api.url, headers=headers, timeout_s=PATIENCE_S) as client:
        return ask(client, visit.api.graphql, document, values).answer


def _query(schema: GraphQLSchema, size: Size) -> _Large | None:
    """Return a query whose argument is too large a text or list, nothing when none takes one."""
    fits = _is_text if size == "text" else _is_list
    for name, field in schema.query_type.fields.items() if schema.query_type else ():
        large = next((key for key, one in field.args.items() if fits(one.type)), None)
        values = {key: suitable(one.type, None, None) for key, one in field.args.items()}
        if large is None or values[large] is None:
            continue
        several = values[large]
        entry = several[0] if isinstance(several, list) else None
        values[large] = "a" * LONG_TEXT if size == "text" else [entry] * LONG_LIST
        document = query_of(name, field.args, leaf_of(Step("Query", name, field).below))
        return _Large(f"Query.{name}.{large}", document, values)
    return None


def _takes(schema: GraphQLSchema) -> Iterator[Size]:
    """Yield what callers may send: texts, lists, and always a body."""
    kinds = list(_inputs(schema))
    if any(map(_is_text, kinds)):
        yield "text"
    if any(map(_is_list, kinds)):
        yield "list"
    yield "body"


def _inputs(schema: GraphQLSchema) -> Iterator[GraphQLInputType]:
    for root in (schema.query_type, schema.mutation_type):
        for field in root.fields.values() if root else ():
            for argument in field.args.values():
                yield argument.type
                kind = get_named_type(argument.type)
                if isinstance(kind, GraphQLInputObjectType):
                    yield from (one.type for one in kind.fields.values())


def _is_text(kind: object) -> bool:
    return str(nullable(kind)) == "String"


def _is_list(kind: object) -> bool:
    return isinstance(nullable(kind), GraphQLList)
