"""Stops a run at every step that it makes on the disk, and before every program it starts.

A *world* is a module of this folder, with what :class:`World` names.
Called as a program, this forks one child for each step and kills it with SIGKILL there:
``python stepping.py WORLD PARENT POINTS SECOND`` leaves ``PARENT/<n>/run`` as each kill left it.
With SECOND above 0, the run is taken up again and killed at that step of the second attempt, too.
"""

import errno
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from readiness_kit.results import Results

ON_DISK = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"}
"""Audit events of CPython that touch the disk."""

PROGRAM = "subprocess.Popen"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
DISK = {"disk full": errno.ENOSPC, "I/O error": errno.EIO}


class World(Protocol):
    """A small target, and a run of it."""

    POINTS: int
    BEGUN: int
    SEALED: int
    HARMLESS: tuple[int, ...]

    def prepare(self, parent: Path) -> None: ...
    def enter(self, put: Callable[[object, str, object], None]) -> None: ...
    def begin(self, place: Path) -> Results: ...
    def go_on(self, place: Path) -> Results: ...
    def demand(self, place: Path, results: Results) -> None: ...


def world(name: str) -> World:
    return cast(World, importlib.import_module(f"faults.{name}"))


class Steps:
    """Counts what is done to the disk below a folder, and does something at one step of it."""

    def __init__(self) -> None:
        self._folder, self._at, self.count = "", -1, 0
        self._act: Callable[[], None] = lambda: None
        sys.addaudithook(self._heard)

    def watch(self, folder: Path, at: int, act: Callable[[], None]) -> None:
        self._folder, self._at, self._act, self.count = str(folder), at, act, 0

    def ignore(self) -> None:
        self._folder = ""

    def _heard(self, event: str, args: tuple[object, ...]) -> None:
        if not self._folder or not (event == PROGRAM or self._on_disk(event, args)):
            return
        self.count += 1
        if self.count == self._at + 1:
            self._act()

    def _on_disk(self, event: str, args: tuple[object, ...]) -> bool:
        if event not in ON_DISK:
            return False
        path = str(args[0])
        if not path.startswith(self._folder) or path.endswith(".lock"):
            return False
        return event != "open" or (isinstance(args[2], int) and bool(args[2] & WRITING))


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def failing(number: int) -> Callable[[], None]:
    """Return what fails as the disk would: ENOSPC, EIO and the like."""

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


def kill_everywhere(name: str, parent: Path, points: int, second: int) -> Path:
    """Call this program in a process of its own; return *parent*."""
    program = [sys.executable, __file__, name, parent, points, second]
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    done = subprocess.run(
        [str(one) for one in program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return parent


def _killed(steps: Steps, place: Path, at: int, do: Callable[[Path], Results]) -> None:
    child = os.fork()
    if not child:
        steps.watch(place / "run", at, kill)
        do(place)
        os._exit(0)
    os.waitpid(child, 0)


def main(name: str, parent: Path, points: int, second: int) -> None:
    played = world(name)
    played.enter(setattr)
    played.prepare(parent)
    steps = Steps()
    for at in range(points):
        place = parent / str(at)
        place.mkdir()
        _killed(steps, place, at, played.begin)
        if second and (place / "run" / "run.json").exists():
            _killed(steps, place, second, played.go_on)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
