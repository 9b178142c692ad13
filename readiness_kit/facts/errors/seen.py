"""What the service says when something is wrong: provoked client errors, debug routes, a crash."""

from readiness_kit.facts import Fact, Record
from readiness_kit.facts.errors.tracking import TrackerSeen


class Internal(Record, frozen=True):
    """One sign of the service's inside, found in an answer."""

    kind: str
    """``stack``, ``path``, ``sql``, ``exception`` or ``debugger``."""

    excerpt: str
    """The words that gave it away, shortened."""


class Provocation(Record, frozen=True, kw_only=True):
    """One faulty request and its answer."""

    name: str
    """What was wrong with the request."""

    address: str
    """``ip:port`` that was asked."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""

    errors: bool
    """Whether the body is JSON with a non-empty ``errors``."""

    data: bool
    """Whether the body's ``data`` holds anything."""

    request_id: bool
    """Whether header or body carry a request id."""

    internals: tuple[Internal, ...]
    """Signs of the inside, in body or headers."""

    elapsed_ms: float
    """From sending to the last byte, or to giving up."""

    reason: str = ""
    """Why there was no answer."""


class ProvokedErrors(Fact, frozen=True, kw_only=True):
    """Answers to faulty requests."""

    controls: tuple[Provocation, ...]
    """The positive control: a correct request at every address."""

    faults: tuple[Provocation, ...]
    """Faulty requests at every address."""

    oddities: tuple[Provocation, ...]
    """Requests that may be right, with values that upset a careless database layer."""

    debug_routes: tuple[Provocation, ...]
    """Routes that debuggers serve."""

    planted: dict[str, bool]
    """Positive control of the search: for each kind, whether a planted sign was recognised."""

    processes_seen: int
    """Processes of the service on this host whose command line could be read."""

    reloaders: int
    """How many of them run with a reloader or a debugger switched on."""

    not_asked: tuple[str, ...] = ()
    """Faults of which no harmless one is known for this kind of service."""


class CrashAnswer(Record, frozen=True, kw_only=True):
    """One provoked crash, and its trace in the log."""

    answer: Provocation
    """What the caller was told."""

    reference: str
    """Request id in the answer; empty when there was none."""

    traced_by_id: bool
    """Whether a trace was logged with that id."""

    traced_by_time: bool
    """Whether any new trace was logged within the wait."""

    waited_s: float
    """How long the log was watched."""


class CrashSeen(Fact, frozen=True, kw_only=True):
    """An unexpected error, raised on purpose at every instance."""

    crashes: tuple[CrashAnswer, ...]
    """One at each instance."""

    logs_read: int
    """Log files that could be read."""

    planted: dict[str, bool]
    """Positive control of the search: for each kind, whether a planted sign was recognised."""

    tracker: TrackerSeen | None = None
    """What the error tracker listed afterwards; ``None`` when the target does not say where."""
