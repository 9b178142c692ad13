"""Every output format by name, and where ``-o FORMAT[:FILE]`` sends it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import RunFolderError, UsageError
from readiness_kit.evidence import canonical
from readiness_kit.reports.csv import csv
from readiness_kit.reports.html import html
from readiness_kit.reports.junit import junit
from readiness_kit.reports.markdown import markdown
from readiness_kit.reports.material import Material
from readiness_kit.reports.sarif import sarif

FORMATS: dict[str, tuple[str, Callable[[Material], str]]] = {
    "json": ("results.json", lambda one: canonical.dumps(one.results).decode()),
    "html": ("report.html", lambda one: html(*one)),
    "junit": ("junit.xml", lambda one: junit(one.results)),
    "sarif": ("report.sarif", lambda one: sarif(one.results)),
    "markdown": ("report.md", lambda one: markdown(one.results)),
    "csv": ("claims.csv", lambda one: csv(one.results)),
}
"""Format to its usual file name and what makes it."""


class Output(NamedTuple):
    """One thing that was asked for."""

    format: str
    file: Path
    """``-`` is stdout."""


def parse_outputs(words: Sequence[str]) -> tuple[Output, ...]:
    """Return the outputs that the ``FORMAT[:FILE]`` *words* ask for; without FILE, stdout.

    Raises:
        UsageError: An unknown format, or two outputs on stdout.

    """
    found = []
    for word in words:
        name, _, file = word.partition(":")
        if name not in FORMATS:
            raise UsageError(f"-o {word}: no such format", hint=f"one of {', '.join(FORMATS)}")
        found.append(Output(name, Path(file or "-")))
    if sum(str(one.file) == "-" for one in found) > 1:
        raise UsageError("two outputs cannot share stdout", hint="write -o FORMAT:FILE")
    return tuple(found)


def render(output: Output, material: Material) -> str:
    """Return the text of one output."""
    return FORMATS[output.format][1](material)


def write(output: Output, material: Material) -> None:
    """Write one output to its file.

    Raises:
        RunFolderError: The file cannot be written.

    """
    try:
        output.file.write_text(render(output, material), encoding="utf-8", newline="")
    except OSError as error:
        raise RunFolderError(
            f"{output.file} cannot be written: {error.strerror}",
            hint="name a file in a folder that is there and has room",
        ) from error
