"""Send harmless payloads of SQL injection in arguments that take a text, one at a time.

They read nothing and change nothing: one that were executed would add a condition, end the
statement, or make the database sleep for two seconds.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLScalarType,
    GraphQLSchema,
    is_required_argument,
    is_required_input_field,
)

from readiness_kit.errors import NotSeen
from readiness_kit.facts.refusals.injection import Injection, InjectionAttempts, Shape
from readiness_kit.probes.api.graphql import Json, Reply, changes
from readiness_kit.probes.api.marked import Caller, alive, root_fields
from readiness_kit.probes.api.schema import Step, known_schema, leaf_of, nullable
from readiness_kit.probes.errors.provoked import internals, planted
from readiness_kit.probes.refusals.cases import query_of, suitable
from readiness_kit.probes.refusals.writes import Writes, declared_write
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
WITHIN_INPUT = 2
"""Texts that are tried within one input object: its fields go one way into the statement."""

TIMEOUT_S = 8.0

_NO_TEXT = frozenset({"Int", "Float", "Boolean"})

Send = Callable[[str], Reply]
Wrap = Callable[[str], Json]
"""Puts a text where its argument wants it: as it is, in a list, or deep in an input object."""


class Place(NamedTuple):
    """One argument that takes a text, and how a value is sent in it."""

    name: str
    send: Send

    field: str = ""
    """Field that must be in an answer's data; a mutation's is not known."""


@source(
    effect="canary",
    asks="8 requests for each of limits.injection_arguments, 8 marked writes with their undoing",
    deadline_s=600,
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
    places, untold = _places(schema, caller, visit)
    most = visit.target.limits.injection_arguments
    tried = places[:most]
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
        arguments_left_out=len(places) - len(places[:most]) + untold,
        writes_untried=writes is None and bool(schema.mutation_type),
        rows_left=writes.finish().left if writes is not None else 0,
        controls=tuple(one is not None and one.answered for one in (before, after)),
        planted=planted(),
        observed_at=datetime.now(UTC),
    )


def _sender(writes: Writes, document: str) -> Send:
    return lambda value: writes.send(document, f"{writes.new_mark()} {value}", timeout_s=TIMEOUT_S)


def _places(schema: GraphQLSchema, caller: Caller, visit: Visit) -> tuple[list[Place], int]:
    """Return every argument that takes a text, and how many cannot be asked for by themselves.

    A field that wants a value of a kind nobody knows is asked for as ``smoke`` asks for it.
    """
    places, untold = list(_smoke(caller, visit)), 0
    declared = {field for one in visit.target.smoke for field in root_fields(one.query)}
    for name, field in schema.query_type.fields.items() if schema.query_type else ():
        needed = {
            key: suitable(one.type, None, PLAIN)
            for key, one in field.args.items()
            if is_required_argument(one)
        }
        for argument, path, wrap in _texts(field):
            if all(value is not None for key, value in needed.items() if key != argument):
                step = Step("Query", name, field)
                asked = _asker(caller, step, needed, argument, wrap)
                places.append(Place(f"Query.{name}.{path}", asked, name))
            elif f"Query.{name}" not in declared:
                untold += 1
    return places, untold


def _smoke(caller: Caller, visit: Visit) -> Iterator[Place]:
    """Yield the variables of the declared queries that hold a text."""
    for one in visit.target.smoke:
        for name, value in () if changes(one.query) else one.variables.items():
            if isinstance(value, str):

                def send(text: str, query: str = one.query, name: str = name) -> Reply:
                    given = next(each for each in visit.target.smoke if each.query == query)
                    return caller.ask(query, {**given.variables, name: text}, timeout_s=TIMEOUT_S)

                yield Place(f"smoke {one.name} ${name}", send)


def _texts(field: GraphQLField) -> Iterator[tuple[str, str, Wrap]]:
    """Yield argument, path and wrapping of each text that *field* takes."""
    for name, one in field.args.items():
        within = _within(one.type)
        simple = not isinstance(nullable(one.type), GraphQLInputObjectType)
        for path, wrap in within if simple else islice(within, WITHIN_INPUT):
            yield name, f"{name}{path}", wrap


def _within(kind: object, outer: frozenset[str] = frozenset()) -> Iterator[tuple[str, Wrap]]:
    """Yield where a text goes in *kind*: String, ID, scalars of the service's own.

    An input object in itself, as AND of conditions is, goes the same way as the outer one.
    """
    inner = nullable(kind)
    if isinstance(inner, GraphQLList):
        yield from ((path, _in_list(wrap)) for path, wrap in _within(inner.of_type, outer))
    elif isinstance(inner, GraphQLScalarType) and inner.name not in _NO_TEXT:
        yield "", lambda text: text
    elif isinstance(inner, GraphQLInputObjectType) and inner.name not in outer:
        needed = {
            name: suitable(one.type, None, PLAIN)
            for name, one in inner.fields.items()
            if is_required_input_field(one)
        }
        for name, one in inner.fields.items():
            if all(value is not None for key, value in needed.items() if key != name):
                for path, wrap in _within(one.type, outer | {inner.name}):
                    yield f".{name}{path}", _in_object(wrap, name, needed)


def _in_list(wrap: Wrap) -> Wrap:
    return lambda text: [wrap(text)]


def _in_object(wrap: Wrap, name: str, needed: dict[str, Json]) -> Wrap:
    return lambda text: {**needed, name: wrap(text)}


def _asker(caller: Caller, step: Step, needed: dict[str, Json], argument: str, wrap: Wrap) -> Send:
    passed = {key: step.field.args[key] for key in dict.fromkeys((*needed, argument))}
    document = query_of(step.name, passed, leaf_of(step.below))

    def send(text: str) -> Reply:
        return caller.ask(document, {**needed, argument: wrap(text)}, timeout_s=TIMEOUT_S)

    return send


def _attempts(place: Place) -> Iterator[Injection]:
    first = _shape(place, PLAIN)
    control = min(first, _shape(place, PLAIN), key=lambda one: one.elapsed_ms)  # the first is cold
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
