"""Learns the GraphQL schema, and finds the ways through it that a query can take."""

import heapq
import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    IntrospectionQuery,
    build_client_schema,
    build_schema,
    get_introspection_query,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from readiness_kit.errors import NotSeen
from readiness_kit.facts.refusals.query_limits import Origin
from readiness_kit.probes.api.graphql import Json, ask, bearer
from readiness_kit.sources import Visit

NOBODY = "00000000-0000-0000-0000-000000000000"
"""An identifier that belongs to nothing (RFC 9562 5.9)."""

LIMITERS = ("limit", "first", "take", "top", "count", "pageSize", "perPage", "per_page", "size")
"""Arguments by which a list is kept short."""

_SIZE_CAP_BYTES = 4 * 1024 * 1024

Composite = GraphQLObjectType | GraphQLInterfaceType


class Known(NamedTuple):
    """A schema, and where it was seen."""

    schema: GraphQLSchema
    origin: Origin


class Step(NamedTuple):
    """One field on the way through a query."""

    parent: str
    name: str
    field: GraphQLField

    @property
    def coordinate(self) -> str:
        """Return ``Type.field``."""
        return f"{self.parent}.{self.name}"

    @property
    def below(self) -> object:
        """Return the type of what comes back, lists and non-null taken off."""
        return get_named_type(self.field.type)

    @property
    def single(self) -> bool:
        """Whether it returns one object."""
        return not isinstance(nullable(self.field.type), GraphQLList)

    @property
    def many(self) -> bool:
        """Whether it returns a list that no argument keeps short."""
        return not self.single and limiter(self.field) is None

    @property
    def required(self) -> bool:
        """Whether it cannot be asked for without an argument."""
        return any(is_required_argument(one) for one in self.field.args.values())


class Way(NamedTuple):
    """Steps from the root to a type, and a loop from that type back to it."""

    entry: tuple[Step, ...]
    loop: tuple[Step, ...]

    @property
    def cost(self) -> tuple[int, int, int]:
        """Return how unwelcome it is: lists without bound, made-up arguments, length."""
        steps = (*self.entry, *self.loop)
        return sum(one.many for one in steps), sum(one.required for one in steps), len(steps)

    def query(self, depth: int) -> str:
        """Return the query that goes *depth* fields deep, the leaf counted."""
        endless = itertools.chain(self.entry, itertools.cycle(self.loop))
        return nested(list(itertools.islice(endless, depth - 1)))


def known_schema(visit: Visit) -> Known:
    """Return the schema that the running service tells, or else the declared one.

    Raises:
        NotSeen: The target is not GraphQL, or neither is to be had.

    """
    if visit.api.kind != "graphql":
        raise NotSeen("the service does not speak GraphQL", cause="not_configured")
    try:
        return Known(told_schema(visit)[0], "introspection")
    except NotSeen as untold:
        declared = visit.target.source
        if declared is None or declared.schema is None:
            raise NotSeen(
                f"{untold.message}, and readiness.yaml declares no schema",
                hint="add source.schema, or identities.admin that may introspect",
            ) from untold
        return Known(declared_schema(visit), "declared")


def told_schema(visit: Visit) -> tuple[GraphQLSchema, str]:
    """Return the schema by introspection, and as whom it was asked for.

    Raises:
        NotSeen: Nobody is told, or what is told is no schema.

    """
    admin = visit.target.identities.get("admin")
    identity = "identities.admin" if admin is not None else "auth.token"
    headers = bearer(admin if admin is not None else visit.token)
    said = ""
    with visit.client(visit.api.url, headers=headers) as client:
        for full in (True, False):
            query = get_introspection_query(descriptions=True, input_value_deprecation=full)
            reply = ask(client, visit.api.graphql, query)
            if reply.answer.answered:
                return _client_schema(reply.data), identity
            answer = reply.answer
            said = answer.words or str(answer.status)
    raise NotSeen(
        f"introspection as {identity} was not answered: {said}",
        hint="allow it to an administrator and add the token as identities.admin",
    )


def declared_schema(visit: Visit) -> GraphQLSchema:
    """Return the schema in the repository.

    Raises:
        NotSeen: None is declared, or it is no schema.

    """
    declared = visit.target.source
    if declared is None or declared.schema is None:
        raise NotSeen(
            "readiness.yaml names no documented schema",
            cause="not_configured",
            hint="add source.schema, a file in the schema definition language",
        )
    try:
        with declared.schema.open("rb") as stream:
            return build_schema(stream.read(_SIZE_CAP_BYTES).decode("utf-8"))
    except Exception as error:  # graphql-core raises many kinds on bad text
        raise NotSeen(
            f"{declared.schema.name} is no readable schema: {str(error)[:200]}",
            hint="correct source.schema; it is to be in the schema definition language",
        ) from error


def _client_schema(data: dict[str, Json]) -> GraphQLSchema:
    try:
        return build_client_schema(cast("IntrospectionQuery", data))
    except Exception as error:  # graphql-core raises many kinds on a wrong introspection
        raise NotSeen(f"the introspection is no schema: {str(error)[:200]}") from error


def steps(kind: object) -> Iterator[Step]:
    """Yield the fields of *kind* that can be asked for with what is known."""
    if isinstance(kind, Composite):
        for name, field in kind.fields.items():
            if all(value is not None for value in _arguments(field).values()):
                yield Step(kind.name, name, field)


def shortest(start: object, goal: str) -> tuple[Step, ...] | None:
    """Return the way of at least one step from *start* to the type *goal*, or nothing.

    Lists without bound count most, then arguments that must be made up, then length.
    """
    ticket = itertools.count()
    heap: list[tuple[tuple[int, int, int], int, tuple[Step, ...], object]]
    heap = [((0, 0, 0), next(ticket), (), start)]
    seen: set[str] = set()
    while heap:
        (many, made_up, length), _, way, kind = heapq.heappop(heap)
        if way and isinstance(kind, Composite):
            if kind.name == goal:
                return way
            if kind.name in seen:
                continue
            seen.add(kind.name)
        for one in steps(kind):
            cost = (many + one.many, made_up + one.required, length + 1)
            heapq.heappush(heap, (cost, next(ticket), (*way, one), one.below))
    return None


def ways(schema: GraphQLSchema) -> list[Way]:
    """Return a way into each cycle near the root, the cheapest first."""
    found = []
    for first in steps(schema.query_type):
        for entry in ((first,), *((first, second) for second in steps(first.below))):
            kind = entry[-1].below
            loop = shortest(kind, kind.name) if isinstance(kind, Composite) else None
            if loop:
                found.append(Way(entry, loop))
    return sorted(found, key=lambda way: way.cost)


def nested(way: Iterable[Step], entries: int = 1) -> str:
    """Return the query along *way*, to a leaf of the last type, lists kept to *entries*."""
    walked = list(way)
    calls = [called(one, entries) for one in walked]
    last = leaf_of(walked[-1].below) if walked else "__typename"
    inner = [*calls, last] if last else calls
    return "query Readiness { " + " { ".join(inner) + " }" * len(inner)


def leaf_of(kind: object) -> str:
    """Return a field of *kind* that has none below; nothing when *kind* is itself a leaf."""
    if is_leaf_type(cast("GraphQLObjectType", kind)):
        return ""
    if isinstance(kind, Composite):
        for name, field in kind.fields.items():
            if is_leaf_type(get_named_type(field.type)) and not Step("", name, field).required:
                return str(name)
    return "__typename"


def called(step: Step, entries: int = 1) -> str:
    """Return the field with the arguments it cannot do without, and its list kept short."""
    given = _arguments(step.field)
    short = limiter(step.field)
    if short is not None:
        given[short] = str(entries)
    inside = ", ".join(f"{name}: {value}" for name, value in given.items())
    return f"{step.name}({inside})" if inside else step.name


def limiter(field: GraphQLField) -> str | None:
    """Return the argument that keeps the list of *field* short, or nothing."""
    return next((name for name in LIMITERS if _is_int(field.args.get(name))), None)


def _is_int(argument: GraphQLArgument | None) -> bool:
    return argument is not None and str(nullable(argument.type)) == "Int"


def _arguments(field: GraphQLField) -> dict[str, str | None]:
    required = {name: one for name, one in field.args.items() if is_required_argument(one)}
    return {name: literal(one.type) for name, one in required.items()}


def literal(kind: GraphQLInputType) -> str | None:
    """Return a value of *kind* as GraphQL writes it, or nothing where none can be made up."""
    inner = nullable(kind)
    if isinstance(inner, GraphQLList):
        one = literal(inner.of_type)
        return None if one is None else f"[{one}]"
    if isinstance(inner, GraphQLEnumType):
        return next(iter(inner.values), None)
    if isinstance(inner, GraphQLInputObjectType):
        needy = any(is_required_input_field(one) for one in inner.fields.values())
        return None if needy else "{}"
    return {"Int": "1", "Float": "1.0", "Boolean": "true"}.get(str(inner), f'"{NOBODY}"')


def nullable(kind: object) -> object:
    """Return *kind* without its non-null."""
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind
