"""What the GraphQL endpoint does with values it should not take."""

from typing import Literal

from readiness_kit.facts import Fact, Record
from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.refusals.query_limits import Origin

Fault = Literal["wrong_type", "null", "unknown_field", "out_of_range"]
"""What is wrong with a value, or with a query."""

Size = Literal["text", "list", "body"]
"""What is too large."""


class MalformedTry(Record, frozen=True, kw_only=True):
    """One request that must be refused."""

    fault: Fault

    place: str
    """Argument, input field or type that is at fault: ``Query.posts.limit``."""

    writes: bool
    """Whether it is a mutation."""

    answer: GraphqlAnswer


class OversizedTry(Record, frozen=True, kw_only=True):
    """One request that is too large."""

    size: Size

    place: str
    """Argument or input field that takes it; empty for a whole body."""

    n: int
    """Characters, entries or bytes."""

    answer: GraphqlAnswer

    reset: bool
    """Whether the connection was closed without an answer."""


class Stored(Record, frozen=True, kw_only=True):
    """What the marked writes left behind."""

    control_written: bool
    """Whether a correct write was done."""

    control_seen: bool
    """Whether the declared read showed it: so it would show the others."""

    found: int
    """Rows of the other, faulty writes that it showed."""

    left: int
    """Marked rows that could not be removed again."""


class MalformedInput(Fact, frozen=True, kw_only=True):
    """Values of wrong type, null, unknown or out of range, one request each."""

    origin: Origin

    controls: dict[str, GraphqlAnswer]
    """Operation and what came back when its values were right."""

    tries: tuple[MalformedTry, ...]

    mutations: bool
    """Whether the schema has mutations."""

    stored: Stored | None
    """``None`` when no marked write is declared."""


class OversizedInput(Fact, frozen=True, kw_only=True):
    """A text, a list and a body that are too large, one request each."""

    origin: Origin

    max_body_bytes: int
    """Longest body that the target declares as accepted."""

    control: GraphqlAnswer
    """A small request, asked last."""

    tries: tuple[OversizedTry, ...]

    takes: tuple[Size, ...]
    """What the schema lets a caller send: texts, lists, and always a body."""

    stored: Stored | None
    """``None`` when no marked write was tried."""
