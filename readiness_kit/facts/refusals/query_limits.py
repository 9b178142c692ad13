"""How deep, and how often, the GraphQL endpoint lets a query ask."""

from typing import Literal

from readiness_kit.facts import Fact, Record
from readiness_kit.facts.api.graphql import GraphqlAnswer

Origin = Literal["introspection", "declared"]
"""Where the schema was seen: the running service told it, or the file of the repository."""


class DepthTry(Record, frozen=True, kw_only=True):
    """One query of a certain depth."""

    depth: int
    """Fields from the root to the leaf, both counted."""

    answer: GraphqlAnswer


class QueryLimits(Fact, frozen=True, kw_only=True):
    """Queries along a cycle of the schema, deeper and deeper, one at a time."""

    origin: Origin

    cycle: tuple[str, ...]
    """The way along the cycle, as ``Type.field``; empty when the schema has none."""

    deepest: int
    """Deepest query that may be tried."""

    tries: tuple[DepthTry, ...]
    """In the order in which they were asked; the first one is the shallowest."""

    stopped: str = ""
    """Why no deeper query was tried, where that was not for a limit."""

    fragment_cycle: GraphqlAnswer | None = None
    """A fragment that contains itself."""

    controls: tuple[GraphqlAnswer, ...] = ()
    """The shallowest query of the schema, asked last."""

    statements_refused: int | None = None
    """SQL statements of the application during the refused query, the fewest of some tries;
    ``None`` when they cannot be counted."""

    statements_invalid: int | None = None
    """The same of a query that does not parse: what the service does in any case."""

    statements_executed: int | None = None
    """The same of the deepest query that was executed, once."""

    aliases: int = 0
    """How often one field was asked for in one query, under as many names."""

    aliases_answered: bool | None = None
    """Whether that was answered."""

    before_aliases: tuple[GraphqlAnswer, ...] = ()
    """The cheapest query, asked some times before."""

    after_aliases: tuple[GraphqlAnswer, ...] = ()
    """The same afterwards."""

    batch: int = 0
    """How many operations one request held."""

    batch_answered: bool | None = None
    """Whether they were answered."""
