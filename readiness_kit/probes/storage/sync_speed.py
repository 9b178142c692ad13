"""Measure how quickly the data's volume takes a synced write, with PostgreSQL's own program."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from readiness_kit.errors import NotSeen, ServerError
from readiness_kit.facts.storage.volumes import SyncMethod, SyncSpeed
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.storage.volumes import data_directory
from readiness_kit.servers import programs
from readiness_kit.servers.process import spawn
from readiness_kit.sources import Visit, source

SECONDS_EACH = 2
"""How long each of five methods is tried."""

POLL_S = 0.2

_TESTED = re.compile(r"^\s+(\w+)\s+([\d.]+) ops/sec\s+(\d+) usecs/op", re.MULTILINE)
_SECTION = "using one 8kB write:"
_NEXT = "using two 8kB writes:"
_SAID_CAP = 100_000


@source(
    effect="load",
    asks=f"synced writes into one scratch file, {SECONDS_EACH} s for each of 5 methods",
    deadline_s=90,
    exclusive=("load",),
)
def sync_speed(visit: Visit) -> SyncSpeed:
    """Run ``pg_test_fsync`` on a scratch file beside the data, and remove the file.

    Raises:
        NotSeen: No scratch folder is allowed, the data lies elsewhere, or the program is not here.

    """
    scratch = visit.database.scratch
    if scratch is None:
        raise NotSeen(
            "readiness.yaml allows no scratch file: it has no database.scratch",
            cause="not_allowed",
            hint="name a folder on the volume of the data directory as database.scratch",
        )
    data = data_directory(visit)
    with session(visit, parameters(visit.database.dsn)) as database:
        rows = database.rows(Sql.SETTINGS, names=["wal_sync_method"])
    said, same_volume = _measure(visit, scratch, data)
    return SyncSpeed(
        observed_at=datetime.now(UTC),
        in_use=next((row["value"] for row in rows if row["name"] == "wal_sync_method"), ""),
        methods=tuple(methods(said)),
        same_volume=same_volume,
        seconds_each=SECONDS_EACH,
    )


def _measure(visit: Visit, scratch: Path, data: Path) -> tuple[str, bool]:
    """Return what the program said, and whether its file lay on the volume of *data*."""
    program = _program()
    try:
        handle, name = tempfile.mkstemp(prefix="readiness-kit-", suffix=".fsync", dir=scratch)
    except OSError as error:
        raise NotSeen(
            f"no scratch file can be made in {scratch}: {error.strerror}",
            hint="correct database.scratch, or give the kit's user access",
        ) from error
    try:
        os.close(handle)
        same_volume = Path(name).stat().st_dev == data.stat().st_dev
        said = _run(visit, [program, "-f", name, "-s", str(SECONDS_EACH)], scratch)
    finally:
        Path(name).unlink(missing_ok=True)
    return said, same_volume


def _program() -> Path:
    found = programs.on_path("pg_test_fsync")
    if found is not None:
        return found
    try:
        return programs.postgres().path.with_name("pg_test_fsync")
    except ServerError as error:
        raise NotSeen(
            "pg_test_fsync is not on this machine", hint="put PostgreSQL's programs on PATH"
        ) from error


def _run(visit: Visit, argv: list[str | Path], folder: Path) -> str:
    """Return what *argv* says until it goes on to what is not asked for here.

    SIGTERM makes pg_test_fsync remove its file and end.
    """
    with tempfile.TemporaryFile() as output:
        child = spawn(
            argv,
            name="pg_test_fsync",
            directory=folder,
            environment={},
            account=None,
            death_signal=signal.SIGTERM,
            output=output.fileno(),
        )
        said = ""
        try:
            while child.poll() is None and _NEXT not in said:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(min(POLL_S, visit.remaining_s))
                said = os.pread(output.fileno(), _SAID_CAP, 0).decode("utf-8", "replace")
        finally:
            _end(child)
    if child.returncode and _NEXT not in said:
        raise NotSeen(f"pg_test_fsync ended with status {child.returncode}: {said[-200:].strip()}")
    return said


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ask *child* to end, then insist."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(1.0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # and whatever it left behind
    child.wait()


def methods(said: str) -> Iterator[SyncMethod]:
    r"""Yield what *said*, the output of pg_test_fsync, has about one write of 8 kB.

    >>> head = "Compare file sync methods using one 8kB write:\n"
    >>> [one.mean_ms for one in methods(head + "    fdatasync   500.0 ops/sec    2000 usecs/op\n")]
    [2.0]
    """
    section = said.partition(_SECTION)[2].partition(_NEXT)[0]
    for found in _TESTED.finditer(section):
        rate = float(found[2])
        yield SyncMethod(name=found[1], mean_ms=1000 / rate if rate > 0 else float(found[3]) / 1000)
