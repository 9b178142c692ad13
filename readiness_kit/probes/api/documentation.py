"""Reads the GraphQL schema from the repository and from the running service."""

import hashlib
import inspect
from collections.abc import Iterator
from datetime import UTC, datetime

from graphql import (
    DEFAULT_DEPRECATION_REASON,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    ast_from_value,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
    print_ast,
)

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.documentation import DocumentedSchema, LiveSchema, SchemaElement
from readiness_kit.probes.api.graphql import plain_queries
from readiness_kit.probes.api.schema import declared_schema, told_schema
from readiness_kit.sources import Visit, source

MOST_ELEMENTS = 20_000


@source(effect="read", asks="1 or 2 introspection queries as administrator")
def live_schema(visit: Visit) -> LiveSchema:
    """Ask the running service for its schema, as ``identities.admin`` or with the valid token.

    Raises:
        NotSeen: Nobody is told, or what is told is no schema.

    """
    plain_queries(visit)
    schema, identity = told_schema(visit)
    return LiveSchema(
        identity=identity, elements=elements_of(schema), observed_at=datetime.now(UTC)
    )


@source(effect="read", asks="no request: reads the documented schema")
def documented_schema(visit: Visit) -> DocumentedSchema:
    """Read the schema in the repository.

    Raises:
        NotSeen: None is declared, or it is no schema.

    """
    schema = declared_schema(visit)
    source_tree = visit.target.source
    file = source_tree.schema if source_tree else None
    return DocumentedSchema(
        file=file.name if file else "",
        elements=elements_of(schema),
        observed_at=datetime.now(UTC),
    )


def elements_of(schema: GraphQLSchema) -> tuple[SchemaElement, ...]:
    """Return every element of *schema* that is not built in, sorted by coordinate.

    Raises:
        NotSeen: There are too many.

    """
    found: list[SchemaElement] = []
    for name, kind in schema.type_map.items():
        if not (is_introspection_type(kind) or is_specified_scalar_type(kind)):
            found += _type(name, kind)
    for directive in schema.directives:
        if not is_specified_directive(directive):
            found += _directive(directive)
    if len(found) > MOST_ELEMENTS:
        raise NotSeen(f"the schema has more than {MOST_ELEMENTS} elements")
    return tuple(sorted(found, key=lambda one: one.coordinate))


def _type(name: str, kind: GraphQLNamedType) -> Iterator[SchemaElement]:
    signature = type(kind).__name__.removeprefix("GraphQL").removesuffix("Type")
    if isinstance(kind, GraphQLUnionType):
        signature += " = " + " | ".join(sorted(one.name for one in kind.types))
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
        signature += "".join(sorted(f" & {one.name}" for one in kind.interfaces))
    yield _element(name, "type", signature, kind.description)
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)):
        for field_name, field in kind.fields.items():
            yield from _field(f"{name}.{field_name}", field)
    if isinstance(kind, GraphQLEnumType):
        for value_name, value in kind.values.items():
            yield _element(
                f"{name}.{value_name}", "value", "", value.description, value.deprecation_reason
            )


def _field(coordinate: str, field: GraphQLField | GraphQLInputField) -> Iterator[SchemaElement]:
    signature = str(field.type)
    if isinstance(field, GraphQLInputField):
        signature += _default(field)
    yield _element(coordinate, "field", signature, field.description, field.deprecation_reason)
    if isinstance(field, GraphQLField):
        yield from _arguments(coordinate, field.args)


def _arguments(coordinate: str, arguments: dict[str, GraphQLArgument]) -> Iterator[SchemaElement]:
    for name, one in arguments.items():
        signature = f"{one.type}{_default(one)}"
        where = f"{coordinate}({name}:)"
        yield _element(where, "argument", signature, one.description, one.deprecation_reason)


def _directive(directive: GraphQLDirective) -> Iterator[SchemaElement]:
    places = " | ".join(sorted(place.name for place in directive.locations))
    repeatable = "repeatable " if directive.is_repeatable else ""
    name = f"@{directive.name}"
    yield _element(name, "directive", f"{repeatable}on {places}", directive.description)
    yield from _arguments(name, directive.args)


def _default(one: GraphQLArgument | GraphQLInputField) -> str:
    if one.default_value is Undefined:
        return ""
    node = ast_from_value(one.default_value, one.type)
    return f" = {print_ast(node)}" if node else ""


def _element(
    coordinate: str,
    kind: str,
    signature: str,
    description: str | None,
    deprecation: str | None = None,
) -> SchemaElement:
    text = inspect.cleandoc(description or "").strip()
    return SchemaElement(
        coordinate=coordinate,
        kind=kind,
        signature=signature,
        description=hashlib.sha256(text.encode()).hexdigest()[:12] if text else "",
        deprecated=deprecation is not None,
        reason=bool(deprecation and deprecation.strip() not in ("", DEFAULT_DEPRECATION_REASON)),
    )
