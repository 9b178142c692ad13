"""The sandbox's error tracker: ``python -m readiness_kit.sandbox.tracker PORT``.

It takes events as Sentry's relay does, in envelopes, and lists them as Sentry's API does: the last
hundred, kept in memory. The key of senders and the token of readers come from its environment.
"""

import gzip
import hmac
import importlib
import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypedDict, cast

from readiness_kit.sandbox.layout import Layout, Ports
from readiness_kit.servers.ports import LOOPBACK
from readiness_kit.servers.process import Command, Process

KEPT = 100
LONGEST_BODY = 2_000_000
EVENTS_PATH = "/api/0/projects/quill/quill/events/"
ENVELOPE_PATH = "/api/1/envelope/"

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Tag(TypedDict):
    """One label of an event."""

    key: str
    value: str


class Listed(TypedDict):
    """One event, as it is listed."""

    eventID: str
    title: str
    dateReceived: str
    tags: list[Tag]
    context: Json


def make_tracker(layout: Layout, ports: Ports, passwords: dict[str, str]) -> Process:
    """Return the tracker's process, not started."""
    return Process(
        Command(
            name="tracker",
            argv=[sys.executable, "-m", "readiness_kit.sandbox.tracker", str(ports.tracker)],
            log=layout.logs / "tracker.log",
            directory=layout.root,
            environment={
                "TRACKER_KEY": passwords["tracker"],
                "TRACKER_TOKEN": passwords["tracker_reader"],
            },
        )
    )


def address(ports: Ports, passwords: dict[str, str]) -> str:
    """Return where the service sends its events (a DSN of Sentry's protocol)."""
    return f"http://{passwords['tracker']}@{LOOPBACK}:{ports.tracker}/1"


def events(envelope: bytes) -> Iterator[dict[str, Json]]:
    r"""Yield the error events in *envelope*; transactions, sessions and the like are passed over.

    >>> [one["level"] for one in events(b'{}\n{"type": "event"}\n{"level": "error"}\n')]
    ['error']
    """
    rest = envelope.partition(b"\n")[2]
    while rest.strip():
        head, _, rest = rest.partition(b"\n")
        item = json.loads(head)
        length = item.get("length")
        end = length if isinstance(length, int) else (rest + b"\n").index(b"\n")
        payload, rest = rest[:end], rest[end:].removeprefix(b"\n")
        if item.get("type") == "event":
            found = json.loads(payload)
            if isinstance(found, dict):
                yield found


def unpacked(body: bytes, encoding: str) -> bytes:
    """Return *body* without its compression; a client takes brotli where that is installed."""
    if encoding == "br":
        return bytes(importlib.import_module("brotli").decompress(body))
    return gzip.decompress(body) if encoding == "gzip" else body


def listed(event: dict[str, Json]) -> Listed:
    """Return *event* as the API lists it."""
    labels = [
        (name, event[name]) for name in ("environment", "release", "level") if event.get(name)
    ]
    entry = event.get("logentry")
    message = entry.get("message") if isinstance(entry, dict) else event.get("message")
    return {
        "eventID": str(event.get("event_id", "")),
        "title": str(message or "")[:200],
        "dateReceived": datetime.now(UTC).isoformat(),
        "tags": [{"key": name, "value": str(value)} for name, value in labels],
        "context": event.get("extra"),
    }


class Tracker(ThreadingHTTPServer):
    """Keeps the last events."""

    daemon_threads = True

    def __init__(self, port: int, key: str, token: str) -> None:
        """Listen on *port* of this host for senders with *key* and readers with *token*."""
        super().__init__((LOOPBACK, port), _Handler)
        self.key = key
        self.token = token
        self.kept: deque[Listed] = deque(maxlen=KEPT)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10.0

    def do_POST(self) -> None:
        """Take an envelope."""
        tracker = cast("Tracker", self.server)
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self._answer(413, {"detail": "too long, or of unknown length"})
            return
        body = self.rfile.read(int(length))
        sent = f"sentry_key={tracker.key}" in self.headers.get("x-sentry-auth", "")
        if not sent or self.path != ENVELOPE_PATH:
            self._answer(403, {"detail": "no such project, or another key"})
            return
        try:
            plain = unpacked(body, self.headers.get("content-encoding", ""))
            tracker.kept.extend([listed(one) for one in events(plain)])
        except Exception as error:  # noqa: BLE001 - brotli's own error has no better base
            self._answer(400, {"detail": f"no envelope: {error}"})
            return
        self._answer(200, {})

    def do_GET(self) -> None:
        """List the events, the newest first."""
        tracker = cast("Tracker", self.server)
        given = self.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {tracker.token}".encode()):
            self._answer(401, {"detail": "authentication credentials were not provided"})
        elif self.path.partition("?")[0] != EVENTS_PATH:
            self._answer(404, {"detail": "the requested resource does not exist"})
        else:
            self._answer(200, [*reversed(tracker.kept)])

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server
        """Be quiet: a request line says nothing that is not listed."""


def main() -> None:
    """Listen until this process is ended."""
    port, environment = int(sys.argv[1]), os.environ
    Tracker(port, environment["TRACKER_KEY"], environment["TRACKER_TOKEN"]).serve_forever()


if __name__ == "__main__":
    main()
