"""Check the shell in documents without running it: by shellcheck if installed, else bash -n."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from readiness_kit.facts.papers.parts import ShellProblem
from readiness_kit.probes.papers.parts import SHELL, Code

TIMEOUT_S = 10.0

NOT_HERE = "SC2148,SC2154,SC2164,SC2034"
"""No shebang; variables set elsewhere, or for elsewhere; cd without exit: right for a person."""


class Checker(NamedTuple):
    """What can check shell here."""

    program: str
    version: str
    thorough: bool
    """Whether it is shellcheck."""


class _Comment(msgspec.Struct, frozen=True):
    file: str
    line: int
    level: str
    code: int
    message: str


class _Said(msgspec.Struct, frozen=True):
    comments: tuple[_Comment, ...]


def checker() -> Checker | None:
    """Return what this machine has."""
    for name in ("shellcheck", "bash"):
        program = shutil.which(name)
        said = _run([program, "--version"]) if program else None
        if program and said:
            version = re.search(r"\d+\.\d+(\.\d+)?", said.stdout)
            return Checker(program, f"{name} {version[0] if version else ''}", name != "bash")
    return None


def problems(blocks: Iterable[Code], by: Checker | None) -> tuple[ShellProblem, ...] | None:
    """Return what is wrong with the shell in *blocks*; ``None`` when it could not be checked."""
    shell = [block for block in blocks if block.language in SHELL]
    if by is None:
        return None
    if not shell:
        return ()
    with tempfile.TemporaryDirectory() as folder:
        files = {str(Path(folder, f"{number}.sh")): one for number, one in enumerate(shell)}
        for name, block in files.items():
            Path(name).write_text(block.input, encoding="utf-8")
        return _thoroughly(files, by) if by.thorough else _by_syntax(files, by)


def _thoroughly(files: dict[str, Code], by: Checker) -> tuple[ShellProblem, ...] | None:
    options = ["--shell=bash", "--format=json1", "--severity=warning", f"--exclude={NOT_HERE}"]
    done = _run([by.program, "--norc", *options, "--", *files])
    try:
        said = msgspec.json.decode(done.stdout if done else "", type=_Said)
    except msgspec.DecodeError:
        return None
    return tuple(
        ShellProblem(
            line=files[one.file].line + one.line - 1,
            grave=one.level == "error",
            said=f"SC{one.code}: {one.message}",
        )
        for one in said.comments
    )


def _by_syntax(files: dict[str, Code], by: Checker) -> tuple[ShellProblem, ...] | None:
    found = []
    for name, block in files.items():
        done = _run([by.program, "--norc", "-n", "--", name])
        if done is None:
            return None
        if done.returncode:
            told = re.search(r"line (\d+): (.*)", done.stderr)
            line = block.line + int(told[1]) - 1 if told else block.line
            said = told[2] if told else "it is not shell"
            found.append(ShellProblem(line=line, grave=True, said=said))
    return tuple(found)


def _run(argv: list[str]) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},  # BASH_ENV would be run
        )
    except (OSError, subprocess.SubprocessError):
        return None
