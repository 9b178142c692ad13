"""A source tree that names programs wherever git would run one, and files that look like options."""

import subprocess
from pathlib import Path

import pytest
from webserver import visit

from readiness_kit.probes.callers import signing_key
from readiness_kit.probes.secrets.in_code import secrets_in_code
from readiness_kit.probes.source.tree import git as git_of_kit
from readiness_kit.probes.source.tree import source_tree
from readiness_kit.target import Source

KEY = "4f0e9a6c1b7d" * 3

SIGNED = """\
tree {tree}
author t <t@example.invalid> 0 +0000
committer t <t@example.invalid> 0 +0000
gpgsig -----BEGIN PGP SIGNATURE-----
 aGVsbG8=
 -----END PGP SIGNATURE-----

A commit that asks to be verified
"""

NAMES = ("--x", "-rf", "--output=pwned", ";id", "$(touch pwned)", "`id`", "a\nb", "a b", "|id", "*")
"""Names that a shell, or a program that reads options, would take for something else."""


def git(tree: Path, *arguments: str, **more: object) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    argv = ["git", *who, "-C", str(tree), *arguments]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, **more)
    return done.stdout.strip()


@pytest.fixture
def tree(need, tmp_path) -> Path:
    need("git")
    found = tmp_path / "tree"
    found.mkdir()
    git(found, "init", "-q", "-b", "main")
    (found / "app.py").write_text("a = 1\n")
    git(found, "add", ".")
    git(found, "commit", "-qm", "First")
    return found


@pytest.fixture
def program(tmp_path) -> tuple[Path, Path]:
    """A program, and the file that it leaves when it is run."""
    script, mark = tmp_path / "program", tmp_path / "ran"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    return script, mark


def look(tree: Path) -> None:
    """Let everything that reads a tree by git read this one."""
    looking = visit("http://127.0.0.1:9", source=Source(path=tree))
    secrets_in_code.gather(looking)
    signing_key._history(source_tree(looking), [KEY.encode()], looking)
    signing_key._tracked(tree, tree / "app.py")


def signed_commit(tree: Path, program: Path) -> None:
    git(tree, "config", "log.showSignature", "true")
    git(tree, "config", "gpg.program", str(program))
    text = SIGNED.format(tree=git(tree, "rev-parse", "HEAD^{tree}"))
    made = git(tree, "hash-object", "-t", "commit", "-w", "--stdin", input=text)
    git(tree, "update-ref", "refs/heads/other", made)


def monitor(tree: Path, program: Path) -> None:
    git(tree, "config", "core.fsmonitor", str(program))


def external_diff(tree: Path, program: Path) -> None:
    git(tree, "config", "diff.external", str(program))
    git(tree, "config", "diff.x.command", str(program))
    (tree / ".git" / "info" / "attributes").write_text("* diff=x\n")


def text_conversion(tree: Path, program: Path) -> None:
    git(tree, "config", "diff.x.textconv", str(program))
    (tree / ".git" / "info" / "attributes").write_text("* diff=x\n")


def lazy_fetch(tree: Path, program: Path) -> None:
    """A partial clone whose missing objects come from a program."""
    git(tree, "config", "core.repositoryFormatVersion", "1")
    git(tree, "config", "extensions.partialClone", "origin")
    git(tree, "config", "remote.origin.url", str(tree))
    git(tree, "config", "remote.origin.promisor", "true")
    git(tree, "config", "remote.origin.uploadpack", str(program))
    blob = git(tree, "rev-parse", "HEAD:app.py")
    (tree / ".git" / "objects" / blob[:2] / blob[2:]).unlink()


TRAPS = {
    signed_commit: ["log", "--all"],
    monitor: ["ls-files", "--others"],
    external_diff: ["diff", "HEAD~0", "--ext-diff"],
    text_conversion: ["log", "--all", "--patch"],
    lazy_fetch: ["log", "--all", "--patch"],
}
"""What names a program, to what makes git run it."""


@pytest.mark.parametrize("trap", TRAPS, ids=lambda one: one.__name__)
def test_no_program_that_a_tree_names_is_run(tree, program, trap):
    script, mark = program
    trap(tree, script)
    mark.unlink(missing_ok=True)
    look(tree)
    assert not mark.exists()
    (tree / "app.py").write_text("a = 2\n")
    subprocess.run(
        ["git", "-C", tree, *TRAPS[trap]],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert mark.exists(), "the control: git alone would have run it"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_whatever_its_name_looks_like(tree, name):
    (tree / name).write_text(f'API_KEY = "{KEY}"\n')
    git(tree, "add", "--", ".")
    git(tree, "commit", "-qm", "More")
    looking = visit("http://127.0.0.1:9", source=Source(path=tree))
    fact = secrets_in_code.gather(looking)
    assert {one.what for one in fact.found} == {"tree", "history"}
    assert [one.where for one in fact.found if one.what == "tree"] == [f"{name}:1"]
    assert signing_key._tracked(tree, tree / name)
    assert not signing_key._tracked(tree, tree / "none")
    searched = signing_key._history(source_tree(looking), [KEY.encode()], looking)
    assert searched == ("searched", True)
    assert not list(tree.parent.rglob("pwned"))


@pytest.mark.parametrize("name", ["--x", ";id", "$(id)", "a\nb", "-C"])
def test_a_folder_is_read_whatever_its_name_looks_like(tree, name):
    folder = tree.rename(tree.parent / name)
    assert git_of_kit(folder, "ls-files", "-z", "--", ".") == b"app.py\0"
