"""Heads of HTTP/1.1 answers, read strictly: the malformed and the ambiguous are refused."""

import re
from functools import lru_cache
from typing import NamedTuple

from readiness_kit.errors import ReadinessError

INTERIM = frozenset({100, 103})
"""Statuses that announce the answer; they are skipped."""

Fields = tuple[tuple[str, str], ...]
"""Names, in lower case, and values, in the order in which they came."""

USE_ANOTHER = "use OpenUser for this request"
"""What to do about most answers that cannot be read."""

_BEGIN = b"HTTP/1."
_SETTINGS_FRAME = re.compile(rb"\x00..\x04", re.DOTALL)  # RFC 9113, 4.1: the first thing said
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)")


class Unsupported(ReadinessError):
    """An answer that the fast lane cannot read without guessing."""

    def __init__(self, got: str, wanted: str, *, hint: str = USE_ANOTHER) -> None:
        """Say what came, what would have been read, and what to do."""
        super().__init__(f"got {got}, wanted {wanted}", hint=hint)


class Head(NamedTuple):
    """What the head of an answer says about the rest."""

    status: int
    fields: Fields
    length: int | None
    """Bytes of the body; None where only its end tells."""

    chunked: bool
    keeps: bool
    """Whether the connection can be used again."""

    @property
    def bodyless(self) -> bool:
        """Whether such an answer never has a body."""
        return self.status < 200 or self.status in {204, 304}

    def field(self, name: str) -> str | None:
        """Return the values of a field, joined by commas; *name* in lower case."""
        values = [value for one, value in self.fields if one == name]
        return ", ".join(values) if values else None


def read_head(head: bytes) -> Head:
    r"""Return what a head says, from the status line to the empty line.

    Raises:
        Unsupported: It is malformed, ambiguous, or asks for another protocol.

    >>> head = read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: now\r\n\r\n")
    >>> head.status, head.fields
    (200, (('content-length', '2'), ('date', 'now')))
    >>> head.length, head.chunked, head.keeps
    (2, False, True)
    """
    first, *lines = head[:-4].split(b"\r\n")
    status_line = _STATUS.fullmatch(first)
    if status_line is None:
        raise Unsupported(f"the status line {first[:40]!r}", "one of HTTP/1.1")
    status, old = int(status_line[2]), not int(status_line[1])
    if status < 200 and status not in INTERIM:
        raise Unsupported(f"status {status}", "a final answer, 100 or 103")
    fields = tuple(read_field(line) for line in lines)
    chunked = _is_chunked(fields, forbidden=old or status < 200 or status == 204)
    length = _length(fields)
    if chunked and length is not None:
        raise Unsupported(
            "both Transfer-Encoding and Content-Length",
            "one of them",
            hint="correct the target: proxies may disagree where such an answer ends",
        )
    asked = _tokens(fields, "connection")
    keeps = "close" not in asked and (not old or "keep-alive" in asked)
    bounded = chunked or length is not None or status in {204, 304}
    return Head(status, fields, length, chunked, keeps and bounded)


common_head = lru_cache(maxsize=1024)(read_head)
"""As :func:`read_head`, remembered: the heads of a load test repeat."""


def read_field(line: bytes) -> tuple[str, str]:
    """Return the name, in lower case, and the value of a header line.

    Raises:
        Unsupported: It is none, or is continued on the next line.

    """
    field = _FIELD.fullmatch(line)
    if field is None:
        raise Unsupported(f"the header line {line[:20]!r}", "a name, a colon and a value")
    return field[1].decode("ascii").lower(), field[2].strip(b" \t").decode("latin-1")


def check_begins(data: bytes | bytearray) -> None:
    """Raise :class:`Unsupported` unless *data* begins as HTTP/1 does; it may be short.

    >>> check_begins(b"HTT")
    """
    if data[: len(_BEGIN)] == _BEGIN[: len(data)]:
        return
    if data.startswith((b"PRI ", b"HTTP/2")) or _SETTINGS_FRAME.match(data):
        raise Unsupported("HTTP/2", "HTTP/1.1", hint="let the target speak HTTP/1.1 on this port")
    if data.startswith((b"\x15\x03", b"\x16\x03")):
        raise Unsupported("TLS", "HTTP/1.1 in the clear", hint="use an https address")
    raise Unsupported(
        repr(bytes(data[:16])),
        "the status line of HTTP/1.1",
        hint="check that an HTTP server listens there; HTTP/0.9 is not spoken",
    )


def _tokens(fields: Fields, name: str) -> set[str]:
    values = ",".join(value for one, value in fields if one == name)
    return {token.strip().lower() for token in values.split(",")}


def _is_chunked(fields: Fields, *, forbidden: bool) -> bool:
    codings = [value.lower() for name, value in fields if name == "transfer-encoding"]
    if not codings:
        return False
    if codings != ["chunked"]:
        raise Unsupported(f"Transfer-Encoding {', '.join(codings)}", "chunked alone")
    if forbidden:
        raise Unsupported("Transfer-Encoding where none may be", "none in HTTP/1.0, 1xx and 204")
    return True


def _length(fields: Fields) -> int | None:
    found = sorted({value for name, value in fields if name == "content-length"})
    if not found:
        return None
    if len(found) > 1:
        raise Unsupported(f"Content-Length {' and '.join(found)}", "one length")
    value = found[0]
    if not (value.isascii() and value.isdecimal() and len(value) < 16):
        raise Unsupported(f"Content-Length {value[:20]!r}", "a number of bytes")
    return int(value)
