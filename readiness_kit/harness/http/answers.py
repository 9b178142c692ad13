"""Answers of HTTP/1.1, read from the bytes as they come, without a socket.

:func:`whole` reads the common case: a head and a body of known length, all of it there.
:func:`reading` reads the rest: chunks, bodies that end with the connection, interim answers, bytes
that come in pieces. Both refuse what they do not know; neither guesses.
"""

import re
import zlib
from collections.abc import Generator

from readiness_kit.harness.http.heads import (
    INTERIM,
    Fields,
    Head,
    Unsupported,
    check_begins,
    common_head,
    read_field,
    read_head,
)

MOST_HEAD = 64 * 1024
"""Longest head, and longest trailer, bytes."""

MOST_BODY = 16 * 1024 * 1024
"""Longest body, bytes, on the wire and decoded."""

_EOL = b"\r\n"
_END = _EOL + _EOL
_REMEMBERED = 2048  # longest head that is remembered: bounds the memory
_LINE = 4096
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


class CutShort(ConnectionError):
    """The connection ended before the answer did."""


class Answer:
    """An answer, whole; its body is decoded when it is asked for."""

    __slots__ = ("_body", "encoded", "head", "status")

    def __init__(self, head: Head, encoded: bytes) -> None:
        """Keep the body as it came."""
        self.status = head.status
        self.head = head
        self.encoded = encoded
        self._body: bytes | None = None

    @property
    def headers(self) -> Fields:
        """Names, in lower case, and values, in the order in which they came."""
        return self.head.fields

    @property
    def body(self) -> bytes:
        """The body without its content coding.

        Raises:
            Unsupported: The coding is not known, or broken, or the body is too long.

        """
        if self._body is None:
            self._body = decoded(self.encoded, self.head.field("content-encoding"))
        return self._body


def whole(data: bytes) -> Answer | None:
    r"""Return the answer when *data* is all of it and its head gives its length, otherwise None.

    Not for answers to HEAD, whose length is that of a body that does not come.

    Raises:
        Unsupported: The head is not one that can be read.

    >>> whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").body
    b'hi'
    >>> whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh")
    """
    end = data.find(_END) + 4
    if not 4 <= end <= _REMEMBERED:
        return None
    head = common_head(data[:end])
    if head.length != len(data) - end or head.bodyless:
        return None
    return Answer(head, data[end:])


def reading(*, to_head: bool = False) -> Generator[None, bytes, Answer]:
    """Read one answer from the bytes that are sent in; no bytes mean that the connection ended.

    *to_head* tells that the request was HEAD, to which no body belongs.

    Raises:
        CutShort: The connection ended too early.
        Unsupported: The answer is not one that can be read.

    """
    data = bytearray()
    head = yield from _final_head(data)
    if to_head or head.bodyless:
        body = b""
    elif head.chunked:
        body = yield from _chunks(data)
    elif head.length is not None:
        body = yield from _sized(data, head.length)
    else:
        body = yield from _until_end(data)
    if data:
        raise Unsupported(
            f"{len(data)} bytes after the end of an answer",
            "none before the next request",
            hint="correct the length that the target gives, or look for what it sends unasked",
        )
    return Answer(head, body)


def decoded(body: bytes, coding: str | None) -> bytes:
    """Return *body* without its content *coding*: gzip, deflate or none.

    Raises:
        Unsupported: Another coding, a broken one, or more than :data:`MOST_BODY` in it.

    """
    name = (coding or "identity").strip().lower()
    if name == "identity" or not body:
        return body
    if name in {"gzip", "x-gzip"}:
        return _inflated(body, 16 + zlib.MAX_WBITS)
    if name == "deflate":
        # RFC 9110 means the format of zlib; some servers send the bare stream
        of_zlib = body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0
        return _inflated(body, zlib.MAX_WBITS if of_zlib else -zlib.MAX_WBITS)
    raise Unsupported(
        f"Content-Encoding {name}", "gzip, deflate or none", hint="ask with Accept-Encoding: gzip"
    )


def _inflated(body: bytes, window: int) -> bytes:
    inflate = zlib.decompressobj(window)
    try:
        out = inflate.decompress(body, MOST_BODY + 1)
    except zlib.error as error:
        raise Unsupported(f"a broken content coding: {error}", "gzip or deflate") from error
    _check_size(len(out))
    if not inflate.eof or inflate.unused_data:
        what = "bytes after the end of" if inflate.eof else "no end of"
        raise Unsupported(f"{what} a coded body", "one stream of gzip or deflate")
    return out


def _final_head(data: bytearray) -> Generator[None, bytes, Head]:
    while True:
        while len(data) < 8:
            check_begins(data)
            yield from _more(data)
        check_begins(data)
        end = yield from _find(data, _END, MOST_HEAD, "head")
        head = read_head(bytes(data[:end]))
        del data[:end]
        if head.status not in INTERIM:
            return head


def _sized(data: bytearray, length: int) -> Generator[None, bytes, bytes]:
    _check_size(length)
    while len(data) < length:
        yield from _more(data)
    body = bytes(data[:length])
    del data[:length]
    return body


def _until_end(data: bytearray) -> Generator[None, bytes, bytes]:
    while got := (yield):
        data += got
        _check_size(len(data))
    body = bytes(data)
    data.clear()
    return body


def _chunks(data: bytearray) -> Generator[None, bytes, bytes]:
    body = bytearray()
    while size := _chunk_size((yield from _line(data))):
        _check_size(len(body) + size)
        while len(data) < size + len(_EOL):
            yield from _more(data)
        if not data.startswith(_EOL, size):
            raise Unsupported(f"a chunk that does not end after {size} bytes", "its end there")
        body += data[:size]
        del data[: size + len(_EOL)]
    left = MOST_HEAD
    while line := (yield from _line(data)):
        read_field(line)
        left -= len(line)
        if left < 0:
            raise Unsupported(f"trailers of over {MOST_HEAD} bytes", f"at most {MOST_HEAD}")
    return bytes(body)


def _chunk_size(line: bytes) -> int:
    size = _CHUNK.fullmatch(line)
    if size is None:
        raise Unsupported(f"the chunk size {line[:20]!r}", "hexadecimal digits")
    return int(size[1], 16)


def _line(data: bytearray) -> Generator[None, bytes, bytes]:
    end = yield from _find(data, _EOL, _LINE, "line among the chunks")
    line = bytes(data[: end - len(_EOL)])
    del data[:end]
    return line


def _find(data: bytearray, mark: bytes, most: int, what: str) -> Generator[None, bytes, int]:
    """Return where *mark* ends."""
    looked = 0
    while (at := data.find(mark, looked)) < 0 and len(data) <= most:
        looked = max(0, len(data) - len(mark) + 1)
        yield from _more(data)
    if not 0 <= at <= most:
        raise Unsupported(f"a {what} of over {most} bytes", f"at most {most}")
    return at + len(mark)


def _more(data: bytearray) -> Generator[None, bytes]:
    got = yield
    if not got:
        raise CutShort("the connection ended before the answer did")
    data += got


def _check_size(size: int) -> None:
    if size > MOST_BODY:
        raise Unsupported(f"a body of {size} bytes or more", f"at most {MOST_BODY}")
