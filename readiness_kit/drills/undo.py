"""Breaking something on purpose, and mending it whatever happens.

Before anything is broken, the fault's name and how it is undone are in the run's journal, synced.
It is undone when the drill ends, however it ends. Two more see to it when this process cannot: a
guard, a shell that waits for the end of a pipe and undoes at once when this process dies, by
``kill -9`` too; and ``--resume``, which undoes what the journal shows as open before anything else.
"""

import contextlib
import dataclasses
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import httpx

from readiness_kit.errors import NotSeen, RunFolderError
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.sources import Pacer, Visit
from readiness_kit.target import Fault, FaultName, Target

UNDO = "UNDO"
"""Journal event: from now on something may be broken, which ``argv`` mends."""

UNDONE = "UNDONE"
"""Journal event: it is mended."""

COMMAND_S = 30.0
"""Longest that a command which breaks or mends may take."""

SWITCH_S = 110.0
"""Longest that one may take by which database servers change places."""

ANSWERS_AGAIN_S = 60.0
"""Longest wait for the service after mending."""

TRIES = 3
"""How often mending is tried: what fails at it is worth a second try."""

_PAUSE_S = 0.2
_GUARD = 'read -r _ || exec "$@"'


class Broken(NamedTuple):
    """When something was broken, and mended; ``time.monotonic()``."""

    since_s: float
    """When the command that breaks it had ended."""

    mending_s: float
    """When the command that mends it was started: from then on it may be mended."""

    until_s: float
    """When that command had ended."""


def declared(visit: Visit, name: str) -> Fault:
    """Return the fault *name* of the target.

    Raises:
        NotSeen: It is not declared.

    """
    fault = visit.target.drills.fault(name)
    if fault is None:
        raise NotSeen(
            f"readiness.yaml has no drills.{name}",
            cause="not_configured",
            hint=f"add drills.{name} with the commands that break it (do) and mend it (undo)",
        )
    return fault


@contextlib.contextmanager
def broken(visit: Visit, name: FaultName) -> Iterator[list[Broken]]:
    """Keep the fault *name* for the length of the block; afterwards the list holds when it was.

    Returns when the service answers again, or has not for :data:`ANSWERS_AGAIN_S`.

    Raises:
        NotSeen: It is not declared, or a command failed.

    """
    fault, found = declared(visit, name), list[Broken]()
    visit.journal(UNDO, fault=name, argv=list(fault.undo))
    visit.step(f"{name}: broken")
    with _guard(fault):
        since_s = time.monotonic()
        try:
            run(f"drills.{name}.do", fault.do)
            since_s = time.monotonic()
            yield found
        finally:
            mending_s = time.monotonic()
            visit.step(f"{name}: mended")
            mend(name, fault)
            found.append(Broken(since_s, mending_s, time.monotonic()))
    visit.journal(UNDONE, fault=name, answers_again=answers_again(visit))


def complete(folder: RunFolder, target: Target) -> None:
    """Undo what an interrupted run in *folder* left broken.

    Raises:
        RunFolderError: It cannot be undone, or the service does not answer afterwards.

    """
    for name in pending(folder.events()):
        visit = Visit(target, folder.run_id, UNDO, ANSWERS_AGAIN_S, Pacer(600))
        try:
            mend(name, declared(visit, name))
        except NotSeen as error:
            raise RunFolderError(
                f"{folder.path} left {name} broken, and it cannot be undone: {error.message}",
                hint=error.hint or "mend it by hand, then begin a new run",
            ) from error
        if not answers_again(visit):
            raise RunFolderError(
                f"{name} was undone, and the service does not answer",
                hint="look at the service, then resume again",
            )
        folder.journal(UNDONE, fault=name, answers_again=True)


def pending(events: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """Return the faults that *events* of a journal show as broken, in that order."""
    found: dict[str, None] = {}
    for event in events:
        if event["event"] == UNDO:
            found[str(event["fault"])] = None
        elif event["event"] == UNDONE:
            found.pop(str(event["fault"]), None)
    return tuple(found)


def mend(name: str, fault: Fault) -> None:
    """Undo *fault*, whether it was there or not.

    Raises:
        NotSeen: The command failed each time.

    """
    for attempt in range(1, TRIES + 1):
        try:
            run(
                f"drills.{name}.undo", fault.undo, SWITCH_S if name == "stop_primary" else COMMAND_S
            )
        except NotSeen:
            if attempt == TRIES:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def run(what: str, argv: tuple[str, ...], longest_s: float = COMMAND_S) -> None:
    """Run the command *argv*, which is called *what* in messages.

    Raises:
        NotSeen: It failed, or took too long.

    """
    hint = f"run it by hand: {' '.join(argv)}"
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=longest_s,
            check=False,
            start_new_session=True,  # Ctrl-C is for us: mending must not end half-way
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotSeen(f"{what} failed: {type(error).__name__}", hint=hint) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-200:]
        raise NotSeen(f"{what} failed with status {done.returncode}: {said}", hint=hint)


def answers_again(visit: Visit) -> bool:
    """Wait until the service is ready, or answers a stranger where it has no such endpoint."""
    until_s = time.monotonic() + ANSWERS_AGAIN_S
    if visit.target.api is None:
        return True
    fresh = dataclasses.replace(visit, deadline_s=ANSWERS_AGAIN_S, started=time.monotonic())
    while time.monotonic() < until_s:
        with contextlib.suppress(httpx.HTTPError, NotSeen, OSError):
            if _answers(fresh):
                return True
        time.sleep(_PAUSE_S)
    return False


def _answers(visit: Visit) -> bool:
    with visit.client(visit.api.url, paced=False) as client:
        ready = client.get(visit.api.ready).status_code
        return ready == httpx.codes.OK or (
            ready == httpx.codes.NOT_FOUND and client.get(visit.api.health).is_success
        )


@contextlib.contextmanager
def _guard(fault: Fault) -> Iterator[None]:
    """Have *fault* undone by a process of its own if this one dies meanwhile."""
    with subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "sh", *fault.undo],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as guard:
        try:
            yield
        finally:
            with contextlib.suppress(BrokenPipeError):
                guard.communicate(b"done\n", timeout=COMMAND_S)
