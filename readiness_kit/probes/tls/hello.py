"""A TLS client that says hello and listens to the first answer, nothing more.

An OpenSSL 3 client cannot offer SSL 3 at all, TLS 1.0 and 1.1 only at security level 0, and most
broken suites never: with it, an insecure server looks safe. These hellos are written out by hand
(RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6101 5.6.1.2), so that any version and suite can be offered.
"""

import contextlib
import ipaddress
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from readiness_kit.facts.tls.offer import Answer, Version

CODES: dict[Version, int] = {
    "SSLv3": 0x0300,
    "TLSv1": 0x0301,
    "TLSv1.1": 0x0302,
    "TLSv1.2": 0x0303,
    "TLSv1.3": 0x0304,
}
MODERN_SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
"""TLS 1.3 suites, all of them AEAD (RFC 8446 B.4)."""

USUAL_SUITES = (
    *(0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC009, 0xC013, 0xC00A, 0xC014),
    *(0x009C, 0x009D, 0x002F, 0x0035, 0x0033, 0x0039, 0x0016, 0x000A, 0x0005, 0x0004),
)
"""What an ordinary client of the last twenty years would offer."""

SIGNALLING_SUITE = 0x00FF
"""TLS_EMPTY_RENEGOTIATION_INFO_SCSV: some servers refuse a hello without it (RFC 5746)."""

X25519 = 0x001D
GROUPS = (X25519, 0x0017, 0x0018, 0x0019, 0x001E, 0x001A, 0x001B, 0x001C, *range(0x0100, 0x0105))
GROUPS_OLD = tuple(range(0x0001, 0x0017))
SIGNATURES = (
    *(0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x0807, 0x0808, 0x0403, 0x0503, 0x0603),
    *(0x0401, 0x0501, 0x0601, 0x0402, 0x0303, 0x0301, 0x0203, 0x0201, 0x0202, 0x0101),
)

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    40: "handshake_failure",
    47: "illegal_parameter",
    50: "decode_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    109: "missing_extension",
    112: "unrecognized_name",
    120: "no_application_protocol",
}
ALERT, HANDSHAKE = 21, 22
SERVER_HELLO = 2
WARNING = 1
RECORD_CAP_BYTES = 1 << 14
RECORDS_CAP = 16
"""More records than this before a ServerHello is no handshake."""


@cache
def suites() -> dict[int, str]:
    """Return every suite of TLS 1.2 and older by code: the IANA registry and the drafts in use."""
    text = resources.files("readiness_kit.probes.tls").joinpath("suites.tsv").read_text("ascii")
    rows = (line.split("\t") for line in text.splitlines())
    return {int(code, 16): name for code, name in rows}


class Heard(NamedTuple):
    """The first answer to a hello, and the suite a ServerHello chose."""

    answer: Answer
    suite: int | None = None


def ask(
    connect: Callable[[], socket.socket],
    version: Version,
    host: str,
    offered: Sequence[int],
    timeout_s: float,
) -> Heard:
    """Offer *version* alone, with the suites *offered*, and return what came back.

    The time is total: a server that drips bytes cannot stretch it.
    """
    ends = time.monotonic() + timeout_s
    try:
        with contextlib.closing(connect()) as wire:
            wire.settimeout(timeout_s)
            wire.sendall(hello(version, host, offered))
            return _listen(wire, version, ends)
    except TimeoutError:
        return Heard(Answer(outcome="unanswered", detail=f"silent for {timeout_s:g} s"))
    except OSError as error:
        return Heard(Answer(outcome="unanswered", detail=error.strerror or str(error)))


def hello(version: Version, host: str, offered: Sequence[int]) -> bytes:
    """Return a ClientHello record that offers *version* alone, with the suites *offered*."""
    modern = version == "TLSv1.3"
    code = CODES["TLSv1.2"] if modern else CODES[version]
    listed = b"".join(struct.pack(">H", suite) for suite in (*offered, SIGNALLING_SUITE))
    session = os.urandom(32) if modern else b""
    body = struct.pack(">H", code) + os.urandom(32) + _short(session) + _long(listed) + b"\x01\x00"
    if version != "SSLv3":
        body += _long(b"".join(_extensions(version, host)))
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return struct.pack(">BHH", HANDSHAKE, min(code, CODES["TLSv1"]), len(message)) + message


def _extensions(version: Version, host: str) -> Iterator[bytes]:
    if not _is_address(host):
        yield _extension(0, _long(b"\x00" + _long(host.encode("idna"))))
    modern = version == "TLSv1.3"
    groups = GROUPS if modern else (*GROUPS, *GROUPS_OLD)
    yield _extension(10, _long(b"".join(struct.pack(">H", group) for group in groups)))
    yield _extension(13, _long(b"".join(struct.pack(">H", one) for one in SIGNATURES)))
    if not modern:
        yield _extension(11, _short(b"\x00\x01\x02"))
        yield _extension(23, b"")
        return
    yield _extension(43, _short(struct.pack(">H", CODES["TLSv1.3"])))
    yield _extension(45, _short(b"\x01"))
    yield _extension(51, _long(struct.pack(">H", X25519) + _long(os.urandom(32))))


def _listen(wire: socket.socket, version: Version, ends: float) -> Heard:
    handshake = b""
    for _ in range(RECORDS_CAP):
        head = _exactly(wire, 5, ends)
        kind, major, length = head[0], head[1], int.from_bytes(head[3:], "big")
        if kind not in (ALERT, HANDSHAKE) or major != 3 or not 0 < length <= RECORD_CAP_BYTES:
            return Heard(Answer(outcome="not_tls", detail=f"{head!r}"))
        body = _exactly(wire, length, ends)
        if kind == ALERT:
            if len(body) == 2 and body[0] == WARNING and body[1] != 0:
                continue
            return Heard(_alert(body))
        handshake += body
        if len(handshake) >= 4 and len(handshake) >= 4 + int.from_bytes(handshake[1:4], "big"):
            return _server_hello(handshake, version)
    return Heard(Answer(outcome="not_tls", detail="no ServerHello among the first records"))


def _alert(body: bytes) -> Answer:
    if len(body) != 2 or body[1] == 0:
        return Answer(outcome="unanswered", detail="closed without a fatal alert")
    return Answer(outcome="refused", detail=f"alert {ALERTS.get(body[1], body[1])}")


def _server_hello(message: bytes, version: Version) -> Heard:
    """Read version and suite; a HelloRetryRequest has the same form and means the same here."""
    if message[0] != SERVER_HELLO:
        return Heard(Answer(outcome="not_tls", detail="a handshake without a ServerHello"))
    try:
        (chosen,) = struct.unpack_from(">H", message, 4)
        at = 39 + message[38]
        (suite,) = struct.unpack_from(">H", message, at)
        extensions = message[at + 5 : 4 + int.from_bytes(message[1:4], "big")]
        chosen = _supported_version(extensions) or chosen
    except (IndexError, struct.error):
        return Heard(Answer(outcome="not_tls", detail="a malformed ServerHello"))
    if chosen == CODES[version]:
        return Heard(Answer(outcome="accepted", detail=version), suite)
    named = next((name for name, code in CODES.items() if code == chosen), hex(chosen))
    return Heard(Answer(outcome="refused", detail=f"answered with {named}"))


def _supported_version(extensions: bytes) -> int | None:
    at = 0
    while at + 4 <= len(extensions):
        kind, length = struct.unpack_from(">HH", extensions, at)
        if kind == 43 and length == 2:
            return int.from_bytes(extensions[at + 4 : at + 6], "big")
        at += 4 + length
    return None


def _exactly(wire: socket.socket, size: int, ends: float) -> bytes:
    data = b""
    while len(data) < size:
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        wire.settimeout(left)
        chunk = wire.recv(size - len(data))
        if not chunk:
            raise ConnectionError("closed without an answer")
        data += chunk
    return data


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _short(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def _long(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def _extension(kind: int, data: bytes) -> bytes:
    return struct.pack(">H", kind) + _long(data)
