"""Reads in which mode the service is started: names of variables, and one value only."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil

from readiness_kit.errors import NotSeen
from readiness_kit.facts.environment.variables import Environment, StartEnvironment
from readiness_kit.sources import Visit, source

SWITCH = re.compile(r"(?:^|_)(?:DEBUG(?:_MODE|_ENABLED)?|TESTING|RELOAD|TEST_MODE)$")
"""Names of switches that must be off in production."""

_OFF = frozenset({"", "0", "false", "no", "off", "none", "null", "f", "n", "disabled"})
"""Values that switch something off; whatever else is set may switch it on."""

_MODE = re.compile(r"[a-z][a-z_-]{0,20}", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_SIZE_CAP_BYTES = 1_000_000


@source(effect="read", asks="no request: reads the environment file and local processes")
def start_environment(visit: Visit) -> StartEnvironment:
    """Read the declared file and the environment of each local process.

    Raises:
        NotSeen: Neither is declared, or none can be read.

    """
    application = visit.target.application
    names = application.mode_names
    if application.environment_file is None and not application.process_ids:
        raise NotSeen(
            "readiness.yaml does not say how the service is started",
            cause="not_configured",
            hint="add application.environment_file or application.process_ids",
        )
    found = []
    if application.environment_file is not None:
        file = application.environment_file
        found.append(summary(str(file.name), _read(file), names, running=False))
    for where, variables in _processes(application.process_ids):
        found.append(summary(where, variables, names, running=True))
    if not found:
        raise NotSeen("no environment of a process of the service is readable from here")
    return StartEnvironment(
        environments=tuple(found), mode_names=names, observed_at=datetime.now(UTC)
    )


def summary(
    origin: str, variables: Mapping[str, str], mode_names: tuple[str, ...], *, running: bool
) -> Environment:
    """Return what may be told of *variables*: their names, the mode, the switches that are on."""
    modes = {name: variables[name].strip() for name in mode_names if name in variables}
    on = (name for name, value in variables.items() if value.strip().lower() not in _OFF)
    return Environment(
        origin=origin,
        running=running,
        names=tuple(sorted(variables)),
        modes={
            name: value if _MODE.fullmatch(value) else "(other)" for name, value in modes.items()
        },
        switches_on=tuple(sorted(name for name in on if SWITCH.search(name.upper()))),
    )


def parse(text: str) -> dict[str, str]:
    r"""Return the variables of an environment file, the last assignment of a name counting.

    >>> parse("# comment\nexport MODE='production'\nDEBUG=\n")
    {'MODE': 'production', 'DEBUG': ''}
    """
    matches = (_ASSIGNMENT.fullmatch(line) for line in text.splitlines())
    return {found[1]: found[2].strip().strip("\"'") for found in matches if found}


def _read(file: Path) -> dict[str, str]:
    try:
        with file.open("rb") as stream:
            return parse(stream.read(_SIZE_CAP_BYTES).decode("utf-8", "replace"))
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}",
            hint="correct application.environment_file, or give the kit's user access",
        ) from error


def _processes(files: tuple[Path, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield name and environment of each declared process that may be read."""
    for file in files:
        try:
            process = psutil.Process(int(file.read_text()))
            yield f"process of {file.name}", process.environ()
        except (OSError, ValueError, psutil.Error):
            continue
