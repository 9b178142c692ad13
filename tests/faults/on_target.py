"""A target that hangs, lies, drips or dies: nothing passes, nothing hangs, every run is whole."""

import contextlib
import dataclasses
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from faults.fault import Fault, Kind, Stage
from tlsserver import Talk, authority_file, context, listen, say

from readiness_kit import assessment as rooms
from readiness_kit.assessment import Assessment, all_sources
from readiness_kit.evidence import canonical, manifest
from readiness_kit.evidence.folder import StoredFact
from readiness_kit.results import Results
from readiness_kit.sources import Address, Visit
from readiness_kit.verdict import Status

DEADLINE_S = 0.5
GRACE_S = 0.3

ASKS_THE_HOST = {"host_resources"}
"""Facts of the machine that the kit runs on: a target that fails does not change them."""

TARGET = """
schema: 1
name: shop
environment: staging
release: {{version: "1"}}
api:
  url: {scheme}://127.0.0.1:{port}
  http_url: http://127.0.0.1:{port}
  instances: ["{scheme}://127.0.0.1:{port}"]
  metrics_urls: ["http://127.0.0.1:{port}/metrics"]
  version: /version
  ca: ca.pem
  allowed_origins: ["https://app.example.com"]
auth: {{token: "file:token", protected: "{{ me {{ id }} }}", jwks: /jwks}}
identities: {{admin: "file:token"}}
database: {{dsn: "file:dsn", replicas: ["file:dsn"], application_dsn: "file:dsn"}}
cache:
  url: "file:cache"
  canary: {{read: "{{ me {{ id }} }}", write: "mutation {{ a }}"}}
prometheus: {{url: "http://127.0.0.1:{port}"}}
smoke: [{{name: me, query: "{{ me {{ id }} }}"}}]
"""


def http(status: str, body: bytes, *headers: str, length: int | None = None) -> Talk:
    size = len(body) if length is None else length
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {size}", *headers])
    answer = head.encode() + b"\r\nconnection: close\r\n\r\n" + body

    def talk(wire: socket.socket) -> None:
        wire.recv(65536)
        wire.sendall(answer)

    return talk


def as_json(**body: object) -> Talk:
    return http("200 OK", json.dumps(body).encode(), "content-type: application/json")


def silent(wire: socket.socket) -> None:
    while wire.recv(65536):
        pass


def reset(wire: socket.socket) -> None:
    wire.recv(1)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def bare_close(wire: socket.socket) -> None:
    wire.recv(65536)


def drip(data: bytes) -> Talk:
    def talk(wire: socket.socket) -> None:
        wire.recv(65536)
        for byte in data * 50:
            wire.sendall(bytes([byte]))
            time.sleep(0.1)

    return talk


def endless(data: bytes) -> Talk:
    def talk(wire: socket.socket) -> None:
        wire.recv(65536)
        end = time.monotonic() + 2 * DEADLINE_S
        wire.sendall(data)
        while time.monotonic() < end:
            wire.sendall(b"x" * 65536)

    return talk


def in_tls(talk: Talk) -> Talk:
    """Return *talk* behind a handshake that succeeds."""
    made = context()

    def secured(wire: socket.socket) -> None:
        with made.wrap_socket(wire, server_side=True) as tls:
            talk(tls)

    return secured


class Wrong(NamedTuple):
    """How a target goes wrong."""

    kind: Kind
    talk: Talk
    scheme: str = "http"
    seen: tuple[str, ...] = ()
    """Facts that can be had all the same, and honestly."""


SHOWN = ("tls_offer", "served_certificates")
"""What a handshake alone shows."""

WRONG = {
    "accepts and says nothing": Wrong("hangs", silent),
    "accepts and says nothing, TLS": Wrong("hangs", silent, "https"),
    "shakes hands and says nothing": Wrong("hangs", in_tls(silent), "https", SHOWN),
    "closes at once": Wrong("dies", lambda wire: None),
    "closes at once, TLS": Wrong("dies", lambda wire: None, "https"),
    "closes after the question": Wrong("dies", bare_close),
    "resets": Wrong("resets", reset),
    "resets, TLS": Wrong("resets", reset, "https"),
    "resets after the handshake": Wrong("resets", in_tls(reset), "https", SHOWN),
    "drips bytes": Wrong("drips", drip(b"HTTP/1.1 200 OK\r\n")),
    "drips bytes, TLS": Wrong("drips", drip(b"\x16\x03\x03\x40\x00"), "https"),
    "answers garbage": Wrong("garbage", say(bytes(range(256)) * 20)),
    "answers garbage, TLS": Wrong("garbage", say(bytes(range(256)) * 20), "https"),
    "answers zeros": Wrong("garbage", say(bytes(5000)), "https"),
    "answers a gigabyte": Wrong(
        "gigabyte", endless(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
    ),
    "answers an endless head": Wrong("gigabyte", endless(b"HTTP/1.1 200 OK\r\nx: ")),
    "answers an endless status": Wrong("gigabyte", endless(b"HTTP/1.1 200 ")),
    "answers less than it promised": Wrong("garbage", http("200 OK", b'{"data"', length=5000)),
    "answers nothing": Wrong("lies", http("200 OK", b"")),
    "answers 204": Wrong("lies", http("204 No Content", b"")),
    "answers a page": Wrong("lies", http("200 OK", b"<html>Welcome to nginx!</html>")),
    "answers null": Wrong("lies", http("200 OK", b"null")),
    "answers a deep list": Wrong("garbage", http("200 OK", b"[" * 100_000)),
    "answers errors": Wrong("lies", as_json(errors=[{"message": "down"}])),
    "answers empty data": Wrong("lies", as_json(data=None)),
    "redirects": Wrong("lies", http("302 Found", b"", "location: http://127.0.0.2:9/")),
    "answers 401": Wrong("lies", http("401 Unauthorized", b"")),
    "answers 403": Wrong("lies", http("403 Forbidden", b"")),
    "answers 404": Wrong("lies", http("404 Not Found", b"")),
    "answers 429": Wrong("lies", http("429 Too Many Requests", b"", "retry-after: 1")),
    "answers 500": Wrong("lies", http("500 Internal Server Error", b"oops")),
    "answers 503": Wrong("lies", http("503 Service Unavailable", b"", "retry-after: 1")),
}


class Outcome(NamedTuple):
    """What became of a run."""

    results: Results
    seconds: dict[str, float]
    run: Path


def assess(folder: Path, port: int, scheme: str, patch: pytest.MonkeyPatch) -> Outcome:
    quick = {
        kind: dataclasses.replace(one, deadline_s=DEADLINE_S)
        for kind, one in all_sources().items()
        if one.effect in ("read", "canary")
    }
    patch.setattr(rooms, "all_sources", lambda: quick)
    patch.setattr(rooms, "GRACE_S", GRACE_S)
    patch.setattr(rooms, "WORKERS", 40)
    authority_file(folder)
    (folder / "token").write_text("no-token-of-anybody")
    (folder / "dsn").write_text(f"postgresql://a:b@127.0.0.1:{port}/d")
    (folder / "cache").write_text(f"redis://127.0.0.1:{port}/0")
    (folder / "readiness.yaml").write_text(TARGET.format(port=port, scheme=scheme))
    run = Assessment.open(folder / "readiness.yaml", folder / "run", allow=("canary",))
    with run.gathering():
        run.gather()
    results = run.results()
    run.seal(results)
    return Outcome(results, {k: v.seconds for k, v in run.folder.facts().items()}, run.folder.path)


@contextlib.contextmanager
def nobody() -> Iterator[int]:
    """Yield a port that answers nobody: its queue is full."""
    with socket.socket() as server, contextlib.ExitStack() as callers:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def demand_honest(found: Outcome, seen: tuple[str, ...] = ()) -> None:
    """Demand no wrong PASS, no visit past its deadline, and a run that is whole."""
    honest = {
        one.id
        for one in found.results.claims()
        if one.evidence and {e.fact for e in one.evidence} <= {*ASKS_THE_HOST, *seen}
    }
    wrong = {
        one.id: one.got
        for one in found.results.claims()
        if one.status in (Status.PASS, Status.WARN, Status.NOT_APPLICABLE) and one.id not in honest
    }
    assert wrong == {}
    late = {fact: s for fact, s in found.seconds.items() if s > DEADLINE_S + GRACE_S + 1.5}
    assert late == {}
    manifest.check(found.run)
    crashed = {
        file.stem: stored.unseen.reason
        for file in (found.run / "facts").iterdir()
        if (stored := canonical.decode(file.read_bytes(), StoredFact)).unseen is not None
        and stored.unseen.cause == "crashed"
    }
    assert crashed == {}


def goes_wrong(stage: Stage, *, name: str) -> None:
    wrong = WRONG[name]
    with listen(wrong.talk) as port:
        demand_honest(assess(stage.place, port, wrong.scheme, stage.patch), wrong.seen)


def not_there(stage: Stage, *, scheme: str) -> None:
    demand_honest(assess(stage.place, stage.nobody, scheme, stage.patch))


def lets_nobody_in(stage: Stage, *, scheme: str) -> None:
    with nobody() as port:
        demand_honest(assess(stage.place, port, scheme, stage.patch))


def dies_between_two_questions(stage: Stage, *, left: int) -> None:
    """It shakes hands *left* times: too seldom for the eleven that its offer takes."""
    shake, lives = in_tls(bare_close), iter(range(left))

    def dying(wire: socket.socket) -> None:
        if next(lives, None) is None:
            reset(wire)
        else:
            shake(wire)

    with listen(dying) as port:
        found = assess(stage.place, port, "https", stage.patch)
    demand_honest(found, SHOWN)
    assert found.results.item("security.tls").status is not Status.PASS


def half_dead(stage: Stage, *, other: str, first: bool) -> None:
    """One of two addresses answers; nothing passes for that."""
    bad = {"silent": silent, "reset": reset, "closed": reset}[other]
    with listen(in_tls(bare_close)) as port, listen(bad) as odd:
        dead = Address("127.0.0.1", stage.nobody if other == "closed" else odd)
        both = (Address("127.0.0.1", port), dead)
        stage.patch.setattr(Visit, "addresses", lambda *_: both if first else both[::-1])
        demand_honest(assess(stage.place, port, "https", stage.patch))


def _schemes(kind: Kind, words: str, strike: Callable[..., None]) -> Iterator[Fault]:
    for scheme in ("http", "https"):
        yield Fault(kind, f"{words}, {scheme}", partial(strike, scheme=scheme))


FAULTS = (
    *(Fault(one.kind, name, partial(goes_wrong, name=name)) for name, one in WRONG.items()),
    *_schemes("dies", "before the run", not_there),
    *_schemes("hangs", "lets nobody in", lets_nobody_in),
    *(
        Fault("dies", f"after {left} handshakes", partial(dies_between_two_questions, left=left))
        for left in (0, 1, 2, 4, 8)
    ),
    *(
        Fault(
            "half dead",
            f"{'the second' if first else 'the first'}, {other}",
            partial(half_dead, other=other, first=first),
        )
        for other in ("closed", "silent", "reset")
        for first in (True, False)
    ),
)
