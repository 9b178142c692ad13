"""Makes up requests that must be refused, from the schema and the declared bounds."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    is_required_argument,
    is_required_input_field,
)

from readiness_kit.facts.refusals.input_validation import Fault
from readiness_kit.probes.api.graphql import Json
from readiness_kit.probes.api.schema import NOBODY, Step, leaf_of, nullable
from readiness_kit.target import Bounds

UNKNOWN = "noSuchFieldReadiness"
MOST_OPERATIONS = 6
MOST_ARGUMENTS = 3

BEYOND_INT = 2**31
"""GraphQL's Int has 32 bits (specification 3.5.1)."""

WRONG: dict[str, Json] = {
    "Int": "text",
    "Float": "text",
    "Boolean": "text",
    "String": {"wrong": 1},
    "ID": {"wrong": 1},
}
"""A value of the wrong type for each built-in scalar, which no rule of coercion lets pass."""

BoundsBy = Mapping[str, Bounds]
"""Declared bounds by ``Query.field.argument`` or ``InputType.field``."""


class Operation(NamedTuple):
    """One field of the query root, with values that suit it."""

    name: str
    document: str
    values: dict[str, Json]


class Case(NamedTuple):
    """One request that must be refused."""

    fault: Fault
    place: str
    operation: str
    """Name of the operation that is its control."""

    document: str
    values: dict[str, Json]


def operations(schema: GraphQLSchema, bounds: BoundsBy, sample: Json) -> Iterator[Operation]:
    """Yield fields of the query root that take arguments, *sample* standing for every id."""
    fields = schema.query_type.fields.items() if schema.query_type else ()
    made = (_operation(name, field, bounds, sample) for name, field in fields)
    yield from [one for one in made if one is not None][:MOST_OPERATIONS]


def _operation(name: str, field: GraphQLField, bounds: BoundsBy, sample: Json) -> Operation | None:
    tested = _tested(field)
    values = {
        key: suitable(one.type, bounds.get(f"Query.{name}.{key}"), sample)
        for key, one in tested.items()
    }
    needed = {key for key, one in field.args.items() if is_required_argument(one)}
    if not values or not needed <= {key for key, value in values.items() if value is not None}:
        return None
    document = query_of(name, tested, leaf_of(Step("Query", name, field).below))
    return Operation(name, document, values)


def _tested(field: GraphQLField) -> dict[str, GraphQLArgument]:
    """Return the arguments that are tried, those that are needed first."""
    needed_first = sorted(field.args.items(), key=lambda pair: not is_required_argument(pair[1]))
    return dict(needed_first[:MOST_ARGUMENTS])


def query_of(name: str, arguments: Mapping[str, GraphQLArgument], leaf: str) -> str:
    """Return the query of the root field *name*, each of *arguments* a variable of its name."""
    kinds = ", ".join(f"${key}: {one.type}" for key, one in arguments.items())
    passed = ", ".join(f"{key}: ${key}" for key in arguments)
    inside = f" {{ {leaf} }}" if leaf else ""
    return f"query Readiness({kinds}) {{ {name}({passed}){inside} }}"


def faulty(schema: GraphQLSchema, one: Operation, bounds: BoundsBy) -> Iterator[Case]:
    """Yield *one* with one fault at a time."""
    root = schema.query_type
    field = root.fields[one.name] if root else None
    for key, argument in _tested(field).items() if field else ():
        place = f"Query.{one.name}.{key}"
        for fault, value in bad_values(argument.type, bounds.get(place)):
            yield Case(fault, place, one.name, one.document, {**one.values, key: value})
    if field and leaf_of(Step("", one.name, field).below):
        document = query_of(one.name, _tested(field), UNKNOWN)
        yield Case("unknown_field", f"Query.{one.name}", one.name, document, one.values)


def bad_values(kind: GraphQLInputType, bounds: Bounds | None) -> Iterator[tuple[Fault, Json]]:
    """Yield values that *kind* must not take, one for each thing that can be wrong with it."""
    if isinstance(kind, GraphQLNonNull):
        yield "null", None
    wrong = wrong_for(kind)
    if wrong is not None:
        yield "wrong_type", wrong
    inner = str(nullable(kind))
    if inner == "Int":
        yield "out_of_range", BEYOND_INT
    if bounds is not None:
        yield from (("out_of_range", value) for value in beyond(inner, bounds))


def wrong_for(kind: object) -> Json:
    """Return a value of the wrong type, ``None`` where every value may be right.

    A single value stands for a list of one (specification 3.11), and a scalar of the service's own
    takes what it likes: neither is a fault.
    """
    inner = nullable(kind)
    if isinstance(inner, GraphQLList):
        entry = wrong_for(inner.of_type)
        return None if entry is None else [entry]
    if isinstance(inner, GraphQLInputObjectType):
        return "text"
    if isinstance(inner, GraphQLEnumType):
        return "NO_SUCH_VALUE_READINESS"
    return WRONG.get(str(inner))


def beyond(kind: str, bounds: Bounds) -> Iterator[Json]:
    """Yield values of *kind* just outside *bounds*, nothing that is no longer of that kind."""
    less = None if bounds.least is None else bounds.least - 1
    more = None if bounds.most is None else bounds.most + 1
    outside = [one for one in (less, more) if one is not None]
    if kind in ("Int", "Float"):
        yield from outside
    elif kind in ("String", "ID"):
        yield from ("x" * length for length in outside if length >= 0)


def suitable(kind: object, bounds: Bounds | None, sample: Json) -> Json:
    """Return a value that *kind* takes, ``None`` where none can be made up."""
    inner = nullable(kind)
    least, most = (bounds.least, bounds.most) if bounds else (None, None)
    if isinstance(inner, GraphQLList):
        entry = suitable(inner.of_type, None, sample)
        return None if entry is None else [entry]
    if isinstance(inner, GraphQLEnumType):
        return next(iter(inner.values), None)
    if isinstance(inner, GraphQLInputObjectType):
        needed = {
            name: suitable(field.type, None, sample)
            for name, field in inner.fields.items()
            if is_required_input_field(field)
        }
        return None if None in needed.values() else needed
    plain: dict[str, Json] = {
        "Int": 1 if least is None else least,
        "Float": 1.0 if least is None else float(least),
        "Boolean": True,
        "String": "readiness".ljust(least or 0, "x")[:most],
        "ID": NOBODY if sample is None else sample,
    }
    return plain.get(str(inner))
