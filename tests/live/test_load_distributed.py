"""A master, and workers as if on other hosts: exact sums, and nobody plays who must not."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest
from live.load_target import LoadTarget
from live.test_load_lifecycle import wait_until
from live.test_load_truth import plan
from live.test_load_workers import patiently

from readiness_kit.errors import NotSeen
from readiness_kit.harness.conducting.drive import Drive
from readiness_kit.harness.conducting.generators import generators_for
from readiness_kit.target import Distributed, Secret

pytestmark = pytest.mark.live

BIN = Path(sys.executable).parent
SCENARIO = """
from locust import task
from readiness_kit.harness.users import OpenUser

class Visitor(OpenUser):
    @task
    def visit(self):
        self.client.get("/shop")
"""

PARENT = """
import sys, msgspec
from readiness_kit.harness.conducting.drive import Drive
from readiness_kit.harness.conducting.generators import generators_for
from readiness_kit.harness.plan import Plan
from readiness_kit.target import Distributed, Secret
far = Distributed(workers=2, secret=Secret("env:LOAD_SECRET"), port=int(sys.argv[2]))
with Drive(msgspec.json.decode(sys.argv[1], type=Plan), generators=generators_for(far)) as run:
    for second in run:
        print(second.n, flush=True)
"""


@pytest.fixture
def scenario(tmp_path):
    file = tmp_path / "scenario.py"
    file.write_text(SCENARIO)
    return file


@pytest.fixture
def far(free_port, monkeypatch):
    monkeypatch.setenv("LOAD_SECRET", "planted")
    monkeypatch.setenv("OTHER_SECRET", "guessed")
    return Distributed(workers=2, secret=Secret("env:LOAD_SECRET"), port=free_port, join_s=60.0)


@pytest.fixture
def hire():
    """Start workers; none outlives the test."""
    with contextlib.ExitStack() as started:

        def start(far, scenario, *, secret="env:LOAD_SECRET", master="127.0.0.1", within=()):
            argv = [*within, BIN / "readiness", "worker", "--master", f"{master}:{far.port}"]
            worker = subprocess.Popen(
                [*argv, "--secret", secret, "--scenario", scenario],
                stderr=subprocess.PIPE,
                text=True,
            )
            started.enter_context(worker)
            started.callback(worker.kill)
            return worker

        yield start


def asked(target, scenario, **changes):
    return plan(target, scenario=str(scenario), workers=2, users=10, **changes)


def test_two_workers_elsewhere_send_every_request_once(far, scenario, hire):
    def ask():
        with LoadTarget() as target:
            workers = [hire(far, scenario) for _ in range(2)]
            order = asked(target, scenario, rate_rps=100.0, seconds=3.0)
            with Drive(order, generators=generators_for(far)) as run:
                outcome = run.outcome()
            assert [worker.wait(timeout=20) for worker in workers] == [0, 0]
            assert target.hits["/shop"] == outcome.ended.answered == 300
            assert len(target.clients) == 10
        return outcome

    outcome = patiently(ask)
    assert outcome.invalid_reason is None
    assert (outcome.ended.scheduled, outcome.ended.sent, outcome.ended.failed) == (300, 300, 0)
    assert sum(block.n for block in outcome.ended.blocks) == 300
    assert sum(one.n for one in outcome.series) == 300
    assert all(block.n for block in outcome.ended.blocks)


def test_who_has_another_secret_or_scenario_does_not_play(far, scenario, hire, tmp_path):
    other = tmp_path / "other.py"
    other.write_text(SCENARIO.replace("/shop", "/other"))
    with LoadTarget() as target:
        strangers = [hire(far, scenario, secret="env:OTHER_SECRET"), hire(far, other)]
        with Drive(asked(target, scenario), generators=generators_for(far)) as run:
            workers = [hire(far, scenario) for _ in range(2)]
            outcome = run.outcome()
            assert [worker.wait(timeout=20) for worker in workers] == [0, 0]
        assert target.hits["/other"] == 0
        assert target.hits["/shop"] == outcome.ended.sent == 100
    assert outcome.workers_lost == 0
    assert all(stranger.poll() is None for stranger in strangers)


def test_too_few_workers_are_not_seen(far, scenario, hire):
    alone = msgspec.structs.replace(far, join_s=3.0)
    with LoadTarget() as target:
        hire(far, scenario)
        with (
            Drive(asked(target, scenario), generators=generators_for(alone)) as run,
            pytest.raises(NotSeen, match=r"of 2 workers joined 127\.0\.0\.1:\d+ within 3 s") as no,
        ):
            run.outcome()
        assert not target.clients
    assert (no.value.exit_code, no.value.cause) == (3, "generator_invalid")
    assert "readiness worker" in no.value.hint


def test_a_killed_worker_makes_the_run_invalid(far, scenario, hire):
    with LoadTarget() as target:
        workers = [hire(far, scenario) for _ in range(2)]
        order = asked(target, scenario, seconds=60.0)
        with Drive(order, generators=generators_for(far)) as run:
            next(iter(run))
            workers[0].kill()
            outcome = run.outcome()
            assert workers[1].wait(timeout=20) == 0
    assert (outcome.invalid_reason, outcome.workers_lost) == ("worker_lost", 1)
    assert outcome.ended.seconds < 30


def test_workers_leave_a_parent_that_was_killed(far, scenario, hire):
    with LoadTarget() as target:
        workers = [hire(far, scenario) for _ in range(2)]
        text = msgspec.json.encode(asked(target, scenario, seconds=60.0)).decode()
        argv = [sys.executable, "-c", PARENT, text, str(far.port)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as parent:
            parent.stdout.readline()
            (master,) = psutil.Process(parent.pid).children()
            parent.kill()
        killed_at = time.monotonic()
        assert [worker.wait(timeout=20) for worker in workers] == [128 + signal.SIGHUP] * 2
        assert time.monotonic() - killed_at < 12
        assert wait_until(lambda: not master.is_running() or master.status() == "zombie", 3)
        sent = target.hits["/shop"]
    assert sent < 60 * 50


@pytest.fixture
def stranger(far):
    """Somebody who sends junk to the master's port."""
    code = "from live.junk import send; import sys; send(int(sys.argv[1]))"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen([sys.executable, "-c", code, str(far.port)], env=env) as sender:
        yield sender
        sender.kill()


def test_junk_on_the_port_does_not_disturb_the_run(far, scenario, hire, stranger):
    with LoadTarget() as target:
        workers = [hire(far, scenario) for _ in range(2)]
        with Drive(asked(target, scenario), generators=generators_for(far)) as run:
            outcome = run.outcome()
        assert [worker.wait(timeout=20) for worker in workers] == [0, 0]
        assert stranger.poll() is None
    assert outcome.workers_lost == 0
    assert outcome.ended.sent == 100


# --- on networks of their own ---


def ip(*arguments):
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def apart():
    """Two network namespaces, each joined to this host by a pair of veth; yields their names."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and ip, to make network namespaces")
    tag = f"{os.getpid() % 10_000}"
    with contextlib.ExitStack() as made:
        names = []
        for number in (1, 2):
            name, here, there = (f"{what}{tag}{number}" for what in ("rk", "rkh", "rkw"))
            net = f"10.213.{number}"
            try:
                ip("netns", "add", name)
                made.callback(ip, "netns", "del", name)
                ip("link", "add", here, "type", "veth", "peer", "name", there)
                made.callback(ip, "link", "del", here)
                ip("link", "set", there, "netns", name)
                ip("addr", "add", f"{net}.1/24", "dev", here)
                ip("link", "set", here, "up")
                ip("-n", name, "addr", "add", f"{net}.2/24", "dev", there)
                ip("-n", name, "link", "set", there, "up")
                ip("-n", name, "link", "set", "lo", "up")
                ip("-n", name, "route", "add", "default", "via", f"{net}.1")
            except subprocess.CalledProcessError as error:
                pytest.skip(f"this host makes no network namespaces: {error.stderr.strip()}")
            names.append((name, f"{net}.1"))
        yield names


def test_workers_on_networks_of_their_own_send_every_request_once(far, scenario, hire, apart):
    wide = msgspec.structs.replace(far, bind="0.0.0.0")
    with LoadTarget(bind="0.0.0.0") as target:
        here = apart[0][1]
        order = asked(
            target,
            scenario,
            url=f"http://{here}:{target.port}",
            origins=(("http", here, target.port),),
            loopback=False,
        )
        workers = [
            hire(far, scenario, master=gateway, within=("ip", "netns", "exec", name))
            for name, gateway in apart
        ]
        with Drive(order, generators=generators_for(wide)) as run:
            outcome = run.outcome()
        assert [worker.wait(timeout=20) for worker in workers] == [0, 0]
        assert target.hits["/shop"] == outcome.ended.sent == outcome.ended.answered == 100
        assert set(target.clients) == {"10.213.1.2", "10.213.2.2"}
    assert outcome.workers_lost == 0
