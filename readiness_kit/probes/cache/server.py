"""Ask Redis or Valkey who it is and how it is bounded, and try every way of asking."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from readiness_kit.errors import NotSeen
from readiness_kit.facts.cache.server import (
    CacheAnswers,
    CacheEncryption,
    CacheServer,
    CacheUrl,
    Reply,
)
from readiness_kit.probes.environment.file import parse
from readiness_kit.sources import Address, Visit, source

TIMEOUT_S = 2.0
LINE_CAP_BYTES = 512
NO_LOGIN = (b"-NOAUTH", b"-ERR operation not permitted")
"""How the cache asks for a login: as it does now, and as before version 2.8."""

TLS_ALERT = b"\x15"
END = b"\n"


class Place(NamedTuple):
    """What a cache URL says."""

    host: str
    port: int
    encrypted: bool
    login: tuple[str, ...]
    """Nothing, a password, or a user and a password."""


Answer = tuple[Reply, str]
"""How it answered, and with what words."""


@source(effect="read", asks="PING and INFO", deadline_s=8)
def cache_server(visit: Visit) -> CacheServer:
    """Ask the cache who it is, with the declared login."""
    info: dict[str, str | int | float] = {}
    unseen = ""
    with cache_client(visit) as client:
        ping, detail = _replied(client.ping)
        if ping == "pong":
            try:
                info = {**client.info("server"), **client.info("memory")}
            except redis.RedisError as error:
                unseen = f"INFO was refused: {error}; grant the login +info"
    product = "valkey" if "valkey_version" in info else "redis" if info else ""
    limit, policy = info.get("maxmemory"), info.get("maxmemory_policy")
    return CacheServer(
        observed_at=datetime.now(UTC),
        ping=ping,
        ping_detail=detail,
        product=product,
        version=str(info.get(f"{product}_version", "")),
        max_memory_bytes=limit if isinstance(limit, int) else None,
        eviction_policy=policy if isinstance(policy, str) else None,
        limits_unseen=unseen,
    )


@source(effect="read", asks="3 PINGs per address, 1 CONFIG GET", deadline_s=15)
def cache_encryption(visit: Visit) -> CacheEncryption:
    """Ask each address of the cache in the clear, encrypted, and encrypted without a login."""
    place = cache_place(visit)
    addresses = _addresses(place)
    answers = tuple(_answers(visit, place, address) for address in addresses)
    port = _plain_port(visit) if any(one.encrypted == "pong" for one in answers) else None
    reply = None
    if port and port != place.port:
        replies = [_plain(visit, Address(one.ip, port))[0] for one in addresses]
        reply = max(replies, key=("refused", "could_not_ask", "login_required", "pong").index)
    return CacheEncryption(
        observed_at=datetime.now(UTC),
        answers=answers,
        plain_port=port,
        plain_port_reply=reply,
        application=tuple(_application_urls(visit.target.application.environment_file)),
    )


def cache_place(visit: Visit) -> Place:
    """Return what the cache's URL says.

    Raises:
        NotSeen: Not a URL of a host; the message does not quote it.

    """
    url = visit.cache.url
    try:
        parts = urlsplit(url.reveal())
        host, port = parts.hostname, parts.port or 6379
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme not in ("redis", "rediss"):
        raise NotSeen(
            f"{url.reference} holds no redis:// or rediss:// URL with a host",
            hint="rediss://user:password@host:port/0",
        )
    login = tuple(unquote(word) for word in (parts.username, parts.password) if word)
    return Place(host, port, parts.scheme == "rediss", login)


@contextlib.contextmanager
def cache_client(visit: Visit) -> Iterator[redis.Redis]:
    """Yield a client with the declared login, time-outs set and no retries."""
    place, ca = cache_place(visit), visit.cache.ca
    password = place.login[-1] if place.login else None
    client = redis.Redis(
        host=place.host,
        port=place.port,
        username=place.login[0] if len(place.login) > 1 else None,
        password=password,
        ssl=place.encrypted,
        ssl_ca_certs=str(ca) if ca else None,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        protocol=2,  # HELLO, which version 3 begins with, is not everywhere
        decode_responses=True,
    )
    visit.meter.count("connections")
    try:
        yield client
    finally:
        client.close()


def _replied(ask: Callable[[], object]) -> Answer:
    """Return how redis-py fared: a login refused is an answer, no connection is none."""
    try:
        return ("pong", "PONG") if ask() else ("could_not_ask", "an answer that is no PONG")
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        return "refused", str(error)
    except redis.ConnectionError as error:
        raise NotSeen(f"no connection to the cache: {error}", hint="check cache.url") from error
    except redis.RedisError as error:
        raise NotSeen(f"the cache did not answer PING: {error}", hint="check cache.url") from error


def _plain_port(visit: Visit) -> int | None:
    try:
        with cache_client(visit) as client:
            return int(client.config_get("port")["port"] or "")
    except (redis.RedisError, KeyError, ValueError, TypeError):
        return None


def _addresses(place: Place) -> tuple[Address, ...]:
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSeen(f"{place.host} does not resolve: {error}", hint="check cache.url") from error
    return tuple(Address(ip, place.port) for ip in dict.fromkeys(str(one[4][0]) for one in found))


def _answers(visit: Visit, place: Place, address: Address) -> CacheAnswers:
    plain = _plain(visit, address)
    encrypted: Answer = ("could_not_ask", "the declared URL is not rediss://")
    anonymous = encrypted
    if place.encrypted:
        encrypted = _encrypted(visit, place, address, place.login)
        anonymous = _encrypted(visit, place, address, ())
    return CacheAnswers(
        address=str(address),
        plaintext=plain[0],
        plaintext_detail=plain[1],
        encrypted=encrypted[0],
        encrypted_detail=encrypted[1],
        without_login=anonymous[0],
        without_login_detail=anonymous[1],
    )


def _plain(visit: Visit, address: Address) -> Answer:
    try:
        with visit.connect(address, TIMEOUT_S) as connection:
            return _said(_line(connection, _command("PING")))
    except ConnectionError as error:
        return "refused", type(error).__name__
    except OSError as error:
        return "could_not_ask", str(error)


def _encrypted(visit: Visit, place: Place, address: Address, login: tuple[str, ...]) -> Answer:
    context = ssl.create_default_context(cafile=str(visit.cache.ca) if visit.cache.ca else None)
    try:
        with (
            visit.connect(address, TIMEOUT_S) as raw,
            context.wrap_socket(raw, server_hostname=place.host) as connection,
        ):
            if login:
                said = _line(connection, _command("AUTH", *login))
                if not said.startswith(b"+OK"):
                    return "refused", _shown(said)
            line = _line(connection, _command("PING"))
            if line.startswith(b"-") and not line.startswith(NO_LOGIN):
                return "could_not_ask", _shown(line)  # whoever lacks PING may still read and write
            return _said(line)
    except ssl.SSLCertVerificationError as error:
        return "refused", error.verify_message
    except OSError as error:
        return "could_not_ask", f"{type(error).__name__}: {error}"


def _said(line: bytes) -> Answer:
    if line.startswith(b"+PONG"):
        return "pong", "PONG"
    if line.startswith(b"-"):
        return "login_required", _shown(line)
    if not line or line.startswith(TLS_ALERT):
        return "refused", "closed" if not line else "TLS alert"
    return "could_not_ask", f"neither RESP nor TLS: {_shown(line)}"


def _shown(line: bytes) -> str:
    return line[:80].decode("ascii", "replace").strip()


def _command(*words: str) -> bytes:
    """Return *words* as a RESP array (redis.io, Redis serialization protocol)."""
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded)


def _line(connection: socket.socket, command: bytes) -> bytes:
    """Send *command* and return the answer's first line, of bounded length, in bounded time."""
    connection.sendall(command)
    said, until = b"", time.monotonic() + TIMEOUT_S
    while END not in said and not said.startswith(TLS_ALERT) and len(said) < LINE_CAP_BYTES:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no whole line in time")
        connection.settimeout(left_s)
        more = connection.recv(LINE_CAP_BYTES)
        if not more:
            break
        said += more
    return said


def _application_urls(file: Path | None) -> Iterator[CacheUrl]:
    """Yield what the cache URLs in *file* say of encryption."""
    if file is None:
        return
    try:
        variables = parse(file.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}",
            hint="correct application.environment_file",
        ) from error
    for name, value in variables.items():
        scheme, _, rest = value.partition("://")
        if scheme in ("redis", "rediss"):
            options = {
                key: words[-1].lower() for key, words in parse_qs(rest.partition("?")[2]).items()
            }
            lax = options.get("ssl_cert_reqs") in {"none", "optional", "cert_none"}
            nameless = options.get("ssl_check_hostname") in {"false", "0", "no"}
            yield CacheUrl(
                origin=name, encrypted=scheme == "rediss", verified=not (lax or nameless)
            )
