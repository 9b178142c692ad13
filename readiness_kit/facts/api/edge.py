"""What stands between the internet and the service: the edge in front, the origin behind it."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Door = Literal["open", "refused", "silent", "not_reached"]
"""What became of a TCP connection; ``not_reached`` is no route from here, which shows nothing."""


class EdgeAnswer(Record, frozen=True):
    """What one public address shows of an edge."""

    address: str
    """``ip:port``."""

    public: bool
    """Whether the address is one of the internet's, and not of a private network or this host."""

    status: int
    """HTTP status; 0 without an answer."""

    providers: tuple[str, ...]
    """Providers whose marks the answer's headers carry."""

    marks: tuple[str, ...]
    """Names of those headers."""

    reason: str = ""
    """Why there was no answer."""


class EdgeSeen(Fact, frozen=True, kw_only=True):
    """The marks of an edge in an answer from every address of the public name."""

    url: str
    """Public URL that was asked."""

    declared: str
    """Provider that the target declares; empty for none."""

    known: tuple[str, ...]
    """Providers whose marks were looked for."""

    answers: tuple[EdgeAnswer, ...]


class OriginDoor(Record, frozen=True):
    """One attempt to connect to the origin."""

    address: str
    """``ip:port``."""

    public: bool
    """Whether the address is one of the internet's."""

    door: Door
    detail: str = ""
    """What the attempt ended with."""


class OriginSeen(Fact, frozen=True, kw_only=True):
    """Whether the origin can be reached around the edge."""

    origin: str
    """Base URL of the origin."""

    control: str
    """Public URL that was asked in the same visit."""

    control_status: int
    """Positive control: HTTP status through the edge; 0 without an answer."""

    doors: tuple[OriginDoor, ...]
    """One at every address of the origin."""
