"""A generator on another host: a runner whose orders come from a master."""

import logging
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import gevent
import msgspec
from locust.rpc.protocol import Message as Frame
from locust.rpc.zmqrpc import Client
from msgspec.structs import replace

from readiness_kit import __version__
from readiness_kit.harness.generator.runner import Inbox, Runner
from readiness_kit.harness.plan import Message, Order, Said
from readiness_kit.harness.wire import (
    SILENCE_S,
    Beat,
    Beaten,
    Begin,
    FromMaster,
    FromWorker,
    Join,
    Say,
    Seal,
    Tell,
    digest_of,
    nonce,
)

_POLL_S = 0.02
_HELLO_S = 1.0


class Joining(Said, frozen=True, kw_only=True):
    """Where a worker joins, and what is its own."""

    host: str
    port: int
    secret: str
    scenario: str | None = None
    ca: str | None = None
    tokens: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Leave the secrets out."""
        return f"Joining({self.host}:{self.port}, {self.scenario}, {len(self.tokens)} tokens)"


class Connection:
    """A worker's end of the line to its master."""

    def __init__(self, joining: Joining, inbox: Inbox) -> None:
        """Connect; commands go to *inbox*."""
        self.order: Order | None = None
        self.heard = perf_counter()
        self._joining = joining
        self._inbox = inbox
        self._name = f"{socket.gethostname()}-{uuid4().hex[:8]}"
        self._nonce = nonce()
        self._up: Seal | None = None
        self._down: Seal | None = None
        self._client = Client(joining.host, joining.port, self._name)

    def hello(self) -> None:
        """Ask to be let in, until the master answers."""
        while self._up is None:
            self._client.send(Frame("hello", self._nonce, self._name))
            gevent.sleep(_HELLO_S)

    def say(self, message: Message) -> None:
        """Say something to the parent behind the master."""
        self._send(Say(message=message))

    def listen(self) -> None:
        """Take what the master says, for ever."""
        while True:
            try:
                message = self._client.recv()
                self._hear(message)
            except Exception as error:  # noqa: BLE001 - whoever has the port may send anything
                logging.getLogger(__name__).warning("a message was dropped: %s", error)

    def _hear(self, message: Frame) -> None:
        if message.type == "welcome" and isinstance(message.data, bytes) and self._up is None:
            secret = self._joining.secret
            self._up = Seal(secret, "up", self._nonce, message.data)
            self._down = Seal(secret, "down", self._nonce, message.data)
            self._send(Join(kit_version=__version__, scenario_sha256=_digest(self._joining)))
        elif message.type == "sealed" and self._down is not None:
            said: FromMaster = msgspec.json.decode(self._down.open(message.data), type=FromMaster)
            self.heard = perf_counter()
            self._take(said)

    def _take(self, said: FromMaster) -> None:
        match said:
            case Begin(order=order):
                plan = replace(order.plan, scenario=self._joining.scenario, ca=self._joining.ca)
                self.order = replace(order, plan=plan, tokens=self._joining.tokens)
            case Beat(sent=sent):
                self._send(Beaten(sent=sent, clock=perf_counter()))
            case Tell(command=command):
                self._inbox.append(msgspec.json.encode(command))

    def _send(self, said: FromWorker) -> None:
        assert self._up is not None  # noqa: S101 - nothing is sent before the welcome
        self._client.send(Frame("sealed", self._up.close(said), self._name))


def main(order: bytes, out: int, inbox: Inbox, leave: Callable[[int], None] = os._exit) -> None:
    """Join a master by one *order*, play one load test, and leave."""
    del out
    joining = msgspec.json.decode(order, type=Joining)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, leave, 128 + number)
    line = Connection(joining, inbox)
    gevent.spawn(line.listen)
    line.hello()
    while line.order is None:
        gevent.sleep(_POLL_S)
    gevent.spawn(_watch, line)
    status = Runner(line.order, line.say, inbox).run()
    gevent.sleep(_HELLO_S)  # the last word is on its way
    leave(status)


def _watch(line: Connection) -> None:
    """End the run when the master falls silent."""
    while perf_counter() - line.heard < SILENCE_S:
        gevent.sleep(_POLL_S * 10)
    os.kill(os.getpid(), signal.SIGHUP)


def _digest(joining: Joining) -> str:
    return digest_of(Path(joining.scenario).read_bytes()) if joining.scenario else ""
