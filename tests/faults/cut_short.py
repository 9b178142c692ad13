"""A run that is killed, or that the disk fails, at any step: nothing is torn, and it goes on."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from faults.fault import Fault, Kind, Stage
from faults.stepping import DISK, World, failing, world

from readiness_kit import judgement
from readiness_kit.errors import ReadinessError, UsageError
from readiness_kit.evidence import atomic, canonical, manifest
from readiness_kit.evidence.folder import Run, StoredFact
from readiness_kit.results import Results
from readiness_kit.signoff import machine
from readiness_kit.signoff.sealed import SealedRun

WORLDS = {"smallrun": "asking", "lentrun": "borrowing", "drilledrun": "a drill"}
"""Worlds to what their runs do."""

TWICE = ("smallrun", "drilledrun")
"""Worlds whose runs are killed again while they go on."""

SECOND = 5
"""The step at which a run that goes on is killed again."""

SYNCS, LINES = 20, 7
"""Calls of fsync, and lines of the journal, that the small run makes at least."""


def demand_whole(run: Path) -> None:
    """Demand that every file that has its name is whole, whatever happened."""
    for file in run.rglob("*.json"):
        kind = {"run.json": Run, "results.json": Results}.get(file.name)
        kind = kind or (StoredFact if file.parent.name == "facts" else dict[str, object])
        canonical.decode(file.read_bytes(), kind)
    if (run / "SHA256SUMS").exists():
        manifest.check(run)


def demand_resumable(played: World, place: Path) -> None:
    """Demand that the run goes on to the same results, is finished, or had asked nothing yet."""
    run = place / "run"
    demand_whole(run)
    if (run / "SHA256SUMS").exists():
        assert machine.problem(SealedRun.open(run)) == ""
        with pytest.raises(UsageError, match="finished and sealed"):
            played.go_on(place)
        return
    if not (run / "run.json").exists():
        with pytest.raises(UsageError, match="nothing to resume"):
            played.go_on(place)
        assert not list(run.glob("facts/*"))
        return
    results = played.go_on(place)
    played.demand(place, results)
    assert not list(run.rglob(f"{atomic.LEFTOVER}*"))
    manifest.check(run)
    assert judgement.rejudged(run, results) == []


def killed(stage: Stage, *, name: str, at: int) -> None:
    played = world(name)
    played.enter(stage.patch.setattr)
    place = stage.killed(name, 0) / str(at)
    assert (place / "run" / "run.json").exists() == (at >= played.BEGUN)
    assert (place / "run" / "SHA256SUMS").exists() == (at >= played.SEALED)
    demand_resumable(played, place)


def killed_again(stage: Stage, *, name: str, at: int) -> None:
    played = world(name)
    played.enter(stage.patch.setattr)
    demand_resumable(played, stage.killed(name, SECOND) / str(at))


def disk_fails(stage: Stage, *, name: str, at: int, number: int) -> None:
    played = world(name)
    played.enter(stage.patch.setattr)
    place = stage.prepared(name) / f"{number}-{at}"
    error = None
    stage.steps.watch(place / "run", at, failing(number))
    try:
        played.begin(place)
    except ReadinessError as caught:
        error = caught
    finally:
        stage.steps.ignore()
    if at in played.HARMLESS:
        manifest.check(place / "run")
        return
    assert error is not None
    assert os.strerror(number) in error.message
    assert (place / "run" / "SHA256SUMS").exists() == (at >= played.SEALED)
    demand_resumable(played, place)


def sync_fails(stage: Stage, *, at: int) -> None:
    """The disk does not keep what was written."""
    played, sync, calls = world("smallrun"), os.fsync, iter(range(1000))
    played.enter(stage.patch.setattr)

    def fsync(handle: int) -> None:
        if next(calls) == at:
            failing(DISK["I/O error"])()
        sync(handle)

    with stage.patch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(ReadinessError):
            played.begin(stage.place)
    demand_resumable(played, stage.place)


def half_a_line(stage: Stage, *, at: int) -> None:
    """The disk fills up in the middle of a line of the journal."""
    played, write, calls = world("smallrun"), os.write, iter(range(1000))
    played.enter(stage.patch.setattr)

    def half(handle: int, data: bytes) -> int:
        return write(handle, data[: len(data) // 2] if next(calls) == at else data)

    with stage.patch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(ReadinessError, match="No space"):
            played.begin(stage.place)
    demand_resumable(played, stage.place)


def clock_off(stage: Stage, *, days: int) -> None:
    """What was begun on another day is not taken up: its facts belong to one moment."""
    played = world("smallrun")
    played.enter(stage.patch.setattr)
    stage.steps.watch(stage.place / "run", played.SEALED - 1, failing(DISK["disk full"]))
    with pytest.raises(ReadinessError):
        played.begin(stage.place)
    stage.steps.ignore()
    file = stage.place / "run" / "run.json"
    run = canonical.decode(file.read_bytes(), dict[str, object])
    begun = canonical.decode(file.read_bytes(), Run).started_at + timedelta(days=days, seconds=-9)
    file.write_bytes(canonical.dumps(run | {"started_at": begun}))
    with pytest.raises(UsageError, match="more than a day"):
        played.go_on(stage.place)


def demand_counted(stage: Stage, name: str) -> None:
    """Demand that a run of this world takes as many steps as the table has for it."""
    played = world(name)
    played.enter(stage.patch.setattr)
    place = stage.prepared(name) / "counted"
    stage.steps.watch(place / "run", -2, lambda: None)
    results = played.begin(place)
    stage.steps.ignore()
    played.demand(place, results)
    assert stage.steps.count == played.POINTS


def _rows(
    kind: Kind, words: str, strike: Callable[..., None], points: int, **given: object
) -> Iterator[Fault]:
    for at in range(points):
        yield Fault(kind, f"{words} {at}", partial(strike, at=at, **given))


def _of_world(name: str, doing: str) -> Iterator[Fault]:
    points = world(name).POINTS
    yield from _rows("kill -9", f"{doing}, before step", killed, points + 1, name=name)
    if name in TWICE:
        words = f"{doing}, twice, before step"
        yield from _rows("kill -9", words, killed_again, points, name=name)


def _on_disk(kind: Kind, name: str) -> Iterator[Fault]:
    words, points = f"{WORLDS[name]}, at step", world(name).POINTS
    yield from _rows(kind, words, disk_fails, points, name=name, number=DISK[kind])


FAULTS = (
    *(row for name, doing in WORLDS.items() for row in _of_world(name, doing)),
    *_on_disk("disk full", "smallrun"),
    *_on_disk("I/O error", "smallrun"),
    *_on_disk("disk full", "lentrun"),
    *_rows("I/O error", "of sync", sync_fails, SYNCS),
    *_rows("disk full", "in the middle of line", half_a_line, LINES),
    *(Fault("clock", f"{days} days", partial(clock_off, days=days)) for days in (-2, -1, 1, 2)),
)
