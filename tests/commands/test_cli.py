"""The command line answers every mistake with what is wrong and what to do next."""

import errno

import pytest
from click.testing import CliRunner

from readiness_kit import cli
from readiness_kit.commands import drift
from readiness_kit.commands.init import command as init
from readiness_kit.errors import RunFolderError
from readiness_kit.evidence import atomic
from readiness_kit.signoff.drift import Drift, RoleStands


def told(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["readiness", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return caught.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("chek", "did you mean check?"),
        ("verfy", "did you mean verify?"),
        ("zzz", "`readiness --help` lists them"),
    ],
)
def test_a_misspelt_command(monkeypatch, capsys, word, hint):
    code, said = told(monkeypatch, capsys, word)
    assert code == 2
    assert said == f"readiness: no command {word!r}\n  next: {hint}\n"


@pytest.mark.parametrize("word", ["--help", "--version", "-h"])
def test_options_are_no_commands(monkeypatch, capsys, word):
    assert told(monkeypatch, capsys, word)[0] == 0


def test_a_full_disk_is_no_traceback(monkeypatch, capsys, tmp_path):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr("pathlib.Path.mkdir", full)
    code, said = told(monkeypatch, capsys, "init", str(tmp_path / "new"))
    assert code == 3
    assert said.startswith(f"readiness: {tmp_path / 'x'}: No space left on device\n  next: ")
    assert "Traceback" not in said


@pytest.mark.parametrize(("name", "caught"), [("dns.exception", True), ("readiness_kit.x", False)])
def test_a_package_that_is_missing_is_named(monkeypatch, capsys, name, caught):
    def missing(*_: object) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(cli.Lazy, "get_command", missing)
    if caught:
        code, said = told(monkeypatch, capsys, "plan")
        assert code == 3
        assert said.startswith("readiness: the package dns is not installed\n  next: pip install")
    else:
        with pytest.raises(ModuleNotFoundError):
            told(monkeypatch, capsys, "plan")


def test_init_leaves_no_half_of_a_file(monkeypatch, tmp_path):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    done = CliRunner().invoke(init, [str(tmp_path)], standalone_mode=False)
    assert isinstance(done.exception, RunFolderError)
    assert list(tmp_path.iterdir()) == []


def test_a_role_that_never_signed_does_not_fall(capsys):
    whys = ("", "has not signed", "readiness.yaml does not say who may sign", "x fell")
    roles = tuple(RoleStands(role=f"r{n}", stands=not why, why=why) for n, why in enumerate(whys))
    found = Drift(run_id="r", identity=(), gone=(), asked=0, not_asked=0, roles=roles)
    drift._show(found)
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert words == ["stands", "unsigned", "unsigned", "FALLS", "r:"]
