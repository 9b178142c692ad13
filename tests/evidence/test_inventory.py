"""Runs are listed as they stand; only what may go goes."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.assessment import Assessment
from readiness_kit.commands.runs import command
from readiness_kit.contents import ROLES
from readiness_kit.errors import UsageError
from readiness_kit.evidence.inventory import Entry, inventory, prunable

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def begin(tmp_path):
    def open_run(name, *, seal=True) -> Assessment:
        file = tmp_path / "readiness.yaml"
        file.write_text("schema: 1\nname: shop\nenvironment: staging\n")
        run = Assessment.open(file, tmp_path / "runs" / name)
        if seal:
            run.seal(run.results())
        return run

    return open_run


def sign(run: Assessment) -> None:
    place = run.folder.path / "signoff"
    (place / f"{ROLES[0]}.json").touch()
    (place / f"{ROLES[0]}.json.sig").touch()
    (place / f"{ROLES[1]}.json").touch()


def run_command(*args) -> tuple[object, str]:
    done = CliRunner().invoke(command, [str(one) for one in args], standalone_mode=False)
    return done.exception, done.stdout


def test_every_state_is_told(begin, tmp_path):
    begin("a")
    begin("b", seal=False)
    live = begin("c", seal=False)
    sign(begin("d"))
    results = tmp_path / "runs" / "a" / "results.json"
    results.write_bytes(results.read_bytes().replace(b"UNDECIDED", b"GO"))
    before = sorted((tmp_path / "runs").rglob("*"))
    with live.gathering():
        found = {one.path.rpartition("/")[2]: one for one in inventory(tmp_path / "runs")}
    assert {name: one.state for name, one in found.items()} == {
        "a": "changed",
        "b": "unfinished",
        "c": "under_way",
        "d": "sealed",
    }
    assert (found["d"].verdict, found["d"].signatures) == ("UNDECIDED", (ROLES[0],))
    assert found["d"].bytes > 10_000
    live.folder.lock("gatherer").unlink()
    assert sorted((tmp_path / "runs").rglob("*")) == before


def test_the_command_lists_and_prunes(begin, tmp_path):
    runs = tmp_path / "runs"
    for name in ("a", "b", "c"):
        begin(name)
    sign(begin("d"))
    error, listed = run_command(runs, "--json")
    assert error is None
    assert [one["path"] for one in json.loads(listed)] == [str(runs / one) for one in "dcba"]
    assert run_command(runs, "--prune", "--keep", 2, "--dry-run")[0] is None
    assert {one.name for one in runs.iterdir()} == set("abcd")
    run_command(runs, "--prune", "--keep", 2)
    assert {one.name for one in runs.iterdir()} == set("cd")
    run_command(runs, "--prune", "--older-than", 1)
    assert {one.name for one in runs.iterdir()} == set("cd")
    run_command(runs, "--prune", "--keep", 0)
    assert {one.name for one in runs.iterdir()} == {"d"}
    run_command(runs, "--prune", "--keep", 0, "--signed")
    assert not list(runs.iterdir())


@pytest.mark.parametrize(
    "args", [("--prune",), ("--prune", "--signed"), ("--keep", 3), ("--signed",), ("--dry-run",)]
)
def test_what_makes_no_sense_removes_nothing(begin, tmp_path, args):
    begin("a")
    assert isinstance(run_command(tmp_path / "runs", *args)[0], UsageError)
    assert (tmp_path / "runs" / "a").exists()


def test_what_is_no_run_stays(begin, tmp_path):
    begin("a")
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs" / "link").symlink_to(begin("b").folder.path)
    run_command(tmp_path / "runs", "--prune", "--keep", 0)
    assert {one.name for one in (tmp_path / "runs").iterdir()} == {"notes", "link"}


entries = st.builds(
    Entry,
    path=st.just(""),
    run_id=st.uuids().map(str),
    target=st.sampled_from(["shop", "cart"]),
    environment=st.just("staging"),
    release=st.just(""),
    started_at=st.integers(0, 60).map(lambda days: NOW - timedelta(days=days)),
    state=st.sampled_from(["sealed", "unfinished", "under_way", "changed"]),
    verdict=st.just(""),
    signatures=st.sampled_from([(), ROLES]),
    bytes=st.just(0),
    files=st.just(0),
)


@given(
    st.lists(entries, max_size=12), st.none() | st.integers(0, 60), st.none() | st.integers(0, 5)
)
def test_pruning_keeps_what_it_must(found, days, keep):
    gone = prunable(found, NOW, older_than_days=days, keep=keep, signed=False)
    assert not any(one.signatures or one.state == "under_way" for one in gone)
    assert days is None or all(NOW - one.started_at > timedelta(days=days) for one in gone)
    for target in ("shop", "cart"):
        left = [one for one in found if one.target == target and one not in gone]
        assert len(left) >= min(keep or 0, sum(one.target == target for one in found))
    more = prunable(found, NOW, older_than_days=days, keep=keep, signed=True)
    assert {one.run_id for one in gone} <= {one.run_id for one in more}
    unsigned = [msgspec.structs.replace(one, signatures=()) for one in found]
    same = prunable(unsigned, NOW, older_than_days=days, keep=keep, signed=False)
    assert {one.run_id for one in same} == {one.run_id for one in more}
