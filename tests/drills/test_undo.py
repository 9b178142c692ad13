"""What a drill breaks is mended, however the drill ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import webserver
from webserver import Reply, serve

from readiness_kit import assessment as rooms
from readiness_kit.assessment import Assessment
from readiness_kit.drills import undo
from readiness_kit.errors import NotSeen, RunFolderError
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.facts import Fact
from readiness_kit.sources import Visit, source
from readiness_kit.target import Drills, Fault
from readiness_kit.target_file import load_target

TARGET = """\
schema: 1
name: shop
environment: staging
api: {{url: "{url}", http_url: "{url}"}}
drills:
  cut_database: {{do: [touch, "{mark}"], undo: [rm, -f, "{mark}"]}}
"""


class World:
    """A service that is ready unless a file lies there: the fault."""

    def __init__(self, folder: Path, url: str) -> None:
        self.mark = folder / "fault"
        self.file = folder / "readiness.yaml"
        self.file.write_text(TARGET.format(url=url, mark=self.mark))
        self.run = folder / "run"
        self.target = load_target(self.file)
        self.said: list[tuple[str, dict[str, object]]] = []

    def visit(self, **faults: Fault) -> Visit:
        found = webserver.visit(self.target.api.url, drills=Drills(**faults))
        found.target = self.target if not faults else found.target
        found.journal = lambda event, **details: self.said.append((event, details))
        return found


@pytest.fixture
def world(tmp_path):
    with serve(lambda _: Reply(503 if (tmp_path / "fault").exists() else 200)) as url:
        yield World(tmp_path, url)


def test_the_undo_is_written_before_anything_is_broken(world):
    visit = world.visit()
    journal = visit.journal

    def looking(event: str, **details: object) -> None:
        journal(event, **details, broken=world.mark.exists())

    visit.journal = looking
    with undo.broken(visit, "cut_database") as when:
        assert world.mark.exists()
        assert not when
    assert not world.mark.exists()
    assert when[0].since_s < when[0].until_s
    (first, before), (_, broken), (_, mended), (last, after) = world.said
    assert (broken["step"], mended["step"]) == ("cut_database: broken", "cut_database: mended")
    assert (first, before["fault"], before["broken"]) == ("UNDO", "cut_database", False)
    assert before["argv"] == ["rm", "-f", str(world.mark)]
    assert (last, after["broken"], after["answers_again"]) == ("UNDONE", False, True)


def test_what_raises_is_mended_and_stays_open_in_the_journal(world):
    with pytest.raises(ZeroDivisionError), undo.broken(world.visit(), "cut_database"):
        raise ZeroDivisionError
    assert not world.mark.exists()
    assert [event for event, _ in world.said if event != "STEP"] == ["UNDO"]


def test_a_fault_that_is_not_declared_breaks_nothing(world):
    with (
        pytest.raises(NotSeen, match=r"no drills\.cut_cache"),
        undo.broken(world.visit(), "cut_cache"),
    ):
        pytest.fail("nothing was broken")
    assert not world.said


def test_a_command_that_fails_is_named_and_what_it_began_is_mended(world):
    mark = str(world.mark)
    half = Fault(do=("sh", "-c", f"touch {mark}; echo no >&2; exit 3"), undo=("rm", mark))
    with (
        pytest.raises(NotSeen, match=r"drills\.cut_database\.do failed with status 3: no"),
        undo.broken(world.visit(cut_database=half), "cut_database"),
    ):
        pytest.fail("nothing to look at")
    assert not world.mark.exists()


def test_mending_is_tried_again(world, tmp_path):
    tried = tmp_path / "tried"
    second = ("sh", "-c", f"test -e {tried} && rm -f {world.mark} || {{ touch {tried}; exit 1; }}")
    undo.mend("cut_database", Fault(do=("true",), undo=second))
    never = Fault(do=("true",), undo=("false",))
    with pytest.raises(NotSeen, match="undo failed with status 1"):
        undo.mend("cut_database", never)


@pytest.mark.parametrize(
    ("events", "open_"),
    [
        ([], ()),
        ([("UNDO", "cut_cache")], ("cut_cache",)),
        ([("UNDO", "cut_cache"), ("UNDONE", "cut_cache")], ()),
        ([("UNDO", "cut_cache"), ("UNDONE", "cut_cache"), ("UNDO", "cut_cache")], ("cut_cache",)),
        ([("UNDO", "a"), ("UNDO", "b"), ("UNDONE", "a")], ("b",)),
        ([("UNDONE", "a")], ()),
    ],
)
def test_what_is_pending(events, open_):
    assert undo.pending({"event": event, "fault": fault} for event, fault in events) == open_


class Drilled(Fact, frozen=True, kw_only=True):
    """A fact of these tests."""


@source(effect="drill", asks="nothing", deadline_s=60, exclusive=("load", "target"))
def drilled(visit: Visit) -> Drilled:
    with undo.broken(visit, "cut_database"):
        while True:
            _ = visit.remaining_s
            time.sleep(0.01)


def begun(world: World, monkeypatch) -> Assessment:
    monkeypatch.setattr(rooms, "all_sources", lambda: {Drilled: drilled})
    return Assessment.open(world.file, world.run, allow=("drill",))


def interrupt_while_broken(run: Assessment, world: World) -> None:
    with run._stopping():
        threading.Thread(target=run._visit, args=(drilled,), daemon=True).start()
        while not world.mark.exists():
            time.sleep(0.01)
        raise KeyboardInterrupt


def test_an_interrupted_run_has_mended_when_it_ends(world, monkeypatch):
    run = begun(world, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        interrupt_while_broken(run, world)
    assert not world.mark.exists()
    assert not run.folder.has_fact("drilled")


KILLED = """\
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from test_undo import drilled
from readiness_kit import assessment
from readiness_kit.assessment import Assessment
run = Assessment.open(Path({file!r}), Path({run!r}), allow=("drill",))
with run.gathering():
    run._visit(drilled)
"""


def killed(world: World) -> None:
    """Hold the drill in a process of its own, and kill that in the middle."""
    path = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    code = KILLED.format(path=path, file=str(world.file), run=str(world.run))
    with subprocess.Popen([sys.executable, "-c", code]) as child:
        while not world.mark.exists():
            assert child.poll() is None
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)


def events(world: World) -> list[str]:
    lines = (world.run / "journal.jsonl").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_a_killed_run_is_mended_at_once_by_its_guard(world):
    killed(world)
    deadline = time.monotonic() + 30
    while world.mark.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [one for one in events(world) if one != "STEP"][-1] == "UNDO"


def test_resuming_mends_before_anything_is_asked(world, monkeypatch):
    killed(world)
    while world.mark.exists():
        time.sleep(0.01)
    world.mark.touch()  # as if the guard had been killed, too
    monkeypatch.setattr(rooms, "all_sources", lambda: {Drilled: drilled})
    run = Assessment.open(world.file, resume_from=world.run)
    with run.gathering():
        assert not world.mark.exists()
        assert events(world)[-2:] == ["RESUMED", "UNDONE"]


def test_resuming_goes_no_further_when_it_cannot_mend(world, monkeypatch):
    folder = RunFolder.create(world.run.parent, world.target, path=world.run)
    folder.journal(undo.UNDO, fault="cut_cache", argv=["x"])
    run = Assessment.open(world.file, resume_from=world.run)
    with (
        pytest.raises(RunFolderError, match="cut_cache broken, and it cannot be undone"),
        run.gathering(),
    ):
        pytest.fail("it went on")


def test_resuming_goes_no_further_when_the_service_stays_away(world, monkeypatch):
    monkeypatch.setattr(undo, "ANSWERS_AGAIN_S", 0.5)
    still = world.file.read_text().replace("rm, -f,", "ls,")
    world.file.write_text(still)
    world.mark.touch()
    target = load_target(world.file)
    folder = RunFolder.create(world.run.parent, target, path=world.run)
    folder.journal(undo.UNDO, fault="cut_database", argv=["x"])
    with pytest.raises(RunFolderError, match="does not answer"):
        undo.complete(folder, target)
    assert undo.pending(folder.events()) == ("cut_database",)
