"""Child processes: started, awaited, stopped, and gone with their owner."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from readiness_kit.errors import ServerError
from readiness_kit.servers.process import Command, Process, clean_environment, last_lines

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def command(folder: Path, argv=SLEEP, **more) -> Command:
    return Command(name="sleeper", argv=argv, log=folder / "log", directory=folder, **more)


def test_runs_until_it_is_stopped(tmp_path):
    with Process(command(tmp_path)) as process:
        process.wait_until(lambda: "up" in (tmp_path / "log").read_text(), timeout_s=20)
        assert process.running
        assert psutil.pid_exists(process.pid)
    assert not process.running


def test_starts_again_after_a_stop(tmp_path):
    process = Process(command(tmp_path))
    with process:
        first = process.pid
    with process:
        assert process.pid != first


def test_a_program_that_ends_while_starting_shows_its_last_lines(tmp_path):
    dying = [sys.executable, "-c", "import sys; sys.exit('the disk is on fire')"]
    process = Process(command(tmp_path, dying)).start()
    with pytest.raises(ServerError, match=r"sleeper ended while starting \(status 1\)") as caught:
        process.wait_until(lambda: False, timeout_s=20)
    assert "the disk is on fire" in caught.value.message
    assert str(tmp_path / "log") in caught.value.hint


def test_a_program_that_is_never_ready_is_an_error(tmp_path):
    with (
        Process(command(tmp_path)) as process,
        pytest.raises(ServerError, match=r"was not ready within 0\.1 s"),
    ):
        process.wait_until(lambda: False, timeout_s=0.1)


def test_a_missing_program_is_an_error(tmp_path):
    with pytest.raises(ServerError, match="cannot be started"):
        Process(command(tmp_path, [tmp_path / "nothing"])).start()


def test_a_deaf_program_is_killed_with_its_children(tmp_path):
    deaf = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = Process(command(tmp_path, [sys.executable, "-c", deaf])).start()
    process.wait_until(lambda: (tmp_path / "log").read_text().endswith("\n"), timeout_s=20)
    grandchild = int((tmp_path / "log").read_text())
    process.stop(timeout_s=0.2)
    assert not process.running
    assert gone([grandchild])


def test_dies_with_its_owner(tmp_path):
    owner = (
        "import pathlib, sys, time\n"
        "from readiness_kit.servers.process import Command, Process\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "command = Command(name='x', argv=['sleep', '60'], log=folder / 'log', directory=folder)\n"
        "print(Process(command).start().pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", owner, tmp_path], stdout=subprocess.PIPE, text=True
    ) as running:
        pid = int(running.stdout.readline())
        assert psutil.pid_exists(pid)
        running.send_signal(signal.SIGKILL)
    assert gone([pid])


def test_nothing_of_the_caller_leaks_into_a_server(monkeypatch, tmp_path):
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://elsewhere")
    assert clean_environment(tmp_path) == {
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }


def test_the_end_of_a_log_is_shown_indented(tmp_path):
    (tmp_path / "log").write_text("".join(f"line {n}\n" for n in range(100)))
    assert last_lines(tmp_path / "log", 2) == "    line 98\n    line 99"
    assert last_lines(tmp_path / "none") == ""


def gone(pids: list[int], within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
