"""What callers notice of connections to the database that died."""

from readiness_kit.facts import Fact, Record


class EndedPool(Record, frozen=True, kw_only=True):
    """One of the application's pools, whose idle connections were ended."""

    name: str
    """``application_name`` of its connections."""

    ended: int
    """Idle connections that were ended."""

    opened: int
    """Connections afterwards that were not there before."""


class DeadConnections(Fact, frozen=True, kw_only=True):
    """Idle connections were ended on the server, and the service was called at once."""

    pools: tuple[EndedPool, ...]
    """As declared under ``database.application_pools``."""

    answered_before: int
    """Calls that were answered before, of :attr:`asked_before`."""

    asked_before: int
    """Calls made while nothing was ended."""

    answered: int
    """Calls that were answered afterwards, of :attr:`asked`."""

    asked: int
    """Calls made right after the connections had ended."""

    first_error: str
    """What the first of them that was not answered got; empty when all were."""

    back: bool
    """Whether the service was ready at the end."""
