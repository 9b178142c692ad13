"""A run that is killed, or that the disk fails, at any step: nothing is torn, and it goes on."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from faults import smallrun
from faults.smallrun import DISK, Steps, begin, failing, go_on

from readiness_kit import judgement
from readiness_kit.errors import ReadinessError, UsageError
from readiness_kit.evidence import atomic, canonical, manifest
from readiness_kit.evidence.folder import Run, StoredFact
from readiness_kit.results import Results
from readiness_kit.verdict import Status, Verdict

POINTS = 28
"""Steps on the disk that the small run takes; a test holds it to that."""

BEFORE_IT_BEGAN = 8
"""Steps before ``run.json`` is there: nothing was asked yet, and there is nothing to resume."""

LOCKS_REMOVED = 25
"""The step whose failure does no harm: locks that stay are sealed with the rest."""

SYNCS = 20
"""Calls of fsync that a run takes, at least."""


@pytest.fixture
def world(monkeypatch):
    smallrun.small_world(monkeypatch.setattr)


@pytest.fixture(scope="session")
def steps():
    """Audit hooks stay for good, so there is one, which mostly ignores what it hears."""
    return Steps()


def kill_everywhere(place: Path, second: int) -> Path:
    program = [sys.executable, smallrun.__file__, place, POINTS + 1, second]
    path = os.pathsep.join([str(Path(smallrun.__file__).parents[1]), *sys.path])
    done = subprocess.run(
        [str(one) for one in program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return place


@pytest.fixture(scope="session")
def killed(tmp_path_factory):
    return kill_everywhere(tmp_path_factory.mktemp("once"), 0)


@pytest.fixture(scope="session")
def killed_twice(tmp_path_factory):
    return kill_everywhere(tmp_path_factory.mktemp("twice"), 5)


def passed(results: Results) -> set[str]:
    return {one.id for one in results.claims() if one.status is Status.PASS}


def demand_whole(run: Path) -> None:
    """Demand that every file that has its name is whole, whatever happened."""
    for file in run.rglob("*.json"):
        kind = {"run.json": Run, "results.json": Results}.get(file.name)
        kind = kind or (StoredFact if file.parent.name == "facts" else dict[str, object])
        canonical.decode(file.read_bytes(), kind)
    if (run / "SHA256SUMS").exists():
        manifest.check(run)


def demand_resumable(place: Path) -> None:
    """Demand that the run goes on to the same results, or had asked nothing yet."""
    run = place / "run"
    demand_whole(run)
    if (run / "SHA256SUMS").exists():
        return
    if not (run / "run.json").exists():
        with pytest.raises(UsageError, match="nothing to resume"):
            go_on(place)
        assert not list(run.glob("facts/*"))
        return
    results = go_on(place)
    assert results.verdict is Verdict.NO_GO
    assert passed(results) == {
        "security.tls.old_versions_refused",
        "security.tls.modern_version_spoken",
    }
    assert not list(run.rglob(f"{atomic.LEFTOVER}*"))
    manifest.check(run)
    assert judgement.rejudged(run, results) == []


def test_the_table_holds_every_step(world, steps, tmp_path):
    steps.watch(tmp_path / "run", -2, smallrun.kill)
    begin(tmp_path)
    steps.ignore()
    assert steps.count == POINTS


@pytest.mark.parametrize("at", range(POINTS + 1))
def test_killed_at_each_step(world, killed, at):
    run = killed / str(at) / "run"
    assert (run / "run.json").exists() == (at >= BEFORE_IT_BEGAN + 2)
    assert (run / "SHA256SUMS").exists() == (at >= POINTS)
    demand_resumable(killed / str(at))


@pytest.mark.parametrize("at", range(POINTS))
def test_killed_again_while_it_went_on(world, killed_twice, at):
    demand_resumable(killed_twice / str(at))


@pytest.mark.parametrize("number", DISK, ids=os.strerror)
@pytest.mark.parametrize("at", range(POINTS))
def test_the_disk_fails_at_each_step(world, steps, tmp_path, at, number):
    steps.watch(tmp_path / "run", at, failing(number))
    error = None
    try:
        begin(tmp_path)
    except ReadinessError as caught:
        error = caught
    finally:
        steps.ignore()
    if at == LOCKS_REMOVED:
        manifest.check(tmp_path / "run")
        return
    assert error is not None
    assert os.strerror(number) in error.message
    assert not (tmp_path / "run" / "SHA256SUMS").exists()
    demand_resumable(tmp_path)


@pytest.mark.parametrize("at", range(SYNCS))
def test_the_disk_fails_to_keep_what_was_written(world, monkeypatch, tmp_path, at):
    sync, calls = os.fsync, iter(range(1000))

    def fsync(handle: int) -> None:
        if next(calls) == at:
            failing(smallrun.errno.EIO)()
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(ReadinessError):
            begin(tmp_path)
    demand_resumable(tmp_path)


@pytest.mark.parametrize("at", range(7))
def test_a_disk_that_fills_up_in_the_middle_of_a_line(world, monkeypatch, tmp_path, at):
    write, calls = os.write, iter(range(1000))

    def half(handle: int, data: bytes) -> int:
        return write(handle, data[: len(data) // 2] if next(calls) == at else data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(ReadinessError, match="No space"):
            begin(tmp_path)
    demand_resumable(tmp_path)


@pytest.mark.parametrize("days", [-2, -1, 1, 2])
def test_a_clock_that_is_off_resumes_nothing(world, steps, tmp_path, days):
    steps.watch(tmp_path / "run", POINTS - 1, failing(smallrun.errno.ENOSPC))
    with pytest.raises(ReadinessError):
        begin(tmp_path)
    steps.ignore()
    file = tmp_path / "run" / "run.json"
    run = canonical.decode(file.read_bytes(), dict[str, object])
    begun = canonical.decode(file.read_bytes(), Run).started_at + timedelta(days=days, seconds=-9)
    file.write_bytes(canonical.dumps(run | {"started_at": begun}))
    with pytest.raises(UsageError, match="more than a day"):
        go_on(tmp_path)
