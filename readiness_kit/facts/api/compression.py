"""Whether large answers are compressed when the client asks for it."""

from readiness_kit.facts import Fact, Record


class EncodedAnswer(Record, frozen=True, kw_only=True):
    """One answer to the same query, asked for in one encoding."""

    address: str
    """``ip:port`` that was asked."""

    asked: str
    """``accept-encoding`` that was sent."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""

    encoding: str
    """``content-encoding`` of the answer; empty when it is not encoded."""

    sent_bytes: int
    """Length of the body as sent."""

    plain_bytes: int
    """Length of the unencoded answer to the same query, asked for before and after."""

    equal: bool | None
    """Whether it decodes to that answer; ``None`` when it could not be decoded or compared."""

    varies: bool
    """Whether ``Vary`` names ``Accept-Encoding``."""

    reason: str = ""
    """Why there was no answer, or why it was not compared."""


class CompressionOffer(Fact, frozen=True, kw_only=True):
    """One query with a large answer, in several encodings, at every address."""

    query: str
    """The query."""

    answers: tuple[EncodedAnswer, ...]
    """Answers to ``gzip`` and to ``br``."""
