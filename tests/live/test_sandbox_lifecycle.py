"""A sandbox is started, found, stopped, and never outlives its owner."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
from click.testing import CliRunner

from readiness_kit.commands.sandbox import command as commands
from readiness_kit.errors import ServerError, UsageError
from readiness_kit.sandbox.lifecycle import down, running, status, up
from readiness_kit.sandbox.state import read_state
from readiness_kit.servers.ports import answers

pytestmark = pytest.mark.live

OWNER = """
import sys, time
from pathlib import Path
from readiness_kit.sandbox.lifecycle import running
with running(variant=sys.argv[1], directory=Path(sys.argv[2])) as sandbox:
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def box(tmp_path):
    """A folder for a sandbox; whatever is left in it at the end is stopped."""
    yield tmp_path / "box"
    with contextlib.suppress(UsageError):
        down(tmp_path / "box", keep=True)


def family(directory):
    """The supervisor and everything below it."""
    supervisor = psutil.Process(read_state(directory).supervisor)
    return [supervisor, *supervisor.children(recursive=True)]


def assert_gone(processes, ports):
    _, left = psutil.wait_procs(processes, timeout=20)
    zombies = [p for p in left if p.is_running() and p.status() == psutil.STATUS_ZOMBIE]
    assert [p for p in left if p not in zombies] == []
    assert [port for port in ports if answers(port)] == []


@pytest.mark.parametrize("variant", ["hardened", "stock"])
def test_nothing_is_left_when_the_owner_is_killed(box, variant):
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, variant, box], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout.readline() == "ready\n"
        processes = family(box)
        owner.kill()
    assert len(processes) > 8
    assert_gone(processes, read_state(box).ports.values())


def test_nothing_is_left_when_the_supervisor_is_killed(box):
    made = up(box)
    processes = family(made.directory)
    os.kill(read_state(made.directory).supervisor, signal.SIGKILL)
    assert_gone(processes, made.ports)
    assert not status(made.directory).alive
    down(made.directory)
    assert not made.directory.exists()


def test_nothing_is_left_when_it_is_interrupted_while_starting(box):
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, "hardened", box], stdout=subprocess.PIPE, text=True
    ) as owner:
        deadline = time.monotonic() + 30
        while not (box / "logs" / "quill-2.pid").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        processes = family(box)
        owner.send_signal(signal.SIGINT)
    assert_gone(processes, [])


def test_the_commands_start_show_and_stop_one(box):
    call = CliRunner().invoke
    started = call(commands, ["up", "--dir", str(box), "--variant", "stock"])
    assert started.stdout == f"{box}/readiness.yaml\n"
    shown = call(commands, ["status", str(box)])
    assert shown.exit_code == 0
    assert "running  nginx" in shown.stdout
    processes, ports = family(box), read_state(box).ports.values()
    os.kill(read_state(box).processes["Valkey"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while call(commands, ["status", str(box)]).exit_code != 3:
        assert time.monotonic() < deadline
    assert call(commands, ["down", str(box), "--keep"]).exit_code == 0
    assert_gone(processes, ports)
    assert read_state(box).phase == "stopped"


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not an empty folder"):
        up(tmp_path)
    with pytest.raises(UsageError, match="holds no sandbox"):
        down(tmp_path)
    assert (tmp_path / "file").exists()


def test_a_taken_port_is_refused_and_leaves_nothing(box):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with (
            pytest.raises(ServerError, match=f"port {port} .* is taken"),
            running(directory=box, https_port=port),
        ):
            pytest.fail("it must not start")
    assert status(box).state.phase == "failed"
