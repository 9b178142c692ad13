"""How a GraphQL endpoint answers: judged by its body, since an error there is an HTTP 200."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class GraphqlAnswer(Record, frozen=True, kw_only=True):
    """One answer of the GraphQL endpoint."""

    address: str
    """``ip:port`` that was asked."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""

    filled: tuple[str, ...] = ()
    """Top-level fields of ``data`` that hold something."""

    empty: tuple[str, ...] = ()
    """Top-level fields of ``data`` that are null."""

    errors: tuple[str, ...] = ()
    """Messages in ``errors`` with their codes, the first three, shortened."""

    elapsed_ms: float = 0.0
    """From sending to the last byte, or to giving up."""

    reason: str = ""
    """Why there was no answer, or why it is no GraphQL answer."""

    @property
    def words(self) -> str:
        """What it says went wrong, for people; nothing when it says nothing."""
        return self.reason or "; ".join(self.errors)

    @property
    def said(self) -> str:
        """Its status and its words, for people."""
        return f"status {self.status}, {self.words or 'no error'}"

    @property
    def answered(self) -> bool:
        """Whether every field that was asked for came back, without an error."""
        whole = bool(self.filled) and not (self.empty or self.errors or self.reason)
        return self.status == 200 and whole

    @property
    def refused(self) -> bool:
        """Whether the endpoint said no: a client error or ``errors``, and no data."""
        said_no = self.status in _REFUSALS or (self.status == 200 and bool(self.errors))
        return said_no and not self.filled

    @property
    def executed(self) -> bool:
        """Whether it ran without an error, be it that nothing was found."""
        ran = bool(self.filled or self.empty) and not (self.errors or self.reason)
        return self.status == 200 and ran

    @property
    def broke(self) -> bool:
        """Whether the service failed over it; a passing overload says nothing of the request."""
        return self.status is not None and self.status >= 500 and self.status not in _OVERLOAD


_REFUSALS = frozenset({400, 401, 403, 404, 405, 422})
_OVERLOAD = frozenset({502, 503, 504})


class ExplorationPage(Record, frozen=True, kw_only=True):
    """One GET of a page that would let a stranger explore the API."""

    address: str
    """``ip:port`` that was asked."""

    path: str
    """Path that was asked."""

    status: int | None
    """HTTP status, or ``None`` when no complete answer came."""

    shows: Literal["tool", "html", "other"]
    """A known tool or API description, other HTML, or neither."""

    reason: str = ""
    """Why there was no answer."""


class Exploration(Fact, frozen=True, kw_only=True):
    """Whether strangers and ordinary callers can explore the API."""

    controls: tuple[GraphqlAnswer, ...]
    """The positive control: a plain query with the valid token, at every address."""

    anonymous: tuple[GraphqlAnswer, ...]
    """An introspection query without a token, at every address."""

    ordinary: tuple[GraphqlAnswer, ...]
    """An introspection query with the valid token of an ordinary caller, at every address."""

    pages: tuple[ExplorationPage, ...]
    """Pages of interactive tools and API descriptions."""
