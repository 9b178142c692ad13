"""What the declared operations answer, round after round, from outside."""

from readiness_kit.facts import Fact, Record
from readiness_kit.facts.api.graphql import GraphqlAnswer


class SmokeAnswer(Record, frozen=True, kw_only=True):
    """One declared operation in one round."""

    round: int
    """1, 2, 3."""

    operation: str
    """Name of the operation."""

    answer: GraphqlAnswer
    """How it was answered."""


class SmokeHealth(Record, frozen=True, kw_only=True):
    """One health endpoint in one round."""

    round: int
    """1, 2, 3."""

    address: str
    """``ip:port`` that was asked."""

    path: str
    """Path of the endpoint."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""


class SmokeRounds(Fact, frozen=True, kw_only=True):
    """Rounds of smoke operations at every address of the public URL."""

    operations: tuple[str, ...]
    """Names of the declared operations."""

    rounds: int
    """Rounds that were made."""

    answers: tuple[SmokeAnswer, ...]
    """Every operation of every round at every address."""

    health: tuple[SmokeHealth, ...]
    """Liveness and readiness of every round at every address."""
