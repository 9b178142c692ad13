"""Which instance answers, and whether the instances agree."""

from readiness_kit.facts import Fact, Record


class BalancedAnswer(Record, frozen=True):
    """One answer through the balancer."""

    instance: str
    """Instance that a header names; empty when none does."""

    cookie: bool
    """Whether the cookies of an earlier answer were sent along."""

    status: int
    """HTTP status; 0 without an answer."""

    answered: bool
    """Whether it is a success, in GraphQL one with data and without errors."""

    digest: str
    """SHA-256 of the body."""


class DirectAnswer(Record, frozen=True):
    """One answer of one instance, asked past the balancer."""

    url: str

    status: int
    """HTTP status; 0 without an answer."""

    answered: bool
    """Whether it is a success, in GraphQL one with data and without errors."""

    digest: str
    """SHA-256 of the body."""


class InstanceAnswers(Fact, frozen=True, kw_only=True):
    """The same question to the balancer and to each instance."""

    cookies: tuple[str, ...]
    """Names of the cookies that the balanced answers set."""

    balanced: tuple[BalancedAnswer, ...]
    direct: tuple[DirectAnswer, ...]
