"""Somebody presses Ctrl-C, a supervisor terminates, two people start at once."""

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from faults import smallrun
from tlsserver import listen

from readiness_kit.assessment import Assessment
from readiness_kit.errors import RunFolderError
from readiness_kit.evidence import manifest
from readiness_kit.evidence.folder import RunFolder

TARGET = "schema: 1\nname: shop\nenvironment: staging\napi: {{url: 'https://127.0.0.1:{port}'}}\n"
COMMAND = [sys.executable, "-m", "readiness_kit", "check", "security.tls"]


def silent(wire: socket.socket) -> None:
    while wire.recv(65536):
        pass


def hear_interrupts() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, and so its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_start(run: Path, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        journal = run / "journal.jsonl"
        if journal.exists() and b'"STARTED"' in journal.read_bytes():
            return
        assert process.poll() is None, "the run ended before it was interrupted"
        time.sleep(0.02)
    pytest.fail("the run did not start")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
    ids=lambda one: signal.Signals(one).name if one > 0 and one < 65 else None,
)
def test_an_interrupted_check_ends_at_once_and_goes_on(number, code, tmp_path):
    run = tmp_path / "run"
    with listen(silent) as port:
        (tmp_path / "readiness.yaml").write_text(TARGET.format(port=port))
        command = [*COMMAND, "--run-dir", "run"]
        with subprocess.Popen(
            command,
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            preexec_fn=hear_interrupts,  # noqa: PLW1509 - it only sets a signal
        ) as process:
            try:
                wait_for_start(run, process)
                began = time.monotonic()
                process.send_signal(number)
                _, told = process.communicate(timeout=30)
                seconds = time.monotonic() - began
            finally:
                process.kill()
    assert process.returncode == code, told.decode()
    assert seconds < 15, "it does not wait for what the target never answers"
    assert b"Traceback" not in told
    assert not (run / "SHA256SUMS").exists()
    done = subprocess.run(
        [*COMMAND[:-1], "--resume", "run"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 3, done.stderr.decode()
    manifest.check(run)
    assert "RESUMED" in [event["event"] for event in RunFolder.join(run).events()]


@pytest.fixture
def files(monkeypatch, tmp_path):
    smallrun.small_world(monkeypatch.setattr)
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(smallrun.TARGET)
    return tmp_path


def test_two_runs_of_one_target_at_once(files):
    first = Assessment.open(files / "a.yaml", files / "first")
    second = Assessment.open(files / "a.yaml", files / "second")
    with first.gathering():
        with pytest.raises(RunFolderError, match="another run"), second.gathering():
            pass
        first.gather()
    with second.gathering():
        second.gather()
    assert len(second.folder.facts()) == 3


def test_two_targets_at_once_do_not_wait_for_each_other(files):
    runs = [Assessment.open(files / f"{name}.yaml", files / name) for name in ("a", "b")]

    def work(run: Assessment) -> None:
        with run.gathering():
            run.gather()
        run.seal(run.results())

    threads = [threading.Thread(target=work, args=(one,)) for one in runs]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    for run in runs:
        manifest.check(run.folder.path)
        assert len(run.folder.facts()) == 3


def test_a_run_folder_is_not_begun_twice(files):
    Assessment.open(files / "a.yaml", files / "run").gather()
    joined = Assessment.open(files / "a.yaml", files / "run")
    joined.seal(joined.results())
    with pytest.raises(RunFolderError, match="sealed"):
        joined.seal(joined.results())
