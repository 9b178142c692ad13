"""Breaks of every kind, on a real sandbox: seen red, mended, and green again."""

import json

import pytest
from click.testing import CliRunner

from readiness_kit.commands.prove import command as prove
from readiness_kit.commands.sandbox import command as sandbox_command
from readiness_kit.sandbox import breaks
from readiness_kit.sandbox.breaking import broken
from readiness_kit.sandbox.breaks import Break, named
from readiness_kit.sandbox.changes.files import Write
from readiness_kit.sandbox.fingerprint import fingerprint
from readiness_kit.sandbox.ground import Ground
from readiness_kit.sandbox.lifecycle import running, status
from readiness_kit.sandbox.orders import Orders, order
from readiness_kit.verdict import Status

pytestmark = pytest.mark.live

ONE_OF_EACH_KIND = (
    "framing_allowed",  # nginx reloads
    "alg_none_accepted",  # the service starts again
    "slot_forgotten",  # SQL
    "backups_not_marked",  # files
    "cache_unbounded",  # the cache
    "certificate_untrusted",  # certificates
    "capacity_plan_without_owner",  # papers
)


@pytest.fixture(scope="module")
def ground():
    with running() as sandbox:
        yield Ground(sandbox.directory)


def run(command, *arguments):
    return CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)


def test_each_kind_is_proven(ground):
    only = [part for name in ONE_OF_EACH_KIND for part in ("--only", name)]
    done = run(prove, "--dir", ground.root, "--json", *only)
    assert done.exception is None
    told = json.loads(done.stdout)
    assert (told["proven"], told["missed"]) == (len(ONE_OF_EACH_KIND), 0), done.stderr
    assert done.return_value == 0
    assert all(turn["seen"] == turn["wanted"] for one in told["breaks"] for turn in one["turns"])


def test_a_break_that_does_nothing_makes_it_fail(ground, monkeypatch):
    nothing = Break(
        name="nothing",
        title="nothing is wrong",
        change=(Write(file="deploy/unread", text="x"),),
        turns={"pre_deployment.capacity_plan.documented": Status.FAIL},
    )
    monkeypatch.setattr(breaks, "all_breaks", lambda: {"nothing": nothing})
    done = run(prove, "--dir", ground.root, "--only", "nothing")
    assert done.return_value == 1
    assert "must be FAIL and is PASS" in done.stderr


def test_it_is_broken_and_mended_by_hand(ground):
    before = fingerprint(ground)
    first = run(sandbox_command, "break", "standby_gone", ground.root)
    assert first.exception is None
    assert "database.replication.streaming FAIL" in first.stdout.splitlines()
    assert not status(ground.root).processes["PostgreSQL standby_1"]
    run(sandbox_command, "break", "fsync_off", ground.root)
    assert broken(ground) == ["standby_gone", "fsync_off"]
    assert "mend first" in str(run(sandbox_command, "mend", "standby_gone", ground.root).exception)
    assert run(sandbox_command, "mend", "all", ground.root).exception is None
    assert fingerprint(ground) == before
    assert status(ground.root).processes["PostgreSQL standby_1"]


def test_orders_that_make_no_sense_are_refused_and_the_sandbox_lives_on(ground):
    with pytest.raises(Exception, match="no server 'nobody'"):
        order(ground.root, Orders(stopped=("nobody",)))
    order(ground.root, Orders())
    assert all(status(ground.root).processes.values())


def test_what_is_restarted_reads_its_settings_anew(ground):
    before = fingerprint(ground)
    run(sandbox_command, "break", named("wal_buffers_small").name, ground.root)
    with ground.connect() as connection:
        assert connection.execute("SHOW wal_buffers").fetchone() == ("64kB",)
    assert run(sandbox_command, "mend", "wal_buffers_small", ground.root).exception is None
    assert fingerprint(ground) == before
