"""The schema, and how large queries on it are."""

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    OperationDefinitionNode,
    build_schema,
    get_operation_ast,
    is_introspection_type,
    is_specified_scalar_type,
    parse,
    print_schema,
)

pytest.importorskip("fraiseql", reason="not installed: readiness-kit[sandbox]")

from readiness_kit.sandbox.app import schema
from readiness_kit.sandbox.app.access import RULES
from readiness_kit.sandbox.app.limits import Meter, Size
from readiness_kit.sandbox.app.sdl import sdl

SCHEMA = schema.build()


def own_types() -> list[GraphQLNamedType]:
    kinds = SCHEMA.type_map.values()
    return [
        kind
        for kind in kinds
        if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
    ]


def test_everything_is_described():
    for kind in own_types():
        assert kind.description, kind
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType):
            for name, field in kind.fields.items():
                assert field.description, f"{kind}.{name}"
                for argument_name, argument in getattr(field, "args", {}).items():
                    assert argument.description, f"{kind}.{name}({argument_name})"


def test_every_root_field_has_a_rule():
    roots = {f"Query.{name}" for name in SCHEMA.query_type.fields}
    roots |= {f"Mutation.{name}" for name in SCHEMA.mutation_type.fields}
    assert roots <= RULES.keys()


def test_printed_schema_is_whole():
    assert print_schema(build_schema(sdl())) == print_schema(SCHEMA)


def size(query: str, variables: dict[str, object] | None = None) -> Size:
    document = parse(query)
    operation = get_operation_ast(document)
    assert isinstance(operation, OperationDefinitionNode)
    return Meter(SCHEMA, document, variables or {}).size(operation)


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{me{id}}", {}, Size(2, 2)),
        ("{__typename}", {}, Size(1, 1)),
        ("{users(limit:3){id name}}", {}, Size(2, 7)),
        ("{users{id}}", {}, Size(2, 21)),
        ("query($n:Int){users(limit:$n){id}}", {"n": 50}, Size(2, 51)),
        ("query($n:Int){users(limit:$n){id}}", {}, Size(2, 21)),
        ("{users(limit:2){posts{id}}}", {}, Size(3, 23)),
        ("{me{...F}} fragment F on User{id posts{...G}} fragment G on Post{id}", {}, Size(3, 13)),
        ("{me{... on User{id}}}", {}, Size(2, 2)),
        ("{a:me{id} b:me{id}}", {}, Size(2, 4)),
    ],
)
def test_size(query, variables, expected):
    assert size(query, variables) == expected
