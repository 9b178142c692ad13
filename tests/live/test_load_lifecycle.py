"""The child ends when it should, with the status it should, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time

import msgspec
import psutil
import pytest
from live.load_target import LoadTarget
from live.test_load_truth import plan

from readiness_kit.harness.conducting.drive import Drive, drive
from readiness_kit.harness.plan import Ended, Message, Order, Start

pytestmark = pytest.mark.live

PARENT = """
import sys, msgspec
from readiness_kit.harness.conducting.drive import Drive
from readiness_kit.harness.plan import Plan
with Drive(msgspec.json.decode(sys.argv[1], type=Plan)) as run:
    for second in run:
        print(run.generators.children[0].process.pid, flush=True)
"""


def wait_until(holds, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.01)
    return holds()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run_with_a_last_word(number, status):
    with LoadTarget() as target:
        child = subprocess.Popen(
            [sys.executable, "-m", "readiness_kit.harness", "runner", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        order = Order(plan=plan(target, seconds=60.0))
        child.stdin.write(msgspec.json.encode(order) + b"\n")
        child.stdin.flush()
        assert b"ready" in child.stdout.readline()
        child.stdin.write(msgspec.json.encode(Start(at=time.perf_counter())) + b"\n")
        child.stdin.flush()
        assert b"tick" in child.stdout.readline()
        child.send_signal(number)
        before = time.monotonic()
        assert child.wait(timeout=10) == status
        assert time.monotonic() - before < 2
        said = child.stdout.read()
        child.stdin.close()
        child.stdout.close()
    last = msgspec.json.decode(said.splitlines()[-1], type=Message)
    assert isinstance(last, Ended)
    assert last.interrupted
    assert last.scheduled < 60 * 50


def test_the_child_dies_with_a_killed_parent():
    with LoadTarget() as target:
        text = msgspec.json.encode(plan(target, seconds=60.0)).decode()
        with subprocess.Popen(
            [sys.executable, "-c", PARENT, text], stdout=subprocess.PIPE
        ) as parent:
            child = psutil.Process(int(parent.stdout.readline()))
            parent.kill()
        assert wait_until(lambda: not child.is_running() or child.status() == "zombie", 3)


def test_a_kernel_can_leave_in_the_middle():
    with LoadTarget() as target:
        with Drive(plan(target, seconds=60.0)) as run:
            next(iter(run))
            child = psutil.Process(run.generators.children[0].process.pid)
        assert not child.is_running()


def test_it_works_in_a_thread_and_never_imports_locust():
    seen, before = [], set(sys.modules)
    with LoadTarget() as target:
        order = plan(target, seconds=1.0)
        thread = threading.Thread(target=lambda: seen.append(drive(order, on_second=seen.append)))
        thread.start()
        thread.join()
    assert seen[-1].ended.answered == 50
    assert len(seen) >= 2
    assert not {"locust", "gevent"} & (set(sys.modules) - before)


def test_a_starved_generator_is_invalid():
    with LoadTarget() as target, Drive(plan(target, seconds=4.0)) as run:
        pid = run.generators.children[0].process.pid
        for number, _ in enumerate(run):
            if number == 0:
                os.kill(pid, signal.SIGSTOP)
                time.sleep(0.5)  # the starvation itself, not a wait for something
                os.kill(pid, signal.SIGCONT)
        assert run.outcome().invalid_reason == "generator_late"
