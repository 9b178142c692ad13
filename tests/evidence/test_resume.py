"""An interrupted run goes on: what is stored stays, what was under way is repeated."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from readiness_kit import assessment as rooms
from readiness_kit import judgement
from readiness_kit.assessment import Assessment
from readiness_kit.errors import RunFolderError, UsageError
from readiness_kit.evidence import canonical, resume
from readiness_kit.facts import Fact
from readiness_kit.sources import Visit, source
from readiness_kit.target_file import load_target
from readiness_kit.verdict import Check, Finding, Status, holds, judges

TARGET = "schema: 1\nname: shop\nenvironment: staging\n"


class First(Fact, frozen=True, kw_only=True):
    """A fact of these tests."""


class Second(Fact, frozen=True, kw_only=True):
    """Another one."""


@judges("old_versions_refused")
def rule_first(first: First) -> Iterator[Finding]:
    yield holds("old_versions_refused", got="x", want="y", seen=[first.at()])


@judges("suites_strong")
def rule_second(second: Second) -> Iterator[Finding]:
    yield holds("suites_strong", got="x", want="y", seen=[second.at()])


class World:
    """A check on two facts, gathered one after the other."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.looks: list[str] = []
        self.file = folder / "readiness.yaml"
        self.file.write_text(TARGET)
        self.run = folder / "run"
        check = Check((rule_first, rule_second), remedy="", references=(), good=())
        found = {First: self._source(First, "read"), Second: self._source(Second, "canary")}
        patch.setattr(rooms, "all_checks", lambda: {"security.tls": check})
        patch.setattr(judgement, "all_checks", lambda: {"security.tls": check})
        patch.setattr(rooms, "all_sources", lambda: found)
        patch.setattr(rooms, "WORKERS", 1)

    def _source(self, kind: type[Fact], effect):
        def look(visit: Visit) -> Fact:
            self.looks.append(kind.fact_id())
            return kind(observed_at=datetime.now(UTC))

        look.__annotations__ = {"visit": Visit, "return": kind}
        return source(effect=effect, asks="a", deadline_s=0.5)(look)

    def cut_short(self) -> None:
        """Run until the second look, at which the disk fails."""
        run = Assessment.open(self.file, self.run, allow=("canary",))
        write = run.folder.write_fact

        def failing(fact_id: str, *args, **more) -> None:
            if fact_id == "second":
                raise RunFolderError("the disk is full")
            write(fact_id, *args, **more)

        run.folder.write_fact = failing
        with pytest.raises(RunFolderError), run.gathering():
            run.gather()

    def go_on(self, **options) -> Assessment:
        run = Assessment.open(self.file, resume_from=self.run, **options)
        with run.gathering():
            run.gather()
        run.seal(run.results())
        return run


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def events(folder: Path) -> list[tuple[str, object]]:
    lines = (folder / "journal.jsonl").read_text().splitlines()
    return [(one["event"], one.get("fact")) for one in map(json.loads, lines)]


def test_only_what_was_under_way_is_repeated(world):
    world.cut_short()
    assert not (world.run / "facts" / "second.json").exists()
    run = world.go_on()
    assert world.looks == ["first", "second", "second"]
    passed = [one.id for one in run.results().claims() if one.status is Status.PASS]
    assert passed == ["security.tls.old_versions_refused", "security.tls.suites_strong"]
    told = [one for one in events(world.run) if one[0] != "BEGUN"]
    assert told == [
        ("STARTED", "first"),
        ("DONE", "first"),
        ("STARTED", "second"),
        ("RESUMED", None),
        ("STARTED", "second"),
        ("DONE", "second"),
    ]


def test_a_resumed_run_has_the_effects_it_was_begun_with(world):
    world.cut_short()
    run = Assessment.open(world.file, resume_from=world.run)
    assert run.allow == {"read", "canary"}
    with pytest.raises(UsageError, match="--allow canary"):
        Assessment.open(world.file, resume_from=world.run, allow=("load",))
    with pytest.raises(UsageError, match="other items"):
        Assessment.open(world.file, resume_from=world.run, only=("security.cors",))


def test_leftovers_damaged_facts_and_a_torn_line_are_removed(world):
    world.cut_short()
    (world.run / "facts" / ".unfinished-0123").write_bytes(b"{")
    (world.run / "facts" / "first.json").write_bytes(b'{"schema":')
    (world.run / "notebooks" / "02_security.ipynb").write_bytes(b"{")
    (world.run / "notebooks" / ".ipynb_checkpoints").mkdir()
    (world.run / "notebooks" / ".ipynb_checkpoints" / "a.ipynb").write_bytes(b"{")
    (world.run / "locks" / "gathered.lock").touch()
    with (world.run / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"at":"2026-')
    run = world.go_on()
    assert world.looks == ["first", "second", "first", "second"]
    assert [one.name for one in sorted((world.run / "facts").iterdir())] == [
        "first.json",
        "second.json",
    ]
    assert not list((world.run / "notebooks").iterdir())
    assert all(event for event, _ in events(world.run))
    assert judgement.rejudged(world.run, run.results()) == []


def test_a_run_that_was_cut_while_sealing_is_sealed(world):
    run = Assessment.open(world.file, world.run, allow=("canary",))
    with run.gathering():
        run.gather()
    run.folder.write("results.json", canonical.dumps(run.results()))
    for lock in (world.run / "locks").iterdir():
        lock.unlink()
    (world.run / "locks").rmdir()
    world.go_on()
    assert (world.run / "SHA256SUMS").exists()
    assert world.looks == ["first", "second"]


def test_records_that_were_not_kept_yet_are_kept(world, tmp_path):
    (tmp_path / "waivers").mkdir()
    (tmp_path / "waivers" / "one.json").write_bytes(b"{}")
    world.file.write_text(f"{TARGET}waivers: waivers\n")
    world.cut_short()
    (world.run / "waivers" / "one.json").unlink()
    (world.run / "journal.jsonl").write_bytes(b"")
    world.go_on()
    assert (world.run / "waivers" / "one.json").exists()


def test_a_finished_run_is_not_resumed(world):
    world.cut_short()
    world.go_on()
    with pytest.raises(UsageError, match="sealed"):
        Assessment.open(world.file, resume_from=world.run)


def test_another_target_is_not_resumed(world):
    world.cut_short()
    world.file.write_text(f"{TARGET}phase: post_launch\n")
    with pytest.raises(UsageError, match="another target"):
        Assessment.open(world.file, resume_from=world.run)


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"kit_version": "0.0.1"}, "version 0.0.1"), ({"catalogue_sha256": "0" * 64}, "catalogue")],
)
def test_what_another_kit_began_is_not_resumed(world, changes, word):
    world.cut_short()
    asked = json.loads((world.run / "run.json").read_bytes()) | changes
    (world.run / "run.json").write_bytes(canonical.dumps(asked))
    with pytest.raises(UsageError, match=word):
        Assessment.open(world.file, resume_from=world.run)


@pytest.mark.parametrize("days", [-1, 1.01, 400])
def test_a_clock_that_is_off_or_a_late_hour_resumes_nothing(world, days):
    world.cut_short()
    target = load_target(world.file)
    now = datetime.now(UTC) + timedelta(days=days)
    with pytest.raises(UsageError, match="more than a day"):
        resume.take_up(world.run, target, now)


def test_what_is_no_run_is_not_resumed(world, tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(UsageError, match="nothing to resume"):
            Assessment.open(world.file, resume_from=path)


def test_a_run_that_is_under_way_is_not_resumed(world):
    live = Assessment.open(world.file, world.run, allow=("canary",))
    other = Assessment.open(world.file, resume_from=world.run)
    with (
        live.gathering(),
        pytest.raises(RunFolderError, match="another process"),
        other.gathering(),
    ):
        pass
