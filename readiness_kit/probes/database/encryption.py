"""Try each way of connecting to PostgreSQL, and read what it says of its sessions and rules."""

import re
import socket
import struct
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl

from psycopg.rows import DictRow

from readiness_kit.errors import NotSeen
from readiness_kit.facts.database.encryption import (
    Answer,
    ConnectionString,
    DatabaseEncryption,
    HbaRule,
    WireAnswers,
)
from readiness_kit.probes.database.session import (
    Params,
    Server,
    Session,
    parameters,
    servers,
    session,
)
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.environment.file import parse
from readiness_kit.sources import Address, Visit, source

TIMEOUT_S = 3.0
PROTOCOL_3 = 196608
SHORTEST_MESSAGE = 9
ERROR = b"E"
REFUSALS = frozenset({"28000", "08P01"})
"""SQLSTATE of a start-up that pg_hba.conf rejects, and of PgBouncer's "SSL required"."""

_URL = re.compile(r"postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SSL = {"true": "require", "1": "require", "false": "disable", "0": "disable"} | {
    mode: mode for mode in _MODES
}
"""Values of the option ``ssl`` of other libraries, as modes of libpq."""


class Said(NamedTuple):
    """How a server met one way of connecting, and with what words."""

    answer: Answer
    detail: str


class Looked(NamedTuple):
    """What one server says of its sessions and rules."""

    told: DictRow
    rules: tuple[HbaRule, ...] | None
    unseen: str


@source(
    effect="read", asks="5 connections per address and 2 SQL statements per server", deadline_s=20
)
def database_encryption(visit: Visit) -> DatabaseEncryption:
    """Dial every declared server with and without TLS, and ask each about its sessions.

    Raises:
        NotSeen: The DSN names no TCP host, or the role may not see the sessions.

    """
    strings = [parameters(dsn) for dsn in (visit.database.dsn, *visit.database.replicas)]
    if not all(servers(params) for params in strings):
        raise NotSeen(
            "a connection string names a Unix socket, which nothing on the network can dial",
            hint="give database.dsn the host by which the application connects",
        )
    places = [(params, server) for params in strings for server in servers(params)]
    answers = tuple(
        _dial(visit, params, server, address)
        for params, server in places
        for address in _addresses(server)
    )
    looked = [_look(visit, params, server) for params, server in places]
    sessions = [row for one in looked for row in one.told["sessions"]]
    unseen = [one.unseen for one in looked if one.rules is None]
    hidden = any(row["hidden"] for row in sessions)
    return DatabaseEncryption(
        observed_at=datetime.now(UTC),
        answers=answers,
        sessions_encrypted=None if hidden else sum(bool(row["ssl"]) for row in sessions),
        sessions_plain=tuple(
            row["address"] for row in sessions if not row["hidden"] and not row["ssl"]
        ),
        rules=None if unseen else tuple(rule for one in looked for rule in one.rules or ()),
        rules_unseen="; ".join(dict.fromkeys(unseen)),
        ssl_min_protocol_version=min(one.told["ssl_min_protocol_version"] for one in looked),
        password_encryption=looked[0].told["password_encryption"],
        application=_application(visit),
        given=_given(visit),
    )


def _look(visit: Visit, params: Params, server: Server) -> Looked:
    here = {**params, "host": server.host, "port": str(server.port), "target_session_attrs": "any"}
    if len(servers(params)) > 1:
        here.pop("hostaddr", None)
    with session(visit, here) as database:
        told = database.row(Sql.SESSIONS)
        rules, unseen = _rules(database, f"{server.host}:{server.port}")
    return Looked(told, rules, unseen)


def _dial(visit: Visit, params: Params, server: Server, address: Address) -> WireAnswers:
    plaintext = _plaintext(visit, params, address)
    if plaintext.answer == "refused" and visit.database.application_dsn is not None:
        application = parameters(visit.database.application_dsn)
        served = _plaintext(visit, application, address)  # pg_hba.conf may tell the roles apart
        plaintext = served if served.answer == "accepted" else plaintext
    here = {**params, "host": server.host, "hostaddr": address.ip, "port": str(address.port)}
    encrypted = _connect(visit, {**here, "sslmode": "require", "sslrootcert": ""})
    verified = Said("could_not_ask", "not tried: no encrypted connection")
    if encrypted.answer == "accepted":
        root = params.get("sslrootcert") or "system"
        verified = _connect(visit, {**here, "sslmode": "verify-full", "sslrootcert": root})
        if verified.answer == "could_not_ask":  # the control shows that only verifying fails
            verified = Said("refused", verified.detail)
    return WireAnswers(
        address=str(address),
        plaintext=plaintext.answer,
        plaintext_detail=plaintext.detail,
        encrypted=encrypted.answer,
        encrypted_detail=encrypted.detail,
        verified=verified.answer,
        verified_detail=verified.detail,
    )


def _connect(visit: Visit, params: Params) -> Said:
    try:
        with session(visit, params):
            return Said("accepted", "connected")
    except NotSeen as error:
        return Said("could_not_ask", error.message)


def _plaintext(visit: Visit, params: Params, address: Address) -> Said:
    """Start up without TLS, as far as the server's first message; no password is sent.

    libpq's texts are translated and its errors carry no SQLSTATE here, so the message is read from
    the wire (PostgreSQL manual 54.2.1 and 54.7).
    """
    user = params.get("user", "")
    fields = ("user", user, "database", params.get("dbname") or user, "")
    body = struct.pack("!i", PROTOCOL_3) + b"".join(one.encode() + b"\0" for one in fields)
    visit.meter.count("connections")
    try:
        # From the address libpq uses too, lest pg_hba.conf tell the two apart by it.
        with socket.create_connection((address.ip, address.port), TIMEOUT_S) as connection:
            connection.sendall(struct.pack("!i", len(body) + 4) + body)
            return _first_message(connection.recv(4096))
    except OSError as error:
        return Said("could_not_ask", f"{type(error).__name__}: {error}")


def _first_message(data: bytes) -> Said:
    """Return what the first message means: ``R`` goes on to authenticate, ``E`` is an error."""
    if len(data) < SHORTEST_MESSAGE:
        return Said("could_not_ask", f"{len(data)} bytes that are no message")
    kind, body = data[:1], data[5:]
    if kind in (b"R", b"v"):  # v: NegotiateProtocolVersion, before authentication
        return Said("accepted", "went on to authentication without TLS")
    fields = {field[:1]: field[1:].decode("utf-8", "replace") for field in body.split(b"\0")}
    state = fields.get(b"C", "")
    if kind == ERROR and state in REFUSALS:
        return Said("refused", f"{state} {fields.get(b'M', '')}"[:200])
    return Said("could_not_ask", f"{kind!r} {state} {fields.get(b'M', '')}"[:200])


def _addresses(server: Server) -> tuple[Address, ...]:
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSeen(f"{server.host} does not resolve: {error}", hint="check the DSN") from error
    return tuple(Address(ip, server.port) for ip in dict.fromkeys(str(one[4][0]) for one in found))


def _rules(database: Session, server: str) -> tuple[tuple[HbaRule, ...] | None, str]:
    try:
        rows = database.rows(Sql.HBA_RULES)
    except NotSeen as error:
        return None, f"{error.message}; {error.hint}"
    rules = (
        HbaRule(
            line=row["line"],
            kind=row["kind"],
            databases=tuple(row["databases"] or ()),
            users=tuple(row["users"] or ()),
            address=row["address"] or "",
            method=row["method"],
            server=server,
        )
        for row in rows
        if row["error"] is None and row["kind"]
    )
    return tuple(rules), ""


def _application(visit: Visit) -> ConnectionString | None:
    dsn = visit.database.application_dsn
    if dsn is None:
        return None
    params = parameters(dsn)
    return ConnectionString(
        origin="database.application_dsn",
        sslmode=params.get("sslmode"),
        root_certificate=bool(params.get("sslrootcert")),
        local_socket=not servers(params),
    )


def _given(visit: Visit) -> tuple[ConnectionString, ...] | None:
    """Return what the connection strings in the environment file say, or ``None`` if unreadable.

    Not read by libpq, which knows no dialect's driver, nor the options of other libraries.
    """
    file = visit.target.application.environment_file
    if file is None:
        return ()
    try:
        variables = parse(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    default = variables.get("PGSSLMODE")
    return tuple(
        given(name, value, default) for name, value in variables.items() if _URL.match(value)
    )


def given(name: str, url: str, default: str | None) -> ConnectionString:
    """Return what *url* says of encryption.

    >>> given("DB", "postgresql+asyncpg://app:x@db.example.com/a?ssl=require", None).sslmode
    'require'
    """
    _, _, rest = url.partition("://")
    where, _, query = rest.partition("?")
    options = dict(parse_qsl(query))
    host = options.get("host") or where.rpartition("@")[2].partition("/")[0]
    return ConnectionString(
        origin=name,
        sslmode=options.get("sslmode") or _SSL.get(options.get("ssl", ""), default),
        root_certificate="sslrootcert" in options,
        local_socket=host.lower().startswith(("/", "%2f")),
    )
