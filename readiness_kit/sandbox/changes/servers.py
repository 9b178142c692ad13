"""Changes of the servers' processes: the supervisor makes them."""

import contextlib
import os
from pathlib import Path

import msgspec

from readiness_kit.sandbox.changes import Change
from readiness_kit.sandbox.ground import Ground
from readiness_kit.sandbox.orders import Orders

FAULTS = "SANDBOX_FAULTS"
LOGS = "logs/quill-*.*"


class Fault(Change, frozen=True, kw_only=True, tag="fault"):
    """Switch on ``name`` of :mod:`readiness_kit.sandbox.app.faults` in both processes.

    What they write into their logs meanwhile is cut off again.
    """

    name: str

    def save(self, ground: Ground, place: Path) -> None:
        """Note how long the logs are."""
        _note_logs(ground, place)

    def undo(self, ground: Ground, place: Path) -> None:
        """Cut the logs back."""
        _cut_logs(ground, place)

    def wish(self, orders: Orders) -> Orders:
        """Ask for the fault beside those that are on."""
        before = orders.environment.get(FAULTS)
        return _with(orders, {FAULTS: f"{before},{self.name}" if before else self.name})


class Environment(Change, frozen=True, kw_only=True, tag="environment"):
    """Start both processes with ``variables`` on top of their own."""

    variables: dict[str, str]

    def save(self, ground: Ground, place: Path) -> None:
        """Note how long the logs are."""
        _note_logs(ground, place)

    def undo(self, ground: Ground, place: Path) -> None:
        """Cut the logs back."""
        _cut_logs(ground, place)

    def wish(self, orders: Orders) -> Orders:
        """Ask for the variables."""
        return _with(orders, self.variables)


class Stop(Change, frozen=True, kw_only=True, tag="stop"):
    """Stop ``server``, by its name in ``state.json``."""

    server: str

    def wish(self, orders: Orders) -> Orders:
        """Ask that it does not run."""
        return msgspec.structs.replace(orders, stopped=(*orders.stopped, self.server))


def _with(orders: Orders, more: dict[str, str]) -> Orders:
    return msgspec.structs.replace(orders, environment={**orders.environment, **more})


def _note_logs(ground: Ground, place: Path) -> None:
    sizes = {str(path): path.stat().st_size for path in ground.paths(LOGS) if path.suffix != ".pid"}
    (place / "logs.json").write_bytes(msgspec.json.encode(sizes))


def _cut_logs(ground: Ground, place: Path) -> None:
    del ground
    sizes = msgspec.json.decode((place / "logs.json").read_bytes(), type=dict[str, int])
    for path, size in sizes.items():
        with contextlib.suppress(FileNotFoundError):
            if os.stat(path).st_size > size:  # noqa: PTH116 - it may be gone: rotated
                os.truncate(path, size)
