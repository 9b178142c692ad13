"""Search what git remembers for secrets: every line that any commit added, and its message."""

import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from readiness_kit.facts.secrets import Searched, What
from readiness_kit.probes.secrets.patterns import is_configuration, secrets_in
from readiness_kit.probes.source.tree import Tree, git, git_command, git_environment
from readiness_kit.sources import Visit

HISTORY_CAP_BYTES = 100_000_000
HISTORY_TIMEOUT_S = 20.0

_WHOLE = b"false"


class Hit(NamedTuple):
    """One secret, and where it stands."""

    kind: str
    what: What
    where: str
    fingerprint: str


class Swept(NamedTuple):
    """What came of one kind of place."""

    searched: Searched
    hits: list[Hit]


def search_history(tree: Tree, visit: Visit) -> Swept:
    """Search every line that a commit on any branch added, and what it says of itself."""
    if not tree.in_git:
        there = (tree.root / ".git").exists()
        declared = visit.target.source is not None and not visit.target.source.history
        return Swept(
            Searched(
                what="history",
                items=0,
                complete=declared and not there,
                reason="git refuses to read it" if there else "the tree is not kept by git",
            ),
            [],
        )
    lines, shallow = history_of(tree, min(HISTORY_TIMEOUT_S, visit.remaining_s / 2))
    hits = list(hits_in_patch(lines))
    return Swept(searched("history", lines.commits, lines.reason or shallow), hits)


def history_of(tree: Tree, timeout_s: float) -> "tuple[Said, str]":
    """Return every line that commits on any branch added, and why these are not all."""
    shallow = git(tree.root, "rev-parse", "--is-shallow-repository") or b""
    argv, environment = _without_attributes(tree)
    argv += ["log", "--all", "--patch", "--cc", "--unified=0", "--no-color"]
    argv += ["--no-ext-diff", "--no-textconv", "--format=commit %h%n+%B"]
    top = os.fsdecode(git(tree.root, "rev-parse", "--show-prefix") or b"").strip()
    argv += ["--", top] if top else []  # a path would leave out commits without changes
    whole = shallow.strip() == _WHOLE
    return Said(argv, environment, timeout_s), "" if whole else "the clone is shallow"


def _without_attributes(tree: Tree) -> tuple[list[str], dict[str, str]]:
    """Return how git is started, and its environment, so that it reads no ``.gitattributes``.

    They can call a file binary, whose lines are then not shown. Git takes them from the files of
    the work tree and from the index, and is given an empty one of each.
    """
    found = git(tree.root, "rev-parse", "--absolute-git-dir") or b""
    folder = os.fsdecode(found).rstrip("\n")
    place = [f"--git-dir={folder}", f"--work-tree={folder}"] if folder else []
    empty = {"GIT_INDEX_FILE": str(Path(folder, "readiness-kit-no-index"))}
    return [*git_command(Path(folder or tree.root)), *place], git_environment() | empty


class Said:
    """The lines a command prints, up to a cap in bytes and seconds."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], timeout_s: float
    ) -> None:
        self._argv = argv
        self._environment = environment
        self._timeout_s = timeout_s
        self.commits = 0
        self.reason = ""

    def __iter__(self) -> Iterator[bytes]:
        """Run it, and say in ``reason`` why these are not all lines."""
        try:
            child = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment,
            )
        except OSError as error:
            self.reason = f"git does not start: {error.strerror}"
            return
        watch = threading.Timer(self._timeout_s, child.kill)
        watch.start()
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            read = 0
            for line in child.stdout:
                read += len(line)
                self.commits += line.startswith(b"commit ")
                yield line
                if read > HISTORY_CAP_BYTES:
                    self.reason = f"it is longer than {HISTORY_CAP_BYTES} bytes"
                    return
            if child.wait() != 0:
                self.reason = f"git log ended with status {child.returncode}"
        finally:
            watch.cancel()
            child.kill()
            child.wait()
            child.stdout.close()


def hits_in_patch(lines: Iterable[bytes]) -> Iterator[Hit]:
    """Yield what the added lines hold, each file of each commit searched as one text."""
    commit, name, added = "", "", list[str]()
    for raw in lines:
        line = raw.decode("utf-8", "replace")
        if line.startswith(("commit ", "+++ ")):
            yield from _hits(commit, name, added)
            added = []
            commit = line[7:].strip() if line.startswith("commit ") else commit
            name = line[4:].strip().removeprefix("b/") if line.startswith("+++ ") else "message"
        elif line.startswith(("+", " +")):
            added.append(line.lstrip(" +") if line.startswith((" +", "++")) else line[1:])
        elif name == "message":
            added.append(line)
    yield from _hits(commit, name, added)


def _hits(commit: str, name: str, added: list[str]) -> Iterator[Hit]:
    for one in secrets_in("".join(added), configuration=is_configuration(name)) if added else ():
        yield Hit(one.kind, "history", f"{commit}: {name}", one.fingerprint)


def searched(what: What, n: int, reason: str) -> Searched:
    """Return what was searched; a *reason* says what was left out."""
    return Searched(what=what, items=n, complete=not reason, reason=reason)
