"""GraphQL requests, read and checked before anything runs: JSON, syntax, validity, size.

FraiseQL 0.5.3 has settings for depth and complexity that nothing reads, and leaves out the rules of
the specification once introspection is off.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import get_variable_values

from readiness_kit.sandbox.app.call import Refused
from readiness_kit.sandbox.app.limits import Meter
from readiness_kit.sandbox.app.settings import Settings

MAX_TOKENS = 2000
"""Most lexical tokens a document may have."""

MAX_KNOWN = 500
"""Documents that are remembered as valid; clients send few, and send them often."""


class Document(NamedTuple):
    """A valid document."""

    tree: DocumentNode
    introspective: bool


class Question(NamedTuple):
    """One request: a document, the operation meant, and its variables."""

    text: str
    document: Document
    operation: OperationDefinitionNode
    variables: dict[str, object]

    @property
    def title(self) -> str:
        """Name it for the log: by kind and first field, which the caller cannot make up."""
        first = self.operation.selection_set.selections[0]
        field = first.name.value[:40] if isinstance(first, FieldNode) else "…"
        return f"{self.operation.operation.value} {field}"

    @property
    def asks_schema_only(self) -> bool:
        """Whether it asks for nothing but the schema."""
        asked = self.operation.selection_set.selections
        return all(isinstance(one, FieldNode) and one.name.value.startswith("__") for one in asked)


class Reader:
    """Reads requests for one schema."""

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        """Read for *schema*, within the limits of *settings*."""
        self._schema = schema
        self._settings = settings
        self._known: dict[str, Document] = {}

    def read(self, body: bytes) -> Question:
        """Return what *body* asks.

        Raises:
            Refused: No JSON, no GraphQL, not valid for the schema, too deep, or too costly.

        """
        text, name, variables = _fields(body)
        document = self._known.get(text) or self._learn(text)
        operation = get_operation_ast(document.tree, name)
        if operation is None:
            raise Refused("One operation is wanted, by name if there are several", "BAD_REQUEST")
        question = Question(text, document, operation, variables)
        if self._settings.validate_queries:
            self._fit(question)
            self._measure(question)
        return question

    def _learn(self, text: str) -> Document:
        try:
            tree = parse(text, max_tokens=MAX_TOKENS)
        except GraphQLError as error:
            raise Refused(error.message, "GRAPHQL_PARSE_FAILED") from None
        except RecursionError:
            raise Refused("The query is nested too deeply to be read", "DEPTH_LIMIT") from None
        invalid = self._settings.validate_queries and validate(
            self._schema, tree, specified_rules, max_errors=1
        )
        if invalid:
            raise Refused("The query does not fit the schema", "GRAPHQL_VALIDATION_FAILED")
        shown = validate(self._schema, tree, [NoSchemaIntrospectionCustomRule])
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[text] = Document(tree, bool(shown))
        return self._known[text]

    def _fit(self, question: Question) -> None:
        wanted = question.operation.variable_definitions
        if isinstance(get_variable_values(self._schema, wanted, question.variables), list):
            raise Refused("The variables do not fit the query", "BAD_USER_INPUT")

    def _measure(self, question: Question) -> None:
        meter = Meter(self._schema, question.document.tree, question.variables)
        depth, cost = meter.size(question.operation)
        if depth > self._settings.max_depth and not question.asks_schema_only:
            raise Refused(f"The query is deeper than {self._settings.max_depth}", "DEPTH_LIMIT")
        if cost > self._settings.max_cost:
            raise Refused(f"The query costs more than {self._settings.max_cost}", "COST_LIMIT")


def _fields(body: bytes) -> tuple[str, str | None, dict[str, object]]:
    """Return query, name of the operation, and variables.

    Raises:
        Refused: They are not there, or not of these types.

    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    match asked:
        case {"query": str(text), **rest}:
            name, variables = rest.get("operationName"), rest.get("variables")
            if isinstance(name, str | None) and isinstance(variables, Mapping | None):
                return text, name, dict(variables or {})
    raise Refused("The body must be JSON with a query", "BAD_REQUEST")
