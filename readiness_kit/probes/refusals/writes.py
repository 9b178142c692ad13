"""The declared marked write, with faults put into it; whatever gets through is removed again."""

import json
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    get_named_type,
    parse,
    visit,
)

from readiness_kit.errors import NotSeen
from readiness_kit.facts.refusals.input_validation import Fault, Stored
from readiness_kit.probes.api.graphql import Json, Reply
from readiness_kit.probes.api.marked import Caller, first_id, marked_ids, new_mark, remove
from readiness_kit.probes.refusals.cases import UNKNOWN, BoundsBy, bad_values
from readiness_kit.sources import Visit
from readiness_kit.target import CacheCanary

MOST_FIELDS = 4
LONGEST_WAIT_S = 20.0


class Spot(NamedTuple):
    """Where the mark of a write goes."""

    place: str
    """``InputType.field``, or ``Mutation.field.argument``."""

    kind: GraphQLInputType
    """Its type."""

    siblings: dict[str, GraphQLInputField]
    """Fields of the same input object that are left out."""

    insert_at: int
    """Offset in the document, just behind the brace or parenthesis, where more can be said."""

    parent: str
    """Input type, or ``Mutation.field``."""


class FaultyWrite(NamedTuple):
    """The marked write with one fault."""

    fault: Fault
    place: str
    document: str
    value: Json
    """What is sent for the mark."""


class Writes:
    """Sends the declared write, faulty or not, and removes what it leaves behind."""

    def __init__(self, the_visit: Visit, canary: CacheCanary) -> None:
        """Write as the identity that *canary* names."""
        self.canary = canary
        self._visit = the_visit
        address = the_visit.addresses(the_visit.api.url)[0]
        self._caller = Caller(the_visit, address, canary.identity)
        self._marks: list[str] = []
        self._left: set[str | int] = set()

    def send(self, document: str, value: Json, *, timeout_s: float = 5.0) -> Reply:
        """Send *document* with *value* for the mark; what it writes is removed at once."""
        if isinstance(value, str):
            self._marks.append(value)
        reply = self._caller.ask(document, {"mark": value}, timeout_s=timeout_s)
        row = first_id(reply.data)
        if reply.answer.filled and row is not None:
            self._remove(row)
        return reply

    def new_mark(self) -> str:
        """Return a mark of its own for one write."""
        return new_mark(self._visit)

    def finish(self) -> Stored:
        """Write correctly, look for that and for everything else, and remove it all."""
        mark = self.new_mark()
        reply = self._caller.ask(self.canary.write, {"mark": mark})
        written, row = reply.answer.answered, first_id(reply.data)
        found: set[str | int] = set()
        seen = False
        began = time.monotonic()
        try:
            while written and not seen:
                data = self._caller.ask(self.canary.read, {}).data
                seen = bool(marked_ids(data, mark))
                for other in filter(None, self._marks):
                    found |= marked_ids(data, other)
                if time.monotonic() - began >= min(self.canary.accepted_delay_s, LONGEST_WAIT_S):
                    break
                time.sleep(0.0 if seen else 0.1)
        finally:
            for one in (*found, *((row,) if row is not None else ())):
                self._remove(one)
        return Stored(
            control_written=written, control_seen=seen, found=len(found), left=len(self._left)
        )

    def _remove(self, row: str | int) -> None:
        gone = bool(self.canary.undo) and remove((self._caller,), self.canary.undo, row)
        (self._left.discard if gone else self._left.add)(row)


def declared_write(the_visit: Visit) -> CacheCanary | None:
    """Return the marked write that the target declares, where it can be undone and looked for."""
    cache = the_visit.target.cache
    canary = the_visit.target.input.canary or (cache.canary if cache else None)
    if canary is None or not (canary.write and canary.undo):
        return None
    return canary


def spot_of_mark(schema: GraphQLSchema, document: str) -> Spot:
    """Return where ``$mark`` goes in *document*.

    Raises:
        NotSeen: It does not fit the schema, or has no ``$mark``.

    """
    info = TypeInfo(schema)
    finder = _Finder(info)
    try:
        visit(parse(document), TypeInfoVisitor(info, finder))
    except Exception as error:  # graphql-core raises many kinds on bad text
        raise NotSeen(f"the declared write is no GraphQL: {str(error)[:120]}") from error
    if finder.found is None:
        raise NotSeen(
            "the declared write does not use $mark as the schema has it",
            hint="correct input.canary.write, or cache.canary.write",
        )
    return finder.found


class _Finder(Visitor):
    """Finds the variable ``$mark`` in an argument or in an input object."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.found: Spot | None = None

    def enter_variable(
        self, node: VariableNode, _key: object, parent: Node, _path: object, ancestors: list[Node]
    ) -> None:
        """Look at one use of a variable."""
        kind = self._info.get_input_type()
        if node.name.value != "mark" or kind is None or self.found:
            return
        nodes = list(ancestors)
        field = next((one for one in reversed(nodes) if isinstance(one, FieldNode)), None)
        name = field.name.value if field else ""
        if isinstance(parent, ObjectFieldNode):
            owner = get_named_type(self._info.get_parent_input_type())
            literal = next(one for one in reversed(nodes) if isinstance(one, ObjectValueNode))
            if isinstance(owner, GraphQLInputObjectType) and literal.loc:
                given = {one.name.value for one in literal.fields}
                others = {name: one for name, one in owner.fields.items() if name not in given}
                place = f"{owner.name}.{parent.name.value}"
                self.found = Spot(place, kind, others, literal.loc.start + 1, owner.name)
        elif isinstance(parent, ArgumentNode) and parent.loc:
            place = f"Mutation.{name}.{parent.name.value}"
            self.found = Spot(place, kind, {}, parent.loc.start, f"Mutation.{name}")


def faulty_writes(
    spot: Spot, document: str, bounds: BoundsBy, new_mark: Callable[[], str]
) -> Iterator[FaultyWrite]:
    """Yield *document* with one fault at a time: in the mark, beside it, or unknown."""

    def beside(name: str, value: Json) -> str:
        said = f"{name}: {_literal(value)}, "
        return document[: spot.insert_at] + said + document[spot.insert_at :]

    for fault, value in bad_values(spot.kind, bounds.get(spot.place)):
        yield FaultyWrite(fault, spot.place, document, _with_mark(value, new_mark()))
    yield FaultyWrite("unknown_field", spot.parent, beside(UNKNOWN, 1), new_mark())
    for name, field in islice(spot.siblings.items(), MOST_FIELDS):
        place = f"{spot.parent}.{name}"
        for fault, value in bad_values(field.type, bounds.get(place)):
            yield FaultyWrite(fault, place, beside(name, value), new_mark())


def _with_mark(value: Json, mark: str) -> Json:
    """Return *value*, beginning with *mark* where it is a text that has room for it."""
    if isinstance(value, str) and len(value) >= len(mark):
        return mark + value[len(mark) :]
    return value


def _literal(value: Json) -> str:
    """Return *value* as GraphQL writes it.

    >>> _literal({"wrong": [1, None, "a"]})
    '{wrong: [1, null, "a"]}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_literal(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value)
