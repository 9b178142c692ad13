"""How deep and how costly a query is, found before it runs.

The cost counts fields; those below a list as often as the list may have entries.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_list_type,
    value_from_ast_untyped,
)

_LIST_SIZE = 10


class Size(NamedTuple):
    """Size of a query."""

    depth: int
    cost: int


class Meter:
    """Measures the operations of one valid document."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        """Measure *document*, with *variables* as the caller gave them."""
        self._schema = schema
        self._variables = dict(variables)
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def size(self, operation: OperationDefinitionNode) -> Size:
        """Return depth and cost of *operation*."""
        root = self._schema.get_root_type(operation.operation)
        return self._selected(operation.selection_set, root) if root else Size(0, 0)

    def _selected(self, selected: SelectionSetNode, parent: GraphQLObjectType) -> Size:
        sizes = [self._one(node, parent) for node in selected.selections]
        return Size(max(size.depth for size in sizes), sum(size.cost for size in sizes))

    def _one(self, node: SelectionNode, parent: GraphQLObjectType) -> Size:
        if isinstance(node, FieldNode):
            return self._field(node, parent)
        if isinstance(node, FragmentSpreadNode):
            fragment: FragmentDefinitionNode | InlineFragmentNode
            fragment = self._fragments[node.name.value]
        elif isinstance(node, InlineFragmentNode):
            fragment = node
        else:
            raise TypeError(f"unknown selection {node.kind}")
        # no type of Quill has another one beneath it, so a valid condition names the parent itself
        return self._selected(fragment.selection_set, parent)

    def _field(self, node: FieldNode, parent: GraphQLObjectType) -> Size:
        field = parent.fields.get(node.name.value)
        if node.selection_set is None or field is None:
            return Size(1, 1)
        below = get_named_type(field.type)
        assert isinstance(below, GraphQLObjectType)  # noqa: S101 - it has selections
        inner = self._selected(node.selection_set, below)
        return Size(1 + inner.depth, 1 + self._entries(node, field) * inner.cost)

    def _entries(self, node: FieldNode, field: GraphQLField) -> int:
        if not is_list_type(field.type):
            return 1
        for argument in node.arguments:
            if argument.name.value == "limit":
                value = (
                    self._variables.get(argument.value.name.value)
                    if isinstance(argument.value, VariableNode)
                    else value_from_ast_untyped(argument.value)
                )
                if isinstance(value, int):
                    return max(value, 1)
        return 2 * _LIST_SIZE if "limit" in field.args else _LIST_SIZE
