"""What is known about one request: the outermost layer makes the record, the others fill it."""

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import uuid4

from graphql import GraphQLError
from starlette.types import Scope

ROLES = frozenset({"reader", "editor", "admin"})


class Outcome(NamedTuple):
    """How a request ended."""

    method: str
    endpoint: str
    status: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks."""

    id: str
    roles: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Whether the viewer may see everything."""
        return "admin" in self.roles


class Refused(GraphQLError):
    """An answer the caller may see: a reason in plain words, and its code."""

    def __init__(self, message: str, code: str) -> None:
        """Keep the *code* where GraphQL clients look for it."""
        super().__init__(message, extensions={"code": code})
        self.code = code


class Unavailable(Refused):
    """A dependency does not answer; trying again later makes sense."""

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("The service cannot answer right now, try again shortly", "UNAVAILABLE")


@dataclass(slots=True)
class Call:
    """One request; ``scope["quill"]`` holds it."""

    id: str = field(default_factory=lambda: uuid4().hex)
    viewer: Viewer | None = None
    operation: str | None = None
    failures: list[tuple[Refused | None, list[str | int]]] = field(default_factory=list)
    cache_hits: int = 0
    cache_misses: int = 0
    client: str = "-"

    @classmethod
    def of(cls, scope: Scope) -> "Call":
        """Return the call that belongs to *scope*."""
        call = scope["quill"]
        assert isinstance(call, cls)  # noqa: S101 - the outermost layer put it there
        return call

    @property
    def unavailable(self) -> bool:
        """Whether a dependency failed while answering."""
        return any(isinstance(reason, Unavailable) for reason, _ in self.failures)

    @property
    def cache_state(self) -> str | None:
        """Return ``HIT`` when every read came from the cache, ``MISS`` when some did not."""
        if self.cache_misses:
            return "MISS"
        return "HIT" if self.cache_hits else None
