"""Requests of HTTP/1.1 as bytes, made once and sent many times."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HOST = re.compile(r"[A-Za-z0-9.\-_]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_PATH = re.compile(r"/[\x21-\x7e]*")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_BODIED = frozenset({"POST", "PUT", "PATCH"})
_OURS = frozenset({"content-length", "host", "transfer-encoding"})
_UNKNOWN = frozenset({"expect", "te", "trailer", "upgrade"})


class Prepared(NamedTuple):
    """A request, ready to be sent."""

    raw: bytes
    idempotent: bool
    """Whether it may be sent twice (RFC 9110, 9.2.2)."""

    to_head: bool
    """Whether its answer has no body."""

    def __repr__(self) -> str:
        """Show the request line; headers and body may hold secrets."""
        return f"Prepared({self.raw.partition(b' HTTP/')[0].decode('ascii')})"


def prepare(
    method: str, host: str, path: str, headers: Mapping[str, str], body: bytes = b""
) -> Prepared:
    r"""Return a request for *path* at *host*, which may name a port; its length is added.

    Raises:
        ValueError: A part would break the request, or asks for what the fast lane does not do.

    >>> prepare("GET", "localhost:8000", "/a", {"Accept": "*/*"}).raw
    b'GET /a HTTP/1.1\r\nHost: localhost:8000\r\nAccept: */*\r\n\r\n'
    """
    _check("method", method, _TOKEN)
    _check("host", host, _HOST)
    _check("path", path, _PATH)
    if method == "CONNECT":
        raise ValueError("CONNECT: tunnels are not supported; name the target itself")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    for name, value in headers.items():
        _check("header name", name, _TOKEN)
        _check(f"value of {name}", value, _VALUE, secret=True)
        if name.lower() in _OURS:
            raise ValueError(f"{name} is written by prepare(); leave it out")
        if name.lower() in _UNKNOWN:
            raise ValueError(f"{name} is not supported; use OpenUser for this request")
        lines.append(f"{name}: {value}")
    if body or method in _BODIED:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return Prepared(head + body, method in _IDEMPOTENT, method == "HEAD")


def _check(what: str, text: str, good: re.Pattern[str], *, secret: bool = False) -> None:
    if not good.fullmatch(text):
        shown = "" if secret else f": {text!r}"
        raise ValueError(f"{what} with characters that may not be there{shown}")
