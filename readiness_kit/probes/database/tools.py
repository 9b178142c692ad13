"""PostgreSQL's own programs, run on files: without a shell, bounded in time and output."""

import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import NotSeen
from readiness_kit.servers import programs
from readiness_kit.servers.process import clean_environment
from readiness_kit.servers.programs import Program, major
from readiness_kit.sources import Visit

SAID_CAP = 300
"""How much is kept of what a program says."""

_POLL_S = 0.05
_READ_BYTES = 16_384


class Done(NamedTuple):
    """How a program ended."""

    status: int
    """Exit status."""

    said: str
    """What it wrote to stderr first, shortened."""


def installation(least: int = 0, exactly: int = 0) -> Program:
    """Return the newest PostgreSQL of this machine, of major version *exactly* where given.

    Raises:
        NotSeen: There is none.

    """
    for one in programs.postgres_installations():
        if major(one) >= least and exactly in (0, major(one)):
            return one
    wanted = f"PostgreSQL {exactly}" if exactly else f"PostgreSQL {least} or newer"
    raise NotSeen(
        f"{wanted} is not installed on this machine",
        hint=f"install {wanted} (server and client programs), or {programs.INSTALL}",
    )


def run(
    visit: Visit,
    program: Path,
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
) -> Done:
    """Run *program* as the caller until it ends, or the visit does; its output goes nowhere.

    Raises:
        NotSeen: It cannot be run, or did not end in time.

    """
    clean = clean_environment(Path(tempfile.gettempdir())) | {"LC_ALL": "C"}
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.Popen(
                [program, *arguments],
                env={**clean, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
        except OSError as error:
            raise NotSeen(f"{program.name} cannot be run: {error.strerror}") from error
        try:
            while child.poll() is None:
                _ = visit.remaining_s
                time.sleep(_POLL_S)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        said.seek(0)
        return Done(child.returncode, first_words(said.read(_READ_BYTES).decode(errors="replace")))


def first_words(text: str) -> str:
    r"""Return the first line that tells of an error, else the first line, shortened.

    >>> first_words("pg_restore: processing\npg_restore: error: short read\n")
    'pg_restore: error: short read'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "FATAL" in line]
    return next(iter(errors or lines), "")[:SAID_CAP]
