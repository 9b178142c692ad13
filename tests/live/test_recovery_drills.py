"""Drills that write, lose and recover, on the sandbox: what they show, and that all is as before."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from readiness_kit.checks.database import failover, pitr, pooling
from readiness_kit.checks.disaster_recovery import objectives
from readiness_kit.drills.connections import dead_connections
from readiness_kit.drills.failover import failover_drill
from readiness_kit.drills.loss import archive_recovery
from readiness_kit.drills.pitr import point_in_time_recovery
from readiness_kit.sandbox.description import hold_all
from readiness_kit.sandbox.fingerprint import differing, fingerprint
from readiness_kit.sandbox.ground import Ground
from readiness_kit.sandbox.lifecycle import running
from readiness_kit.sources import Pacer, Visit
from readiness_kit.target_file import load_target

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def sandbox():
    with running() as found:
        hold_all(found.target_file)
        yield found


@pytest.fixture
def unchanged(sandbox):
    """The sandbox, which must be what it was afterwards."""
    before = fingerprint(Ground(sandbox.directory))
    yield sandbox
    assert differing(before, fingerprint(Ground(sandbox.directory))) == []
    assert not list((sandbox.directory / "servers" / "scratch").iterdir())


def hold(sandbox, drill):
    run_id = f"run-{time.monotonic_ns()}"
    target = load_target(sandbox.target_file)
    return drill.gather(Visit(target, run_id, drill.fact.fact_id(), 120, Pacer(600)))


def test_a_moment_is_recovered(unchanged):
    drill = hold(unchanged, point_in_time_recovery)
    assert (drill.before_recovered, drill.after_recovered) == (10, 0)
    assert pitr.CHECK.shows(drill)["recovered_to_a_marker"] == "PASS"


def test_what_the_archive_has_comes_back(unchanged):
    drill = hold(unchanged, archive_recovery)
    assert 0 < drill.came_back <= drill.acknowledged
    assert objectives.CHECK.shows(drill)["rpo"] == "PASS"


def test_the_primary_is_lost_twice(unchanged):
    for _ in range(2):  # the second time from a timeline that a promotion began
        drill = hold(unchanged, failover_drill)
        assert (drill.error, drill.back, drill.rejoined, drill.leaders) == ("", True, True, 1)
        assert failover.CHECK.shows(drill)["writer_survives"] == "PASS"


def test_no_caller_notices_dead_connections(unchanged):
    drill = hold(unchanged, dead_connections)
    assert pooling.CHECK.shows(drill)["dead_connections_replaced"] == "PASS"


def test_a_drill_that_is_killed_leaves_a_primary(unchanged, tmp_path):
    """The guard puts primary and standby back, nobody else is left to."""
    orders = unchanged.directory / "orders.json"
    command = ["check", "database.failover", "-c", str(unchanged.target_file)]
    with subprocess.Popen(
        [sys.executable, "-m", "readiness_kit", *command, "--allow", "drill"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    ) as kit:
        wait_for(lambda: '"lost"' in read(orders))
        kit.send_signal(signal.SIGKILL)
    wait_for(lambda: '"as_started"' in read(orders))
    obeyed = Ground(unchanged.directory)
    wait_for(lambda: obeyed.state.obeyed in read(orders))
    with obeyed.connect("primary") as connection:  # the table of the killed drill
        connection.execute("DROP SCHEMA readiness_drill CASCADE")


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def wait_for(done, seconds=60):
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)
