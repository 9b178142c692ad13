"""The fault proxy, over real sockets: what it lets through, and what it does not."""

import asyncio
import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from readiness_kit.errors import ServerError, UsageError
from readiness_kit.servers.fault_proxy import FaultProxy, command_to, order
from readiness_kit.servers.ports import free_ports
from readiness_kit.servers.relay import Condition, Port, Way

SILENT_S = 0.3


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """A server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk(one: socket.socket) -> None:
            with one, contextlib.suppress(OSError):
                while data := one.recv(65536):
                    one.sendall(data)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    one, _ = listener.accept()
                    threading.Thread(target=talk, args=(one,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]


class World:
    def __init__(self, home: Path, echo: int) -> None:
        self.listen, self.second = free_ports(2)
        self.proxy = FaultProxy(
            home,
            (
                Way("database", self.listen, "127.0.0.1", echo),
                Way("cache", self.second, "127.0.0.1", echo),
            ),
        )

    def call(self, port: int | None = None) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port or self.listen), timeout=5)

    def set(self, mode: str, **more: float) -> None:
        order(self.proxy.control, "database", Condition(mode=mode, **more))


@pytest.fixture(scope="module")
def running(tmp_path_factory, echo) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("faults"), echo)
    with world.proxy as proxy:
        proxy.wait_until(proxy.listening)
        yield world


@pytest.fixture
def world(running) -> Iterator[World]:
    yield running
    running.set("pass")


def says(one: socket.socket, data: bytes) -> bytes:
    one.sendall(data)
    found = b""
    while len(found) < len(data):
        part = one.recv(65536)
        if not part:
            break
        found += part
    return found


def silent(one: socket.socket) -> bool:
    one.settimeout(SILENT_S)
    try:
        return one.recv(1) == b"never"
    except TimeoutError:
        return True


def test_passes_bytes_both_ways_however_many(world):
    data = bytes(range(256)) * 20_000
    with world.call() as one:
        sender = threading.Thread(target=one.sendall, args=(data,))
        sender.start()
        found = b""
        while len(found) < len(data):
            found += one.recv(65536)
        sender.join()
    assert found == data


def test_refuses_new_connections_resets_old_ones_and_takes_them_back(world):
    with world.call() as old:
        assert says(old, b"a") == b"a"
        world.set("refuse")
        with pytest.raises(ConnectionResetError):
            old.recv(1)
    with pytest.raises(ConnectionRefusedError):
        world.call()
    with world.call(world.second) as other:
        assert says(other, b"a") == b"a"
    world.set("pass")
    with world.call() as new:
        assert says(new, b"a") == b"a"


def test_a_black_hole_swallows_nothing_for_good(world):
    with world.call() as old:
        assert says(old, b"a") == b"a"
        world.set("blackhole")
        old.sendall(b"held")
        with world.call() as new:
            new.sendall(b"new")
            assert silent(old)
            assert silent(new)
            world.set("pass")
            for one, word in ((old, b"held"), (new, b"new")):
                one.settimeout(5)
                assert one.recv(16) == word


def test_a_black_hole_can_turn_into_a_refusal(world):
    world.set("blackhole")
    with world.call() as one:
        world.set("refuse")
        with pytest.raises(ConnectionResetError):
            one.recv(1)


def test_slow_keeps_order_and_every_byte(world):
    world.set("slow", delay_ms=20, jitter_ms=20)
    with world.call() as one:
        data = b"".join(b"%06d" % n for n in range(2000))
        assert says(one, data) == data


def test_a_rate_holds_back_a_fast_sender(world):
    world.set("slow", bytes_per_s=1e7)
    data = bytes(1_000_000)
    with world.call() as one:
        sender = threading.Thread(target=one.sendall, args=(data,))
        sender.start()
        found = 0
        while found < len(data):
            found += len(one.recv(65536))
        sender.join()


def test_nothing_waits_for_more_to_send_with_it(echo):
    async def story() -> list[int]:
        (listen,) = free_ports(1)
        port = Port(Way("a", listen, "127.0.0.1", echo))
        await port.listen()
        reader, writer = await asyncio.open_connection("127.0.0.1", listen)
        writer.write(b"a")
        assert await reader.read(1) == b"a"
        sockets = [end.transport.get_extra_info("socket") for end in port.ends]
        found = [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets]
        writer.close()
        await writer.wait_closed()
        port.close()
        return found

    assert asyncio.run(story()) == [1, 1]


def test_a_server_that_is_gone_resets_the_caller(tmp_path):
    (gone, listen) = free_ports(2)
    with FaultProxy(tmp_path, (Way("a", listen, "127.0.0.1", gone),)) as proxy:
        proxy.wait_until(proxy.listening)
        with (
            socket.create_connection(("127.0.0.1", listen), timeout=5) as one,
            pytest.raises(ConnectionResetError),
        ):
            one.recv(1)


def test_any_process_may_give_orders(world):
    for mode, refused in (("refuse", True), ("pass", False)):
        command = command_to(world.proxy.control, "database", mode)
        subprocess.run(command, check=True, timeout=30)
        try:
            world.call().close()
            seen = False
        except ConnectionRefusedError:
            seen = True
        assert seen is refused


def test_an_order_that_makes_no_sense_says_so(world, tmp_path):
    with pytest.raises(ServerError, match="no route 'queue' among database, cache"):
        order(world.proxy.control, "queue", Condition())
    with pytest.raises(ServerError, match="does not answer"):
        order(tmp_path / "nobody", "database", Condition())
    command = command_to(world.proxy.control, "queue", "pass")
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, "no route" in done.stderr) == (3, True)


@pytest.mark.parametrize("text", ["", "a", "a=1:b", "a=x:127.0.0.1:1", "a=1:127.0.0.1"])
def test_a_way_is_read_strictly(text):
    with pytest.raises(UsageError, match="LISTEN:HOST:PORT"):
        Way.parse(text)


def test_a_way_reads_what_it_shows():
    way = Way("database", 15001, "127.0.0.1", 5432)
    assert Way.parse(str(way)) == way
