"""A run that borrows, with all that lies beside its signatures: bundled, collected, and verified."""

import shutil
import subprocess
import tarfile
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner
from sealing import people
from twodeployments import LENT, World

from readiness_kit import judgement
from readiness_kit.assessment import Assessment
from readiness_kit.batch import execute_sign_off
from readiness_kit.commands.sign import command as sign_command
from readiness_kit.contents import ROLES
from readiness_kit.evidence import folder as evidence_folder
from readiness_kit.notebook_files import SIGN_OFF, packaged_notebooks
from readiness_kit.signoff import bundle, machine, verify
from readiness_kit.signoff.collect import collect

pytestmark = pytest.mark.filterwarnings("default")

BESIDE = {machine.NAME, f"{SIGN_OFF}.ipynb"}


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    # A kernel has the real checks, and must see that others judged.
    for room in (judgement, evidence_folder):
        monkeypatch.setattr(room, "judges_digest", lambda: "0" * 64)
    return World(tmp_path, monkeypatch)


@pytest.fixture
def run(world) -> Path:
    """A sealed run on production that borrows, with its executed sign-off notebook, unsigned."""
    world.staging()
    found = world.production()
    found.seal(found.results())
    notebook = packaged_notebooks() / f"{SIGN_OFF}.ipynb"
    assert execute_sign_off(found.folder.path, notebook).problem == ""
    return found.folder.path


def by_shell(run: Path, world: World) -> int:
    script = resources.files("readiness_kit.signoff").joinpath("verify.sh").read_bytes()
    argv = ["sh", "-s", str(run), str(world.people.allowed)]
    return subprocess.run(argv, input=script, capture_output=True, check=False).returncode


def test_four_people_sign_a_bundle_of_it(run, world, tmp_path, need, monkeypatch):
    for program in ("ssh-keygen", "sha256sum"):
        need(program)
    assert {one.name for one in (run / "signoff").iterdir()} == BESIDE
    archive = bundle.write(run, tmp_path / "run.tar")
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    for role in ROLES:
        argv = ["--role", role, "--as", world.people.principal(role)]
        argv += ["--key", str(world.people.key(role)), "--policy", str(tmp_path / "policy.json")]
        argv = [str(archive), *argv]
        done = CliRunner().invoke(sign_command, argv, standalone_mode=False)
        assert done.exception is None, done.exception
    shutil.rmtree(tmp_path / "staging")
    back = sorted(away.glob("*.json"))
    taken = collect(run, back, world.people.signers, world.policy, datetime.now(UTC))
    assert [one.problem for one in taken] == ["", "", "", ""]
    found = world.verify(run)
    assert (found.problems, found.exit_code, len(found.borrowed_from)) == ((), 3, 1)
    assert by_shell(run, world) == 3
    whole = bundle.write(run, tmp_path / "whole.tar")
    with bundle.opened(whole) as folder:
        assert {one.name for one in (folder / "signoff").iterdir()} > BESIDE
        assert world.verify(folder).exit_code == by_shell(folder, world) == 3
    with tarfile.open(whole) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    (out,) = [one for one in (tmp_path / "out").iterdir() if one.is_dir()]
    argv = ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"]
    assert subprocess.run(argv, cwd=out, check=False).returncode == 0
    (copy,) = (out / "borrowed").iterdir()
    (copy / "signoff" / f"{ROLES[0]}.json.sig").write_bytes(b"")
    assert subprocess.run(argv, cwd=out, check=False, capture_output=True).returncode == 1
    assert by_shell(out, world) == world.verify(out).exit_code == 4


def test_a_long_name_travels(world, tmp_path):
    """Paths of a borrowed copy hold two run ids, and an archive's names have an end."""
    for name in ("staging", "production"):
        file = world.describe(name, LENT if name == "production" else "")
        file.write_text(file.read_text().replace("name: shop", f"name: {'s' * 40}"))
        allow = ("load",) if name == "staging" else ()
        found = Assessment.open(file, tmp_path / name, allow=allow)
        found.gather()
        found.seal(found.results())
        for role in ROLES:
            world.sign(found.folder.path, role)
    archive = bundle.write(tmp_path / "production", tmp_path / "run.tar")
    with bundle.opened(archive) as folder:
        assert len(list((folder / "borrowed").iterdir())) == 1
        assert world.verify(folder).exit_code == 3


def test_a_changed_notebook_beside_the_signatures_changes_nothing(run, world):
    """Nothing vouches for it, and nothing is taken from it."""
    for role in ROLES:
        world.sign(run, role)
    (run / "signoff" / f"{SIGN_OFF}.ipynb").write_text("{}")
    assert world.verify(run).exit_code == by_shell(run, world) == 3
    (run / "signoff" / machine.NAME).write_text("{}")
    assert world.verify(run).exit_code == 4


def test_strangers_do_not_verify_it(run, world, tmp_path):
    for role in ROLES:
        world.sign(run, role)
    (tmp_path / "strangers").mkdir()
    strangers = people(tmp_path / "strangers")
    found = verify.verify(run, strangers.signers, world.policy, datetime.now(UTC))
    assert len([one for one in found.problems if one.startswith("borrowed/")]) == 1
    assert found.exit_code == 4
