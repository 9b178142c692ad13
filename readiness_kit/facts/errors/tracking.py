"""Which events of a provoked error the tracker shows."""

from readiness_kit.facts import Record


class TrackedEvent(Record, frozen=True):
    """One event, as the tracker lists it."""

    id: str
    """Its id."""

    environment: str
    """Environment it is labelled with; empty when there is none."""

    release: str
    """Release it is labelled with; empty when there is none."""

    reference: str
    """Request id of the error it tells of; empty when it names none of ours."""


class TrackerSeen(Record, frozen=True):
    """What the tracker listed after the errors."""

    status: int
    """HTTP status of its last answer; 0 without an answer."""

    before: int
    """Events that were listed before the first error."""

    events: tuple[TrackedEvent, ...]
    """Events that were not listed before."""

    environment: str
    """Environment that the target declares."""

    waited_s: float
    """From the last error to the event of it, or to giving up."""

    reason: str = ""
    """Why there was no usable answer."""
