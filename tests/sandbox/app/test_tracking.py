"""Errors reach a tracker, labelled, without secrets."""

import asyncio
import gzip
import importlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

sentry_sdk = pytest.importorskip("sentry_sdk", reason="not installed: sentry-sdk")


def unpacked(body: bytes, encoding: str | None) -> bytes:
    """Undo what the client chose: Brotli where that is installed, else gzip."""
    if encoding == "br":
        return importlib.import_module("brotli").decompress(body)
    return gzip.decompress(body) if encoding == "gzip" else body


class Tracker(HTTPServer):
    """Keeps the envelopes it is sent."""

    def __init__(self) -> None:
        self.envelopes: list[str] = []
        super().__init__(("127.0.0.1", 0), Receiver)


class Receiver(BaseHTTPRequestHandler):
    """Answers like a tracker."""

    server: Tracker

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.envelopes.append(unpacked(body, self.headers.get("content-encoding")).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with Tracker() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        sentry_sdk.get_client().close(timeout=2)
        sentry_sdk.get_global_scope().set_client(None)
        server.shutdown()


def test_a_crash_is_reported_with_environment_and_release(quill, tracker):
    address = f"http://key@127.0.0.1:{tracker.server_port}/1"
    application = quill(crash_route=True, tracker=address, release="quill@2.0.0")
    asyncio.run(application.request("GET", "/crash", headers={"authorization": "Bearer s3cret"}))
    sentry_sdk.flush(5)
    (event,) = (
        json.loads(line)
        for envelope in tracker.envelopes
        for line in envelope.splitlines()
        if "exception" in json.loads(line)
    )
    assert (event["environment"], event["release"]) == ("production", "quill@2.0.0")
    assert event["exception"]["values"][-1]["value"] == "asked to crash"
    assert "s3cret" not in json.dumps(event)
