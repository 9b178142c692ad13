"""The master of generators on other hosts: between the parent and the workers, nothing more.

It uses Locust's transport, and not its master: that one spawns users by its own schedule, rounds
what it reports, and lets workers fire for a minute after it died.
"""

import logging
import os
import signal
from collections.abc import Callable
from time import perf_counter

import gevent
import msgspec
from locust.exception import RPCError
from locust.rpc.protocol import Message as Frame
from locust.rpc.zmqrpc import Server

from readiness_kit import __version__
from readiness_kit.harness.generator.speech import speaker
from readiness_kit.harness.plan import Command, Cut, Order, Refused, Renew, Start, Stop
from readiness_kit.harness.wire import (
    BEAT_S,
    Beat,
    Beaten,
    Begin,
    Clocks,
    Forged,
    FromMaster,
    FromWorker,
    Host,
    Join,
    Relayed,
    Say,
    Seal,
    Tell,
    nonce,
)

_POLL_S = 0.02
_GOOD_CLOCK_S = 0.005
_CLOCK_S = 3.0


class Worker:
    """One worker, as the master knows it."""

    def __init__(self, secret: str, theirs: bytes) -> None:
        """Begin a connection with the worker's nonce."""
        self.nonce = nonce()
        self.index: int | None = None
        self.clocks = Clocks()
        self.down = Seal(secret, "down", theirs, self.nonce)
        self.up = Seal(secret, "up", theirs, self.nonce)


class Master:
    """Workers join, are given their order, and are relayed."""

    def __init__(self, host: Host, relay: Callable[[Relayed], None], inbox: list[bytes]) -> None:
        """Open the port."""
        self._host = host
        self._relay = relay
        self._inbox = inbox
        self._known: dict[str, Worker] = {}
        self._joined: list[str] = []
        self._server = Server(host.bind, host.port)

    def run(self) -> int:
        """Relay until the parent is gone; return the exit status."""
        gevent.spawn(self._listen)
        gevent.spawn(self._beat)
        if not self._await_workers():
            return 3
        for index, name in enumerate(self._joined):
            order = Order(plan=self._host.plan, worker=index)
            self._tell(name, Begin(order=order))
        while True:
            while self._inbox:
                self._pass_on(msgspec.json.decode(self._inbox.pop(0), type=Command))
            gevent.sleep(_POLL_S)

    def _await_workers(self) -> bool:
        wanted, until = self._host.plan.workers, perf_counter() + self._host.join_s
        while len(self._joined) < wanted or not self._clocks_known():
            if perf_counter() > until:
                message = (
                    f"{len(self._joined)} of {wanted} workers joined {self._host.bind}:"
                    f"{self._host.port} within {self._host.join_s:g} s"
                )
                self._relay(Relayed(worker=0, message=Refused(cause="joining", message=message)))
                return False
            gevent.sleep(_POLL_S)
        return True

    def _clocks_known(self) -> bool:
        known = [self._known[name].clocks.uncertain_s for name in self._joined]
        return all(one is not None and one < _GOOD_CLOCK_S for one in known)

    def _pass_on(self, command: Command) -> None:
        for name in self._joined:
            match command:
                case Start(at=at):
                    own = Start(at=self._known[name].clocks.on_worker(at))
                    self._tell(name, Tell(command=own))
                case Renew():
                    pass  # tokens never travel: a worker has its own
                case Cut() | Stop():
                    self._tell(name, Tell(command=command))

    def _beat(self) -> None:
        while True:
            for name, worker in tuple(self._known.items()):
                if worker.index is not None:
                    self._tell(name, Beat(sent=perf_counter()))
            # the first beats come quickly, to know the clocks
            gevent.sleep(BEAT_S if self._clocks_known() and self._joined else BEAT_S / 10)

    def _tell(self, name: str, said: FromMaster) -> None:
        try:
            self._server.send_to_client(Frame("sealed", self._known[name].down.close(said), name))
        except RPCError as error:
            logging.getLogger(__name__).warning("worker %s hears nothing: %s", name, error)

    def _listen(self) -> None:
        while True:
            try:
                name, message = self._server.recv_from_client()
            except Exception as error:  # noqa: BLE001 - a stranger may send anything
                logging.getLogger(__name__).debug("a message was dropped: %s", error)
            else:
                self._hear(name, message)
            gevent.sleep(0)  # receiving does not wait while there is something

    def _hear(self, name: str, message: Frame) -> None:
        if message.type == "hello" and isinstance(message.data, bytes) and name not in self._known:
            worker = self._known[name] = Worker(self._host.secret, message.data)
            self._server.send_to_client(Frame("welcome", worker.nonce, name))
        elif message.type == "sealed" and isinstance(message.data, bytes) and name in self._known:
            try:
                self._take(name, msgspec.json.decode(self._opened(name, message), type=FromWorker))
            except (Forged, msgspec.MsgspecError) as error:
                self._refuse(name, str(error))

    def _opened(self, name: str, message: Frame) -> bytes:
        return self._known[name].up.open(message.data)

    def _take(self, name: str, said: FromWorker) -> None:
        worker = self._known[name]
        match said:
            case Join():
                self._admit(name, said)
            case Beaten():
                worker.clocks.saw(said, perf_counter())
            case Say(message=message):
                if worker.index is not None:
                    self._relay(Relayed(worker=worker.index, message=message))

    def _admit(self, name: str, join: Join) -> None:
        if join.kit_version != __version__:
            self._refuse(name, f"it has readiness-kit {join.kit_version}, the master {__version__}")
        elif join.scenario_sha256 != self._host.scenario_sha256:
            self._refuse(name, "its scenario is another one")
        elif len(self._joined) < self._host.plan.workers:
            self._known[name].index = len(self._joined)
            self._joined.append(name)

    def _refuse(self, name: str, why: str) -> None:
        """Take no more from a worker; one that plays already is lost."""
        logging.getLogger(__name__).warning("worker %s is refused: %s", name, why)
        index = self._known[name].index
        if index is None:
            del self._known[name]
        else:
            self._relay(Relayed(worker=index, message=None))


def main(
    order: bytes, out: int, inbox: list[bytes], leave: Callable[[int], None] = os._exit
) -> None:
    """Be a master by one *order*, speaking to *out*."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, leave, 128 + number)
    try:
        leave(Master(msgspec.json.decode(order, type=Host), speaker(out), inbox).run())
    except (BrokenPipeError, RPCError) as error:
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - one line is what is shown
        leave(2)
