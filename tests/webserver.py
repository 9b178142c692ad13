"""A real HTTP server on loopback whose answers a test writes down."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from readiness_kit.sources import Pacer, Visit
from readiness_kit.target import Api, Secret, Target


@dataclass(frozen=True)
class Asked:
    """One request, as the server saw it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> str:
        try:
            return str(json.loads(self.body)["query"])
        except (ValueError, TypeError, KeyError):
            return ""

    @property
    def variables(self) -> dict[str, object]:
        return json.loads(self.body).get("variables") or {}

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True)
class Reply:
    """One answer; ``raw`` replaces everything, status line included."""

    status: int = 200
    body: bytes | str | dict | list = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None

    @property
    def bytes(self) -> bytes:
        if isinstance(self.body, (dict, list)):
            return json.dumps(self.body).encode()
        return self.body.encode() if isinstance(self.body, str) else self.body


Answer = Callable[[Asked], Reply]


@contextlib.contextmanager
def serve(answer: Answer) -> Iterator[str]:
    """Yield the URL of a server that answers as *answer* says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = answer(Asked(self.command, self.path, headers, body))
            if reply.raw is not None:
                self.wfile.write(reply.raw)
                self.close_connection = True
                return
            plain = isinstance(reply.body, (dict, list))
            self.send_response(reply.status)
            given = {"content-type": "application/json" if plain else "text/plain", **reply.headers}
            for name, value in given.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.bytes)))
            self.end_headers()
            self.wfile.write(reply.bytes)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any  # noqa: N815 - http.server

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that gives up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def visit(
    url: str, *, deadline_s: float = 10.0, api: dict[str, object] | None = None, **parts: object
) -> Visit:
    """Return a visit to a target whose API is at *url*."""
    target = Target(
        schema=1,
        name="test",
        environment="staging",
        api=Api(**{"url": url, "http_url": url, **(api or {})}),
        **parts,
    )
    return Visit(
        target=target,
        run_id="run-1234",
        fact_id="test",
        deadline_s=deadline_s,
        pacer=Pacer(100_000),
    )


def secret(folder: Path, name: str, value: str) -> Secret:
    """Keep *value* in a file and return the reference to it."""
    (folder / name).write_text(value)
    return Secret(f"file:{folder / name}")
