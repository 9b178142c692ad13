"""What ``readiness init`` writes can be used at once, and nothing is ever written over."""

from click.testing import CliRunner

from readiness_kit.commands.init import command
from readiness_kit.notebook_files import NOTEBOOKS
from readiness_kit.target_file import load_target


def test_a_team_can_begin(tmp_path):
    done = CliRunner().invoke(command, [str(tmp_path)])
    assert done.exit_code == 0
    assert load_target(tmp_path).name == "my-service"
    assert {file.stem for file in (tmp_path / "notebooks").iterdir()} == set(NOTEBOOKS)
    scenarios = {file.stem for file in (tmp_path / "load").iterdir()}
    assert scenarios >= {"locustfile", "service", "read_heavy", "mixed", "journey"}
    assert (tmp_path / "load" / "kustomization.yaml").is_file()
    assert (tmp_path / "load" / "kubernetes" / "worker.yaml").is_file()


def test_the_commented_keys_are_real(tmp_path):
    CliRunner().invoke(command, [str(tmp_path)])
    file = tmp_path / "readiness.yaml"
    lines = file.read_text().splitlines()
    opened = [
        line.replace("# ", "", 1) if line.startswith("# ") and ":" in line else line
        for line in lines
    ]
    text = "\n".join(
        line
        for line in opened
        if not line.startswith(("The deploy", "measured,", "this file", "Secrets"))
    )
    for name in (
        "SERVICE_TOKEN",
        "ADMIN_TOKEN",
        "READINESS_DB_DSN",
        "APP_DB_DSN",
        "READINESS_PLAN_DSN",
        "READINESS_CACHE_URL",
    ):
        text = text.replace(f"env:{name}", "env:PATH")
    file.write_text(text)
    target = load_target(tmp_path)
    assert target.api is not None
    assert target.database is not None
    assert target.smoke


def test_what_exists_is_kept(tmp_path):
    (tmp_path / "readiness.yaml").write_text("mine")
    done = CliRunner().invoke(command, [str(tmp_path)])
    assert done.exit_code == 0
    assert (tmp_path / "readiness.yaml").read_text() == "mine"
