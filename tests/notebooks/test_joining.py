"""In JupyterLab a blank run folder begins a run that the next notebook joins."""

import time

import pytest

from readiness_kit.notebook import JOIN_WITHIN_S, open_section

TARGET = "schema: 1\nname: shop\nenvironment: staging\n"


@pytest.fixture
def project(tmp_path, capsys):
    (tmp_path / "readiness.yaml").write_text(TARGET)
    return tmp_path


def opened(project, section="documentation", allow=""):
    found = open_section(section, str(project / "readiness.yaml"), "", allow)
    return found.assessment.folder


def test_the_first_notebook_begins_and_the_next_joins(project, capsys):
    first = opened(project)
    assert "began the run" in capsys.readouterr().out
    second = opened(project, "sign_off")
    assert "joined the run" in capsys.readouterr().out
    assert second.path == first.path
    assert first.path.parent == project / ".readiness" / "runs"


def test_a_new_run_is_begun_by_name_and_joined_by_the_next(project):
    first = opened(project)
    second = open_section("documentation", str(project / "readiness.yaml"), "new").assessment.folder
    assert second.path != first.path
    later = first.path.parent / f"2099{second.path.name[4:]}"
    second.path.rename(later)
    assert opened(project).path == later


def test_other_effects_are_another_run(project):
    assert opened(project).path != opened(project, allow="canary").path


def test_another_target_is_another_run(project):
    first = opened(project)
    (project / "readiness.yaml").write_text(TARGET + "phase: post_launch\n")
    assert opened(project).path != first.path


def test_a_sealed_run_is_not_joined(project):
    first = opened(project)
    (first.path / "SHA256SUMS").write_text("")
    assert opened(project).path != first.path


def test_yesterdays_run_is_not_joined(project, monkeypatch):
    first = opened(project)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + JOIN_WITHIN_S + 1)
    assert opened(project).path != first.path


def test_what_is_no_run_is_passed_over(project):
    (project / ".readiness" / "runs" / "20990101T000000Z-shop-interactive-x").mkdir(parents=True)
    assert (opened(project).path / "run.json").is_file()
