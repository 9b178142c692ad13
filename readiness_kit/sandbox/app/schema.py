"""The GraphQL schema: FraiseQL's, completed.

FraiseQL 0.5.3 describes neither the roots nor arguments and inputs, marks nothing as required, and
cannot tie a cycle. All of that is done here, on the schema it builds.
"""

from fraiseql.gql.schema_builder import build_fraiseql_schema
from fraiseql.utils.naming import snake_to_camel
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    is_introspection_type,
)

from readiness_kit.sandbox.app import resolvers, types
from readiness_kit.sandbox.app.access import RULES, guarded

_DESCRIPTIONS = {
    "Query": "Everything that can be read.",
    "Mutation": "Everything that can be changed.",
    "limit": "How many at most, 1 to 100; 20 when left out",
    "offset": "How many to leave out first; 0 when left out",
    "id": "Identifier of what is meant",
    "input": "What to write",
    "title": "Headline, 1 to 200 characters",
    "body": "Text, at most 20000 characters",
    "published": "False makes a draft; true when left out of a new post",
}
_REQUIRED = ("Query.user.id", "Query.post.id", "CreatePostInput.title", "UpdatePostInput.id")


def build(*, enforce: bool = True) -> GraphQLSchema:
    """Return the schema; without *enforce* the rules of access are only noted, not applied."""
    schema = build_fraiseql_schema(
        query_types=[*types.OUTPUT, *resolvers.QUERIES],
        mutation_resolvers=list(resolvers.MUTATIONS),
    )
    _tie(schema)
    for name, kind in schema.type_map.items():
        if not is_introspection_type(kind) and kind.description is None:
            kind.description = _DESCRIPTIONS.get(name) or _first_line(name)
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            for field_name, field in kind.fields.items():
                _complete(f"{name}.{field_name}", field, enforce=enforce)
        elif isinstance(kind, GraphQLInputObjectType):
            for field_name, given in kind.fields.items():
                given.description = _DESCRIPTIONS[field_name]
                _require(f"{name}.{field_name}", given)
    return schema


def _tie(schema: GraphQLSchema) -> None:
    author, post = schema.type_map["Author"], schema.type_map["Post"]
    assert isinstance(author, GraphQLObjectType)  # noqa: S101 - declared in types
    assert isinstance(post, GraphQLObjectType)  # noqa: S101 - declared in types
    author.fields["latestPost"] = GraphQLField(
        post, resolve=resolvers.latest_post, description="The newest published post of the author"
    )


def _complete(coordinate: str, field: GraphQLField, *, enforce: bool) -> None:
    root, _, name = coordinate.partition(".")
    if root in {"Query", "Mutation"}:
        field.description = _first_line(name)
    for argument_name, argument in field.args.items():
        argument.description = _DESCRIPTIONS[argument_name]
        _require(f"{coordinate}.{argument_name}", argument)
    if root in {"Query", "Mutation"} or coordinate in RULES:
        field.resolve = guarded(coordinate, field, enforce=enforce)


def _require(coordinate: str, given: GraphQLArgument | GraphQLInputField) -> None:
    if coordinate in _REQUIRED and not isinstance(given.type, GraphQLNonNull):
        given.type = GraphQLNonNull(given.type)


def _first_line(name: str) -> str:
    """Return the first line of what the code says of a type or of a root field."""
    spoken_of = (*types.OUTPUT, *types.INPUT, *resolvers.QUERIES, *resolvers.MUTATIONS)
    said = {snake_to_camel(one.__name__): one.__doc__ or "" for one in spoken_of}
    return said[name].partition("\n")[0]
