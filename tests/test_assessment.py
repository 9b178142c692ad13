"""Facts are gathered once, under locks and deadlines; whatever goes wrong is a value, never a pass."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from readiness_kit import assessment as rooms
from readiness_kit import judgement
from readiness_kit.assessment import Assessment
from readiness_kit.commands import plan
from readiness_kit.contents import claims
from readiness_kit.errors import NotSeen, RunFolderError, UsageError
from readiness_kit.evidence import locks
from readiness_kit.facts import Fact
from readiness_kit.sources import Source, Visit, source
from readiness_kit.verdict import Cause, Check, Finding, Status, Verdict, fails, holds, judges

HEAD = "schema: 1\nname: shop\nenvironment: {environment}\napi: {{url: 'http://127.0.0.1:1'}}\n"


class Door(Fact, frozen=True, kw_only=True):
    """A fact of these tests."""

    closed: bool
    note: str = ""


@judges("old_versions_refused")
def rule(door: Door) -> Iterator[Finding]:
    say = holds if door.closed else fails
    yield say("old_versions_refused", got="x", want="y", seen=[door.at("/closed")])


def check() -> Check:
    return Check((rule,), remedy="", references=(), good=())


class World:
    """One check and one source, put in place of the real ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.monkeypatch, self.tmp_path = monkeypatch, tmp_path
        checks = {"security.tls": check()}
        monkeypatch.setattr(rooms, "all_checks", lambda: checks)
        monkeypatch.setattr(judgement, "all_checks", lambda: checks)
        monkeypatch.chdir(tmp_path)

    def gather_by(self, look, *, effect="read", deadline_s=5.0, **more) -> None:
        look.__annotations__ = {"visit": Visit, "return": Door}
        made: Source = source(effect=effect, asks="a", deadline_s=deadline_s, **more)(look)
        self.monkeypatch.setattr(rooms, "all_sources", lambda: {Door: made})

    def open(self, environment="staging", extra="", **options) -> Assessment:
        file = self.tmp_path / "readiness.yaml"
        file.write_text(HEAD.format(environment=environment) + extra)
        return Assessment.open(file, **options)

    def status(self, assessment: Assessment) -> tuple[Status, Cause | None]:
        claim = assessment.item("security.tls").claims[0]
        assert claim.id == "security.tls.old_versions_refused"
        return claim.status, claim.cause


@pytest.fixture
def world(monkeypatch, tmp_path):
    return World(monkeypatch, tmp_path)


def door(*, closed: bool = True, note: str = "") -> Door:
    return Door(observed_at=datetime.now(UTC), closed=closed, note=note)


def test_the_steps_of_a_drill_are_heard_as_they_happen(world):
    heard = []

    def look(visit):
        visit.step("first")
        assert heard == [("door", "first")]
        visit.step("second")
        return door()

    world.gather_by(look, effect="drill")
    assessment = world.open(allow=("drill",))
    assessment.told = lambda fact, step: heard.append((fact, step))
    assert world.status(assessment)[0] is Status.PASS
    assert heard == [("door", "first"), ("door", "second")]
    steps = [one["step"] for one in assessment.folder.events() if one["event"] == "STEP"]
    assert steps == ["first", "second"]


def test_a_fact_is_looked_at_once_and_judged_from_the_folder(world):
    looks = []
    world.gather_by(lambda visit: looks.append(visit.run_id) or door())
    run = world.open()
    assert world.status(run) == (Status.PASS, None)
    assert world.status(run) == (Status.PASS, None)
    assert looks == [run.folder.run_id]
    again = Assessment.open(world.tmp_path / "readiness.yaml", run.folder.path)
    assert world.status(again) == (Status.PASS, None)
    assert len(looks) == 1


def test_what_is_seen_to_fail_fails(world):
    world.gather_by(lambda visit: door(closed=False))
    run = world.open()
    assert world.status(run) == (Status.FAIL, None)
    assert run.results().verdict is Verdict.NO_GO


def boom(error: BaseException):
    def look(visit: Visit) -> Door:
        raise error

    return look


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (NotSeen("no", cause="not_configured"), Cause.NOT_CONFIGURED),
        (NotSeen("no"), Cause.COULD_NOT_ASK),
        (NotSeen("no", cause="made up"), Cause.COULD_NOT_ASK),
        (ConnectionRefusedError("no"), Cause.COULD_NOT_ASK),
        (TimeoutError("no"), Cause.COULD_NOT_ASK),
        (ZeroDivisionError("no"), Cause.CRASHED),
        (RecursionError("no"), Cause.CRASHED),
    ],
)
def test_whatever_goes_wrong_is_unknown(world, error, cause):
    world.gather_by(boom(error))
    assert world.status(world.open()) == (Status.UNKNOWN, cause)


def test_a_probe_that_hangs_is_given_up(world, monkeypatch):
    monkeypatch.setattr(rooms, "GRACE_S", 0.05)
    released = threading.Event()
    world.gather_by(lambda visit: released.wait(10) and door(), deadline_s=0.1)
    began = time.monotonic()
    assert world.status(world.open()) == (Status.UNKNOWN, Cause.COULD_NOT_ASK)
    assert time.monotonic() - began < 5
    released.set()


def test_a_fact_that_cannot_be_stored_is_a_crash(world):
    world.gather_by(lambda visit: door(note="\ud800"))
    assert world.status(world.open()) == (Status.UNKNOWN, Cause.CRASHED)


def test_a_fact_that_was_changed_in_the_folder_is_not_believed(world):
    world.gather_by(lambda visit: door())
    run = world.open()
    run.gather()
    file = run.folder.path / "facts" / "door.json"
    file.write_bytes(file.read_bytes().replace(b'"closed":true', b'"closed":"yes"'))
    assert world.status(run) == (Status.UNKNOWN, Cause.CRASHED)


def test_secrets_do_not_reach_the_folder(world):
    (world.tmp_path / "token").write_text("swordfish-swordfish")
    world.gather_by(lambda visit: door(note=f"said {visit.token}"))
    run = world.open(extra="auth: {token: 'file:token'}\n")
    run.gather()
    stored = b"".join(file.read_bytes() for file in run.folder.path.rglob("*") if file.is_file())
    assert b"swordfish" not in stored
    assert run.folder.read_fact(Door).note == "said [redacted]"


@pytest.mark.parametrize(
    ("effect", "environment", "options", "allowed"),
    [
        ("read", "production", {}, True),
        ("canary", "staging", {}, False),
        ("canary", "staging", {"allow": ("canary",)}, True),
        ("canary", "production", {"allow": ("canary",)}, True),
        ("load", "staging", {"allow": ("canary",)}, False),
        ("load", "staging", {"allow": ("load",)}, True),
        ("load", "production", {"allow": ("load",)}, False),
        ("load", "production", {"allow": ("load",), "confirm": "elsewhere"}, False),
        ("load", "production", {"allow": ("load",), "confirm": "127.0.0.1"}, True),
        ("drill", "staging", {"allow": ("load",)}, False),
        ("drill", "staging", {"allow": ("drill",)}, True),
        ("drill", "production", {"allow": ("drill",), "confirm": "127.0.0.1"}, False),
    ],
)
def test_nothing_is_done_that_was_not_allowed(world, effect, environment, options, allowed):
    looks = []
    world.gather_by(lambda visit: looks.append(1) or door(), effect=effect)
    status, cause = world.status(world.open(environment, **options))
    assert bool(looks) == allowed
    assert (status, cause) == (
        (Status.PASS, None) if allowed else (Status.UNKNOWN, Cause.NOT_ALLOWED)
    )


@pytest.mark.parametrize(("confirm", "allowed"), [("127.0.0.1", True), (None, False), ("x", False)])
def test_a_drill_that_spares_production_is_held_when_confirmed(world, confirm, allowed):
    looks = []
    world.gather_by(lambda visit: looks.append(1) or door(), effect="drill", spares_target=True)
    status, _ = world.status(world.open("production", allow=("drill",), confirm=confirm))
    assert (bool(looks), status is Status.PASS) == (allowed, allowed)


@pytest.mark.parametrize(("run", "held"), [("", True), ("[restore]", False), ("[failover]", True)])
def test_only_chosen_drills_are_held_and_the_plan_says_so(world, run, held):
    looks = []
    world.gather_by(lambda visit: looks.append(1) or door(), effect="drill", drill="failover")
    extra = f"drills: {{run: {run}}}\n" if run else ""
    status, cause = world.status(world.open(extra=extra, allow=("drill",)))
    assert (status, cause) == (
        (Status.PASS, None) if held else (Status.UNKNOWN, Cause.NOT_SELECTED)
    )
    said = CliRunner().invoke(plan.command, ["-c", "readiness.yaml", "--allow", "drill"]).output
    assert ("not held: failover is not among drills.run" in said) is not held


def test_only_restores_are_held_in_production():
    assert [one.fact.__name__ for one in rooms.all_sources().values() if one.spares_target] == [
        "RestoreDrill"
    ]


def test_load_comes_before_drills_and_last_what_others_may_run_beside():
    turns = {one.fact.fact_id(): one.turn for one in rooms.all_sources().values()}
    alone = ("benchmark_load", "peak_load", "failover_drill", "readiness_drill")
    assert [turns[name] for name in alone] == [1, 1, 2, 2]
    beside = ("rate_limit_minute", "sync_speed", "restore_drill", "point_in_time_recovery")
    assert {turns[name] for name in beside} == {3}
    looks = {one.turn for one in rooms.all_sources().values() if one.effect in ("read", "canary")}
    assert looks == {0}


def test_who_interrupts_a_cell_may_run_it_again(world, monkeypatch):
    begun, going_on = threading.Event(), threading.Event()

    def hang_at_first(visit):
        begun.set()
        if not going_on.is_set():
            time.sleep(visit.remaining_s)
        return door()

    def interrupt(futures):
        begun.wait(5)
        raise KeyboardInterrupt

    world.gather_by(hang_at_first)
    assessment = world.open()
    with monkeypatch.context() as once:
        once.setattr(rooms, "_finish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            assessment.gather()
    going_on.set()
    assert world.status(assessment) == (Status.PASS, None)


def test_what_is_left_out_is_unknown_and_no_go(world):
    world.gather_by(lambda visit: door())
    run = world.open(only=("security.tls",))
    run.gather()
    results = run.results()
    assert results.item("database.parameters").claims[0].cause is Cause.NOT_SELECTED
    assert results.verdict is Verdict.UNDECIDED
    assert len(results.items) == 80


def test_a_declaration_never_hides_a_failure(world):
    declared = "not_applicable: [{item: security.tls, reason: none, by: a@example.com}]\n"
    world.gather_by(lambda visit: door(closed=False))
    assert world.status(world.open(extra=declared)) == (Status.FAIL, None)
    world.gather_by(boom(NotSeen("no")))
    assert world.status(world.open(extra=declared)) == (Status.NOT_APPLICABLE, None)


def test_an_unknown_effect_or_item_is_refused_before_a_folder_is_made(world):
    for options in ({"allow": ("laod",)}, {"only": ("security.tsl",)}):
        with pytest.raises(UsageError):
            world.open(**options)
    assert not (world.tmp_path / ".readiness").exists()


def test_a_folder_of_another_target_is_not_joined(world):
    run = world.open()
    with pytest.raises(RunFolderError, match="another target"):
        world.open(extra="phase: post_launch\n", run_dir=run.folder.path)


def test_a_folder_that_holds_something_is_not_overwritten(world):
    (world.tmp_path / "box").mkdir()
    (world.tmp_path / "box" / "file").write_text("mine")
    with pytest.raises(RunFolderError, match="not empty"):
        world.open(run_dir=world.tmp_path / "box")
    assert (world.tmp_path / "box" / "file").read_text() == "mine"


def test_a_sealed_run_replays_the_same_and_is_never_written(world):
    world.gather_by(lambda visit: door())
    run = world.open()
    run.gather()
    sealed = run.results()
    run.seal(sealed)
    with pytest.raises(RunFolderError, match="sealed"):
        run.folder.write("facts/door.json", b"{}")
    replay = Assessment.open(None, replay_from=run.folder.path)
    replay.gather()
    assert replay.results().items == sealed.items
    assert {
        line.split()[1] for line in (run.folder.path / "SHA256SUMS").read_text().splitlines()
    } >= {
        "facts/door.json",
        "results.json",
        "run.json",
    }


def test_who_does_not_gather_waits_for_who_does(world):
    begun, go = threading.Event(), threading.Event()

    def look(visit: Visit) -> Door:
        begun.set()
        go.wait(10)
        return door()

    world.gather_by(look)
    parent = world.open()
    child = Assessment.open(world.tmp_path / "readiness.yaml", parent.folder.path)
    with parent.gathering():
        working = threading.Thread(target=parent.gather)
        working.start()
        begun.wait(10)
        found = []
        waiting = threading.Thread(target=lambda: found.append(world.status(child)))
        waiting.start()
        assert not found
        go.set()
        waiting.join(10)
        working.join(10)
    assert found == [(Status.PASS, None)]
    assert not locks.is_held(parent.folder.lock("gatherer"))


def test_who_waits_is_told_when_nothing_more_will_come(world):
    world.gather_by(lambda visit: door())
    parent = world.open()
    child = Assessment.open(world.tmp_path / "readiness.yaml", parent.folder.path)
    with parent.gathering():
        parent.folder.finish_gathering()
        assert world.status(child) == (Status.UNKNOWN, Cause.NOT_SELECTED)
    assert world.status(child) == (Status.PASS, None), "alone, it gathers for itself"


def test_disk_full_leaves_nothing_half_written(world, monkeypatch):
    from readiness_kit.evidence import atomic

    world.gather_by(lambda visit: door())
    run = world.open()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises((RunFolderError, OSError)):
        run.gather()
    monkeypatch.undo()
    assert not run.folder.has_fact("door")
    assert not list((run.folder.path / "facts").iterdir())


def test_every_claim_is_always_there(world):
    world.gather_by(lambda visit: door())
    results = world.open().results()
    assert [one.id for one in results.claims()] == [
        claim.id for item in results.items for claim in rooms.select((item.id,))[0].claims
    ]
    assert {one.id for one in results.claims()} == set(claims())
