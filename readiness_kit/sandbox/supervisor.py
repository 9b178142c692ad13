"""The process that owns a sandbox: ``python -m readiness_kit.sandbox.supervisor DIR …``.

It says on stdout, one JSON object a line, how far it is (``progress``), and at last ``ready`` or
``error``. It ends on SIGTERM and, when it is tied to its owner, as soon as the owner is gone; else
it lets go of whoever started it.
"""

import argparse
import contextlib
import errno
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType

import msgspec

from readiness_kit.errors import ReadinessError, ServerError
from readiness_kit.sandbox.exporter import PERIOD_S
from readiness_kit.sandbox.layout import VARIANTS
from readiness_kit.sandbox.orders import POLL_S, Orders, read_orders
from readiness_kit.sandbox.stack import Stack
from readiness_kit.sandbox.state import State, hold, write_state

STOPPING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Message(msgspec.Struct, omit_defaults=True):
    """One line on stdout: exactly one of ``progress``, ``ready`` and ``error`` is set."""

    progress: str = ""
    ready: str = ""
    error: str = ""
    hint: str = ""


def main(arguments: list[str]) -> int:
    """Start the sandbox, keep it, stop it; return 0, or 3 when it did not start."""
    parser = argparse.ArgumentParser(prog="readiness_kit.sandbox.supervisor")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--variant", choices=VARIANTS, default="hardened")
    parser.add_argument("--port", type=int)
    parser.add_argument("--tied", action="store_true", help="end when stdin ends")
    options = parser.parse_args(arguments)
    if not options.tied and os.fork():
        os._exit(0)  # whoever started it waits for this process, and not for the sandbox
    for number in STOPPING_SIGNALS:
        signal.signal(number, _stop)
    if options.tied:
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    directory: Path = options.directory.resolve()
    state = State(phase="starting", variant=options.variant, supervisor=os.getpid())
    try:
        hold(directory)
        write_state(directory, state)
        stack = Stack(
            directory, variant=options.variant, https_port=options.port, progress=_progress
        )
        _keep(stack, state)
    except ReadinessError as error:
        return _fail(directory, state, error)
    except OSError as error:
        return _fail(directory, state, _explained(error, directory))
    except Exception as error:  # noqa: BLE001  # whoever waits at the pipe must hear of it
        traceback.print_exc()
        return _fail(directory, state, ServerError(f"the sandbox crashed: {error!r}"))
    return 0


def _keep(stack: Stack, state: State) -> None:
    """Run *stack* until a signal ends this process."""
    directory = stack.layout.root
    state = msgspec.structs.replace(state, ports=stack.ports._asdict())
    try:
        with stack:
            outside = stack.layout.outside
            state = msgspec.structs.replace(
                state,
                phase="ready",
                processes={name: server.pid for name, server in stack.every_server().items()},
                outside=str(outside) if outside else None,
            )
            write_state(directory, state)
            _say(Message(ready=str(stack.layout.target_file)))
            tended = 0.0
            while stack.layout.target_file.exists():  # who removes the folder wants it to end
                if time.monotonic() - tended > PERIOD_S:
                    stack.tend()
                    tended = time.monotonic()
                orders = read_orders(directory)
                if orders.serial != state.obeyed:
                    state = _obey(stack, state, orders)
                time.sleep(POLL_S)
    except SystemExit:
        stopped = msgspec.structs.replace(state, phase="stopped", processes={}, outside=None)
        write_state(directory, stopped)
        raise


def _obey(stack: Stack, state: State, orders: Orders) -> State:
    """Make the servers as *orders* say, and tell how that went."""
    message = hint = ""
    try:
        stack.obey(orders)
    except ReadinessError as error:
        message, hint = error.message, error.hint
    state = msgspec.structs.replace(
        state,
        processes={name: server.pid for name, server in stack.every_server().items()},
        obeyed=orders.serial,
        message=message,
        hint=hint,
    )
    write_state(stack.layout.root, state)
    return state


def _fail(directory: Path, state: State, error: ReadinessError) -> int:
    failed = msgspec.structs.replace(state, phase="failed", message=error.message, hint=error.hint)
    try:
        write_state(directory, failed)
    except OSError:
        traceback.print_exc()  # a full disk, say; the line below still tells
    _say(Message(error=error.message, hint=error.hint))
    return error.exit_code


def _explained(error: OSError, directory: Path) -> ServerError:
    hint = {
        errno.ENOSPC: "free some space (a sandbox takes about 400 MB), or choose another folder",
        errno.EACCES: "choose a folder that you may write to",
    }.get(error.errno or 0, f"see {directory}/supervisor.log")
    traceback.print_exc()
    return ServerError(f"the sandbox in {directory} could not be made: {error}", hint=hint)


def _stop(number: int, _: FrameType | None) -> None:
    for other in STOPPING_SIGNALS:  # what follows must not be interrupted
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _stop_at_end_of_input() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _progress(text: str) -> None:
    _say(Message(progress=text))


def _say(message: Message) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever started a detached sandbox is gone
        os.write(1, msgspec.json.encode(message) + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
