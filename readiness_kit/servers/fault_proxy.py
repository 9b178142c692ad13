"""A TCP proxy on loopback that can refuse, fall silent or be slow, at a word from another process.

::

    python -m readiness_kit.servers.fault_proxy serve CONTROL database=15001:127.0.0.1:5432
    python -m readiness_kit.servers.fault_proxy set CONTROL database refuse
    python -m readiness_kit.servers.fault_proxy set CONTROL database pass

CONTROL is the path of a Unix socket. ``set`` returns when the change is made: then no byte of
before is under way any more. A proxy that starts lets everything pass.

What it cannot do is lose packets: a black-holed connection is accepted by the kernel, and then
hears nothing, as when a firewall or a hanging server swallows what was sent.
"""

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from readiness_kit.errors import ReadinessError, ServerError
from readiness_kit.servers.process import Command, Process
from readiness_kit.servers.relay import MODES, Condition, Mode, Port, Way

CONTROL = "control.sock"
"""Name of the control socket in the proxy's folder."""

CONTROL_TIMEOUT_S = 5.0


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What another process says on the control socket, one JSON object a line."""

    route: str
    condition: Condition


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an order."""

    error: str = ""


class FaultProxy(Process):
    """The proxy as a child process."""

    def __init__(self, home: Path, ways: tuple[Way, ...]) -> None:
        """Describe a proxy with its control socket and log in *home*, which must exist."""
        self.control = home / CONTROL
        super().__init__(
            Command(
                name="fault proxy",
                argv=[*_program(), "serve", self.control, *map(str, ways)],
                log=home / "fault_proxy.log",
                directory=home,
            )
        )

    def listening(self) -> bool:
        """Tell whether it takes orders; it listens on its ports by then."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.control)) == 0


def command_to(control: Path, route: str, mode: Mode) -> list[str]:
    """Return the command that brings *route* of the proxy behind *control* into *mode*."""
    return [*_program(), "set", str(control), route, mode]


def order(control: Path, route: str, condition: Condition) -> None:
    """Bring *route* of the proxy behind *control* into *condition*, and wait until it is.

    Raises:
        ServerError: The proxy does not run, or has no such route.

    """
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(CONTROL_TIMEOUT_S)
            client.connect(str(control))
            said = msgspec.json.encode(Order(route=route, condition=condition))
            client.sendall(said + b"\n")
            with client.makefile("rb") as answer:
                told = msgspec.json.decode(answer.readline(), type=Told)
    except (OSError, msgspec.DecodeError) as error:
        raise ServerError(
            f"the fault proxy behind {control} does not answer: {error}",
            hint="check that it runs",
        ) from error
    if told.error:
        raise ServerError(told.error)


async def _serve(control: Path, ways: list[Way]) -> None:
    ports = [Port(way) for way in ways]
    for port in ports:
        await port.listen()

    async def obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            told = await _obey(ports, line)
            writer.write(msgspec.json.encode(told) + b"\n")
            await writer.drain()
        writer.close()

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with await asyncio.start_unix_server(obey, control):
        await stop.wait()


async def _obey(ports: list[Port], line: bytes) -> Told:
    try:
        wanted = msgspec.json.decode(line, type=Order)
    except msgspec.DecodeError as error:
        return Told(error=f"this is no order: {error}")
    chosen = [port for port in ports if port.way.route == wanted.route]
    for port in chosen:
        await port.change(wanted.condition)
    names = ", ".join(dict.fromkeys(port.way.route for port in ports))
    return Told() if chosen else Told(error=f"no route {wanted.route!r} among {names}")


def _program() -> Iterator[str]:
    yield from (sys.executable, "-m", "readiness_kit.servers.fault_proxy")


def main(arguments: list[str]) -> int:
    """Run the proxy, or tell a running one what to do; return the exit code."""
    parser = argparse.ArgumentParser(prog="readiness_kit.servers.fault_proxy")
    verbs = parser.add_subparsers(dest="verb", required=True)
    serve = verbs.add_parser("serve", help="relay until SIGTERM")
    serve.add_argument("control", type=Path)
    serve.add_argument("ways", nargs="+", metavar="NAME=LISTEN:HOST:PORT")
    change = verbs.add_parser("set", help="change what a route does")
    change.add_argument("control", type=Path)
    change.add_argument("route")
    change.add_argument("mode", choices=MODES)
    for name in ("delay-ms", "jitter-ms", "bytes-per-s"):
        change.add_argument(f"--{name}", type=float, default=0.0)
    options = parser.parse_args(arguments)
    try:
        if options.verb == "serve":
            options.control.unlink(missing_ok=True)  # of one that was killed
            asyncio.run(_serve(options.control, [Way.parse(one) for one in options.ways]))
        else:
            condition = Condition(
                mode=options.mode,
                delay_ms=options.delay_ms,
                jitter_ms=options.jitter_ms,
                bytes_per_s=options.bytes_per_s,
            )
            order(options.control, options.route, condition)
    except ReadinessError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
