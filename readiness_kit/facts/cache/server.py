"""What was seen of Redis or Valkey."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Reply = Literal["pong", "login_required", "refused", "could_not_ask"]
"""How the cache met a PING: answered, asked for a login, refused the way of asking, or not seen."""


class CacheServer(Fact, frozen=True, kw_only=True):
    """Who answers at the cache's URL, and how it is bounded."""

    ping: Reply
    """PING with the declared login."""

    ping_detail: str
    """What came back."""

    product: str
    """``redis`` or ``valkey``; empty when it did not say."""

    version: str
    """Its version; empty when it did not say."""

    max_memory_bytes: int | None
    """``maxmemory``, 0 meaning no bound; ``None`` when not allowed to see."""

    eviction_policy: str | None
    """``maxmemory_policy``; ``None`` when not allowed to see."""

    limits_unseen: str
    """Why the limits were not seen; empty when they were."""


class CacheAnswers(Record, frozen=True):
    """How one address met each way of asking."""

    address: str
    """``ip:port``."""

    plaintext: Reply
    """PING without TLS."""

    plaintext_detail: str
    """What came back."""

    encrypted: Reply
    """The positive control: PING over verified TLS with the declared login."""

    encrypted_detail: str
    """What came back."""

    without_login: Reply
    """PING over verified TLS without a login."""

    without_login_detail: str
    """What came back."""


class CacheUrl(Record, frozen=True):
    """What a cache URL says of encryption, and nothing else of it."""

    origin: str
    """Where it was read: the name of the environment variable."""

    encrypted: bool
    """Whether it is ``rediss://``."""

    verified: bool
    """Whether certificate verification is left on."""


class CacheEncryption(Fact, frozen=True, kw_only=True):
    """Encryption between the cache and its clients."""

    answers: tuple[CacheAnswers, ...]
    """Every address behind the cache's host."""

    plain_port: int | None
    """``CONFIG GET port``: 0 when closed; ``None`` when not allowed to see."""

    plain_port_reply: Reply | None
    """PING without TLS at that port of the same host; ``None`` when closed or not known."""

    application: tuple[CacheUrl, ...]
    """Cache URLs in the application's environment file."""
