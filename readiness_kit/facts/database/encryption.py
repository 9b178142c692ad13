"""Which ways of connecting PostgreSQL takes, by trying, by its rules and by its sessions."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Answer = Literal["accepted", "refused", "could_not_ask"]
"""How a server met one way of connecting."""


class WireAnswers(Record, frozen=True):
    """How one address of the server met three ways of connecting."""

    address: str
    """``ip:port``."""

    plaintext: Answer
    """A start-up packet without TLS: was it led on to authentication?"""

    plaintext_detail: str
    """What came back."""

    encrypted: Answer
    """The positive control: ``sslmode=require`` with the probe's login."""

    encrypted_detail: str
    """What came back."""

    verified: Answer
    """``sslmode=verify-full`` with the DSN's root certificate, else the system's."""

    verified_detail: str
    """What came back."""


class HbaRule(Record, frozen=True):
    """One line of ``pg_hba.conf`` as the server read it."""

    line: int
    """Line number."""

    kind: str
    """``host``, ``hostssl``, ``hostnossl``, ``local`` …"""

    databases: tuple[str, ...]
    """Databases it is about."""

    users: tuple[str, ...]
    """Roles it is about."""

    address: str
    """Address, network or keyword it is about; empty for ``local``."""

    method: str
    """How it lets in, or ``reject``."""

    server: str = ""
    """Which server read it, ``host:port``: each has a file of its own."""


class ConnectionString(Record, frozen=True):
    """What a connection string says of encryption, and nothing else of it."""

    origin: str
    """Where it was read, e.g. ``database.application_dsn``."""

    sslmode: str | None
    """``sslmode`` as written; ``None`` means libpq's default, ``prefer``."""

    root_certificate: bool
    """Whether ``sslrootcert`` is set."""

    local_socket: bool
    """Whether it names a Unix socket instead of a host."""


class DatabaseEncryption(Fact, frozen=True, kw_only=True):
    """Encryption between the database and its clients."""

    answers: tuple[WireAnswers, ...]
    """Every address behind every declared server."""

    sessions_encrypted: int | None
    """TCP sessions with TLS now at every server, the probe's own left out; ``None`` when not
    allowed to see.
    """

    sessions_plain: tuple[str, ...]
    """Client addresses of TCP sessions without TLS, at every server."""

    rules: tuple[HbaRule, ...] | None
    """``pg_hba.conf`` of each server; ``None`` when not allowed to read one of them."""

    rules_unseen: str
    """Why the rules were not read, with the missing grant; empty when they were."""

    ssl_min_protocol_version: str
    """Oldest TLS version the server speaks."""

    password_encryption: str
    """How new passwords are hashed."""

    application: ConnectionString | None
    """The application's own connection string; ``None`` when not declared."""

    given: tuple[ConnectionString, ...] | None = ()
    """Connection strings in the application's environment file; ``None`` when unreadable."""
