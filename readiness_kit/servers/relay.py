"""Relayed TCP connections whose condition can be changed while they are open."""

import asyncio
import random
import socket
import struct
import typing
from typing import Literal, NamedTuple

import msgspec

from readiness_kit.errors import ServerError, UsageError
from readiness_kit.servers.ports import LOOPBACK

Mode = Literal["pass", "refuse", "blackhole", "slow"]
MODES: tuple[Mode, ...] = typing.get_args(Mode)

CONNECT_TIMEOUT_S = 5.0

HELD_BYTES = 256 * 1024
"""Beyond this, a slowed connection is not read from until what it holds is sent."""

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: closing sends RST


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to the connections of a route."""

    mode: Mode = "pass"
    """``refuse``: as if nobody listened; ``blackhole``: silence; ``slow``: what follows."""

    delay_ms: float = 0.0
    """Added to each direction, milliseconds."""

    jitter_ms: float = 0.0
    """At most this much more or less delay, milliseconds."""

    bytes_per_s: float = 0.0
    """Bytes per second in each direction; 0 for no limit."""


class Way(NamedTuple):
    """One port that leads somewhere."""

    route: str
    """Name under which it is controlled; several ways may share it."""

    listen: int
    """Port on loopback."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Way":
        """Read ``NAME=LISTEN:HOST:PORT``.

        Raises:
            UsageError: It is none.

        """
        route, _, rest = text.partition("=")
        try:
            listen, host, port = rest.split(":")
            return cls(route, int(listen), host, int(port))
        except ValueError:
            raise UsageError(f"wanted NAME=LISTEN:HOST:PORT, got {text!r}") from None

    def __str__(self) -> str:
        """Show it as :meth:`parse` reads it."""
        return f"{self.route}={self.listen}:{self.host}:{self.port}"


class End(asyncio.Protocol):
    """One end of a relayed connection: what it hears, the other end says."""

    def __init__(self, port: "Port") -> None:
        self.port = port
        self.other: End | None = None
        self.transport: asyncio.Transport | None = None
        self._due_s = 0.0
        self._held = 0
        self._deaf: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the port; a caller hears nothing until the other end is there."""
        self.transport = typing.cast("asyncio.Transport", transport)
        self.port.ends.add(self)
        if self.other is None:
            self.deafen("lonely")
            self.port.meet(self)
        if self.port.condition.mode == "blackhole":
            self.deafen("blackhole")

    def data_received(self, data: bytes) -> None:
        """Hand on *data*, now or when its time has come."""
        other, condition = self.other, self.port.condition
        if other is None:
            return
        if condition.mode != "slow" and not self._held:
            other.say(data)
            return
        loop = asyncio.get_running_loop()
        spread_ms = condition.jitter_ms * (2 * random.random() - 1)  # noqa: S311 - no secret
        delay_s = max(0.0, condition.delay_ms + spread_ms) / 1000
        if condition.bytes_per_s:
            delay_s += len(data) / condition.bytes_per_s
        self._due_s = max(self._due_s, loop.time() + delay_s)
        self._held += len(data)
        if self._held > HELD_BYTES:
            self.deafen("full")
        loop.call_at(self._due_s, self._release, other, data)

    def _release(self, other: "End", data: bytes) -> None:
        self._held -= len(data)
        if self._held <= HELD_BYTES:
            self.hear("full")
        other.say(data)

    def say(self, data: bytes) -> None:
        """Send *data*, unless the connection is gone."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def pause_writing(self) -> None:
        """Let the other end hear nothing while this one cannot send."""
        if self.other is not None:
            self.other.deafen("backlog")

    def resume_writing(self) -> None:
        """Let the other end hear again."""
        if self.other is not None:
            self.other.hear("backlog")

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end, after what is still to be said there."""
        del exc
        self.port.ends.discard(self)
        if self.other is None or self.other.transport is None:
            return
        if self._held:
            asyncio.get_running_loop().call_at(self._due_s, self.other.transport.close)
        else:
            self.other.transport.close()

    def deafen(self, why: str) -> None:
        """Stop reading, because of *why*."""
        if self.transport is not None and not self._deaf and not self.transport.is_closing():
            self.transport.pause_reading()
        self._deaf.add(why)

    def hear(self, why: str) -> None:
        """Read again, unless there is another reason not to."""
        if why not in self._deaf:
            return
        self._deaf.discard(why)
        if self.transport is not None and not self._deaf and not self.transport.is_closing():
            self.transport.resume_reading()

    def reset(self) -> None:
        """End the connection as a vanished server would."""
        if self.transport is None:
            return
        raw: socket.socket | None = self.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


class Port:
    """One listening port and its connections."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.condition = Condition()
        self.ends: set[End] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        self._socket = _bound(way.listen)
        self._server: asyncio.Server | None = None
        self._healed = asyncio.Event()

    async def listen(self) -> None:
        """Accept connections."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: End(self), sock=self._socket)

    async def change(self, condition: Condition) -> None:
        """Bring old and new connections into *condition*."""
        self.condition = condition
        if condition.mode == "refuse":
            self._refuse()
            return
        await self.listen()
        for end in tuple(self.ends):
            if condition.mode == "blackhole":
                end.deafen("blackhole")
            else:
                end.hear("blackhole")
        if condition.mode == "blackhole":
            self._healed.clear()
        else:
            self._healed.set()

    def close(self) -> None:
        """End every connection and let go of the port."""
        self._refuse()
        self._socket.close()

    def meet(self, caller: End) -> None:
        """Connect *caller* with who it wants to speak to."""
        task = asyncio.ensure_future(self._meet(caller))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self._socket = _bound(self.way.listen)  # held, so that nobody else takes the port
        for end in tuple(self.ends):
            end.reset()

    async def _meet(self, caller: End) -> None:
        if self.condition.mode == "blackhole":
            await self._healed.wait()
        there = End(self)
        there.other = caller
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await loop.create_connection(lambda: there, self.way.host, self.way.port)
        except OSError:
            caller.reset()
            return
        if caller.transport is None or caller.transport.is_closing():
            there.reset()
            return
        caller.other = there
        caller.hear("lonely")


def _bound(port: int) -> socket.socket:
    """Return a socket that holds *port* and does not listen: connecting to it is refused."""
    # asyncio turns Nagle's delay off only where the protocol is named; what it accepts inherits it.
    found = socket.socket(proto=socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setblocking(False)  # noqa: FBT003 - its only parameter
    try:
        found.bind((LOOPBACK, port))
    except OSError as error:
        found.close()
        raise ServerError(f"port {port} of {LOOPBACK} is taken: {error}") from error
    return found
