"""Somebody presses Ctrl-C, a supervisor terminates, two people start at once."""

import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from faults import smallrun
from faults.fault import Fault, Stage
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


def interrupted(stage: Stage, *, number: signal.Signals, code: int) -> None:
    """A check that waits for a silent target ends at once, and goes on when it is resumed."""
    run = stage.place / "run"
    with listen(silent) as port:
        (stage.place / "readiness.yaml").write_text(TARGET.format(port=port))
        with subprocess.Popen(
            [*COMMAND, "--run-dir", "run"],
            cwd=stage.place,
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
        [*COMMAND[:-1], "--resume", "run"], cwd=stage.place, capture_output=True, check=False
    )
    assert done.returncode == 3, done.stderr.decode()
    manifest.check(run)
    assert "RESUMED" in [event["event"] for event in RunFolder.join(run).events()]


def two_targets(stage: Stage) -> Path:
    smallrun.enter(stage.patch.setattr)
    for name in ("a", "b"):
        (stage.place / f"{name}.yaml").write_text(smallrun.TARGET)
    return stage.place


def two_runs_of_one_target(stage: Stage) -> None:
    files = two_targets(stage)
    first = Assessment.open(files / "a.yaml", files / "first")
    second = Assessment.open(files / "a.yaml", files / "second")
    with first.gathering():
        with pytest.raises(RunFolderError, match="another run"), second.gathering():
            pass
        first.gather()
    with second.gathering():
        second.gather()
    assert len(second.folder.facts()) == 3


def two_targets_at_once(stage: Stage) -> None:
    """They do not wait for each other."""
    files = two_targets(stage)
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


def one_folder_begun_twice(stage: Stage) -> None:
    files = two_targets(stage)
    Assessment.open(files / "a.yaml", files / "run").gather()
    joined = Assessment.open(files / "a.yaml", files / "run")
    joined.seal(joined.results())
    with pytest.raises(RunFolderError, match="sealed"):
        joined.seal(joined.results())


def resumed_while_it_goes_on(stage: Stage) -> None:
    files = two_targets(stage)
    first = Assessment.open(files / "a.yaml", files / "run")
    with first.gathering():
        again = Assessment.open(files / "a.yaml", resume_from=files / "run")
        with pytest.raises(RunFolderError, match="another process"), again.gathering():
            pass
        first.gather()
    assert len(first.folder.facts()) == 3


ENDS = {
    signal.SIGINT: ("Ctrl-C", 130),
    signal.SIGTERM: ("Ctrl-C", -signal.SIGTERM),
    signal.SIGKILL: ("kill -9", -signal.SIGKILL),
}
FAULTS = (
    *(
        Fault(kind, f"{number.name} to a check", partial(interrupted, number=number, code=code))
        for number, (kind, code) in ENDS.items()
    ),
    Fault("two runs", "of one target", two_runs_of_one_target),
    Fault("two runs", "of two targets", two_targets_at_once),
    Fault("two runs", "in one folder", one_folder_begun_twice),
    Fault("two runs", "one resumed while it goes on", resumed_while_it_goes_on),
)
