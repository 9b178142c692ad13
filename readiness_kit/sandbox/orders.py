"""What a supervisor is asked to do to its servers while they run: ``DIR/orders.json``.

The file says how the servers must be, not what to do next: whoever reads it twice does nothing
twice, and an empty order is the sandbox as it was started.
"""

import secrets
import time
from pathlib import Path
from typing import Literal

import msgspec

from readiness_kit.errors import ServerError
from readiness_kit.sandbox.state import State, is_held, read_state

DEADLINE_S = 90.0
"""How long a supervisor may take: two processes of the service may have to start again."""

POLL_S = 0.05

Stage = Literal["as_started", "lost", "promoted", "swapped"]
"""Who is the database's primary: see :mod:`.failover`."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """How the servers must be."""

    serial: str = ""
    """Tells one order from the next; the supervisor repeats it when it has obeyed."""

    environment: dict[str, str] = {}
    """Variables of the service's processes, on top of those it was started with."""

    stopped: tuple[str, ...] = ()
    """Servers that must not run, by their names in ``state.json``."""

    stage: Stage = "as_started"
    """How far the primary and its standby have changed places."""


def read_orders(directory: Path) -> Orders:
    """Return the orders given for the sandbox in *directory*; none are empty ones."""
    try:
        return msgspec.json.decode((directory / "orders.json").read_bytes(), type=Orders)
    except FileNotFoundError:
        return Orders()


def order(directory: Path, orders: Orders) -> None:
    """Give *orders* to the supervisor of *directory*, and return when it has obeyed.

    Raises:
        ServerError: It could not, does not answer, or is gone.

    """
    orders = msgspec.structs.replace(orders, serial=secrets.token_hex(8))
    beside = directory / "orders.partial"
    beside.write_bytes(msgspec.json.encode(orders))
    beside.replace(directory / "orders.json")
    state = _obeyed(directory, orders.serial)
    if state.message:
        raise ServerError(state.message, hint=state.hint)


def _obeyed(directory: Path, serial: str) -> State:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        state = read_state(directory)
        if state.obeyed == serial:
            return state
        if not is_held(directory):
            raise ServerError(
                f"the supervisor of {directory} is gone", hint="start the sandbox again"
            )
        time.sleep(POLL_S)
    raise ServerError(
        f"the supervisor of {directory} did not obey within {DEADLINE_S:g} s",
        hint=f"look at {directory}/supervisor.log",
    )
