"""A run of three facts, small enough to be cut short at every step it makes on the disk.

Called as a program, it forks one child for each step and kills it with SIGKILL there:
``python smallrun.py PARENT POINTS SECOND`` leaves ``PARENT/<n>/run`` as each kill left it. With
SECOND above 0, the run is taken up again and killed at that step of the second attempt as well.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from readiness_kit import assessment as rooms
from readiness_kit import judgement
from readiness_kit.assessment import Assessment
from readiness_kit.facts import Fact
from readiness_kit.results import Results
from readiness_kit.sources import Source, Visit, source
from readiness_kit.verdict import Check, Finding, fails, holds, judges

TARGET = "schema: 1\nname: shop\nenvironment: staging\n"

ON_DISK = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"}
"""Audit events of CPython that touch the disk."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class First(Fact, frozen=True, kw_only=True):
    """A fact."""


class Second(Fact, frozen=True, kw_only=True):
    """Another one, which shows a failure."""


class Third(Fact, frozen=True, kw_only=True):
    """The last one."""


@judges("old_versions_refused")
def rule_first(first: First) -> Iterator[Finding]:
    yield holds("old_versions_refused", got="x", want="y", seen=[first.at()])


@judges("suites_strong")
def rule_second(second: Second) -> Iterator[Finding]:
    yield fails("suites_strong", got="x", want="y", seen=[second.at()])


@judges("modern_version_spoken")
def rule_third(third: Third) -> Iterator[Finding]:
    yield holds("modern_version_spoken", got="x", want="y", seen=[third.at()])


def small_world(put: Callable[[object, str, object], None] = setattr) -> None:
    """Put three sources and one check in place of the real ones."""
    check = Check((rule_first, rule_second, rule_third), remedy="", references=(), good=())
    found = {kind: _source(kind) for kind in (First, Second, Third)}
    for room in (rooms, judgement):
        put(room, "all_checks", lambda: {"security.tls": check})
    put(rooms, "all_sources", lambda: found)
    put(rooms, "WORKERS", 1)


def _source(kind: type[Fact]) -> Source:
    def look(visit: Visit) -> Fact:
        return kind(observed_at=datetime.now(UTC))

    look.__annotations__ = {"visit": Visit, "return": kind}
    return source(effect="read", asks="nothing")(look)


def begin(place: Path) -> Results:
    """Run from start to seal in *place*."""
    place.mkdir(exist_ok=True)
    (place / "readiness.yaml").write_text(TARGET)
    return _finish(Assessment.open(place / "readiness.yaml", place / "run"))


def go_on(place: Path) -> Results:
    """Resume the run in *place* and seal it."""
    return _finish(Assessment.open(place / "readiness.yaml", resume_from=place / "run"))


def _finish(run: Assessment) -> Results:
    with run.gathering():
        run.gather()
    results = run.results()
    run.seal(results)
    return results


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
        if not self._folder or event not in ON_DISK:
            return
        path = str(args[0])
        if not path.startswith(self._folder) or path.endswith(".lock"):
            return
        if event == "open" and not (isinstance(args[2], int) and args[2] & WRITING):
            return
        self.count += 1
        if self.count == self._at + 1:
            self._act()


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def failing(number: int) -> Callable[[], None]:
    """Return what fails as the disk would: ENOSPC, EIO and the like."""

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


DISK = (errno.ENOSPC, errno.EIO)


def _killed(steps: Steps, place: Path, at: int, do: Callable[[Path], Results]) -> None:
    child = os.fork()
    if not child:
        steps.watch(place / "run", at, kill)
        do(place)
        os._exit(0)
    os.waitpid(child, 0)


def main(parent: Path, points: int, second: int) -> None:
    small_world()
    steps = Steps()
    for at in range(points):
        place = parent / str(at)
        place.mkdir()
        _killed(steps, place, at, begin)
        if second and (place / "run" / "run.json").exists():
            _killed(steps, place, second, go_on)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
