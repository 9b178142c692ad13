"""Send harmless payloads of SQL injection in arguments that take a text, one at a time.

They read nothing and change nothing: one that were executed would add a condition, end the
statement, or make the database sleep for two seconds.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from graphql import GraphQLField, GraphQLScalarType, GraphQLSchema

from readiness_kit.errors import NotSeen
from readiness_kit.facts.injection import Injection, InjectionAttempts, Shape
from readiness_kit.probes.errors_seen import internals, planted
from readiness_kit.probes.graphql import Json, Reply
from readiness_kit.probes.input_cases import Operation, operations
from readiness_kit.probes.input_writes import Writes, declared_write
from readiness_kit.probes.marked import Caller, alive
from readiness_kit.probes.schema import known_schema, nullable
from readiness_kit.sources import Visit, source

SLEEP_S = 2.0
PAYLOADS = {
    "always true": "' OR '1'='1",
    "comment": "'); --",
    "union": "' UNION SELECT NULL --",
    "sleep inside": f"' || pg_sleep({SLEEP_S:g}) || '",
    "sleep after": f"'; SELECT pg_sleep({SLEEP_S:g}); --",
    "identifier": '" OR ""="',
}
SLEEPY = frozenset({"sleep inside", "sleep after"})
PLAIN = "readiness kit plain value"
MOST_ARGUMENTS = 5
TIMEOUT_S = 8.0

_NO_TEXT = frozenset({"Int", "Float", "Boolean"})

Send = Callable[[str], Reply]


class Place(NamedTuple):
    """One argument that takes a text, and how a value is sent in it."""

    name: str
    send: Send

    field: str = ""
    """Field that must be in an answer's data; a mutation's is not known."""


@source(
    effect="canary",
    asks="7 requests for each of 5 arguments, and 7 marked writes with their undoing",
    deadline_s=60,
)
def injection_attempts(visit: Visit) -> InjectionAttempts:
    """Try each payload against a plain value, a delay twice.

    Raises:
        NotSeen: The target is not GraphQL, tells no schema, or no argument takes a text.

    """
    schema = known_schema(visit).schema
    caller = Caller(visit, visit.addresses(visit.api.url)[0], "")
    canary = declared_write(visit)
    writes = Writes(visit, canary) if canary is not None else None
    places = list(_places(schema, caller))
    tried = places[:MOST_ARGUMENTS]
    if canary is not None and writes is not None:
        tried.append(Place("write", _sender(writes, canary.write)))
    if not tried:
        raise NotSeen("no argument of the schema takes a text", hint="declare cache.canary.write")
    before = alive(visit, caller)
    attempts = [one for place in tried for one in _attempts(place)]
    after = alive(visit, caller)
    return InjectionAttempts(
        payloads=PAYLOADS,
        attempts=tuple(attempts),
        arguments_left_out=len(places) - len(places[:MOST_ARGUMENTS]),
        writes_untried=writes is None and bool(schema.mutation_type),
        rows_left=writes.finish().left if writes is not None else 0,
        controls=tuple(one is not None and one.answered for one in (before, after)),
        planted=planted(),
        observed_at=datetime.now(UTC),
    )


def _sender(writes: Writes, document: str) -> Send:
    return lambda value: writes.send(document, f"{writes.new_mark()} {value}", timeout_s=TIMEOUT_S)


def _places(schema: GraphQLSchema, caller: Caller) -> Iterator[Place]:
    root = schema.query_type
    for one in operations(schema, {}, PLAIN):
        field = root.fields[one.name] if root is not None else None
        for argument in _texts(field) if field is not None else ():
            asker = _asker(caller, one, argument)
            yield Place(f"Query.{one.name}.{argument}", asker, one.name)


def _texts(field: GraphQLField) -> Iterator[str]:
    """Yield the arguments of *field* that take a text: String, ID, scalars of the service's own."""
    for name, one in field.args.items():
        inner = nullable(one.type)
        if isinstance(inner, GraphQLScalarType) and inner.name not in _NO_TEXT:
            yield name


def _asker(caller: Caller, one: Operation, argument: str) -> Send:
    def send(value: str) -> Reply:
        values: dict[str, Json] = {**one.values, argument: value}
        return caller.ask(one.document, values, timeout_s=TIMEOUT_S)

    return send


def _attempts(place: Place) -> Iterator[Injection]:
    control = _shape(place, PLAIN)
    for name, payload in PAYLOADS.items():
        sleeps_s = SLEEP_S if name in SLEEPY else 0.0
        answer = _shape(place, payload)
        if sleeps_s and answer.elapsed_ms > control.elapsed_ms + sleeps_s * 500:
            again = _shape(place, payload)  # a busy machine is slow once
            answer = min(answer, again, key=lambda one: one.elapsed_ms)
        yield Injection(
            place=place.name, payload=name, sleeps_s=sleeps_s, control=control, answer=answer
        )


def _shape(place: Place, value: str) -> Shape:
    """Send *value*; an answer to another question has no form."""
    reply = place.send(value)
    answer = reply.answer
    other = bool(place.field and reply.data) and place.field not in reply.data
    return Shape(
        status=answer.status,
        form=f"{form(reply.data)}, {len(answer.errors)} errors"
        if not (answer.reason or other)
        else "",
        signs=tuple(one.kind for one in internals(reply.body.decode("utf-8", "replace"))),
        elapsed_ms=answer.elapsed_ms,
    )


def form(value: Json) -> str:
    """Return names, types and lengths of *value*.

    >>> form({"posts": [{"id": "7"}, {"id": "8"}], "me": None})
    '{posts: 2 x {id: str}, me: null}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {form(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"{len(value)} x {form(value[0])}" if value else "0"
    return "null" if value is None else type(value).__name__
