"""What the health endpoints say, at every address and at every process."""

from readiness_kit.facts import Fact, Record


class HealthAnswer(Record, frozen=True, kw_only=True):
    """One GET of one health endpoint."""

    endpoint: str
    """Base URL that was asked, and the address behind it, e.g. ``https://api:443 at 10.0.0.5``."""

    path: str
    """Path of the endpoint."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""

    elapsed_ms: float
    """From sending to the last byte, or to giving up."""

    says: str
    """The state in the body, in lower case: its ``status`` member, or the start of plain text."""

    dependencies: tuple[str, ...]
    """Names of the dependencies the body reports on."""

    ill: tuple[str, ...] = ()
    """Those of them that it says are not well."""

    reason: str = ""
    """Why there was no answer."""


class HealthAnswers(Fact, frozen=True, kw_only=True):
    """Liveness and readiness, once each at every address of ``api.url`` and at every instance."""

    liveness: tuple[HealthAnswer, ...]
    """Answers of ``api.health``."""

    readiness: tuple[HealthAnswer, ...]
    """Answers of ``api.ready``."""
