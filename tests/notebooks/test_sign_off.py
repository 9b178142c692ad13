"""The sign-off notebook on a finished run shows the same as the reports, and who has signed."""

import pytest
from sealing import people

from readiness_kit.assessment import Assessment
from readiness_kit.contents import ROLES
from readiness_kit.notebook import open_section
from readiness_kit.records import sshsig
from readiness_kit.reports import rows
from readiness_kit.signoff import policy
from readiness_kit.signoff.policy import Policy
from readiness_kit.signoff.sign import sign


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)
    (tmp_path / "readiness.yaml").write_text("schema: 1\nname: shop\nenvironment: staging\n")
    assessment = Assessment.open(tmp_path / "readiness.yaml", tmp_path / "run")
    assessment.seal(assessment.results())
    return tmp_path / "run"


def shown(run, capsys) -> str:
    section = open_section("sign_off", "", replay_from=str(run))
    capsys.readouterr()
    section.show_sign_off()
    section.show_borrowed()
    section.show_changes()
    section.show_lapse()
    section.show_signatures()
    return capsys.readouterr().out


def test_it_shows_who_has_signed(run, tmp_path, capsys):
    (tmp_path / "keys").mkdir()
    team = people(tmp_path / "keys")
    policy.write(tmp_path / "policy.json", Policy(allow_undecided=True))
    rules = policy.load(tmp_path / "policy.json")
    assert shown(run, capsys).count("not signed") == 4
    role = ROLES[0]
    sign(run, role=role, principal=team.principal(role), key=team.key(role), policy=rules)
    text = shown(run, capsys)
    assert text.count("not signed") == 3
    assert team.principal(role) in text
    assert "readiness collect" in text


def test_it_agrees_with_the_reports(run, capsys):
    results = Assessment.open(None, replay_from=run).results()
    text = shown(run, capsys)
    assert rows.verdict_line(results) in text
    assert rows.red_table(results).caption in text
    assert rows.waived_table(results).caption in text
