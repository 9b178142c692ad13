import pytest
from sealing import people, results, seal

from readiness_kit.records import sshsig
from readiness_kit.reports.signatures import signatures_table
from readiness_kit.signoff.sign import withdraw


def test_each_role_stands_as_its_record_says(tmp_path, monkeypatch):
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)
    (tmp_path / "keys").mkdir()
    team, run = people(tmp_path / "keys"), seal(tmp_path / "run", results())
    assert [row[1] for row in signatures_table(run).rows] == ["not signed"] * 4
    team.sign(run, "engineering_lead")
    role = "security_lead"
    given = {"role": role, "principal": team.principal(role), "key": team.key(role)}
    withdraw(run, **given, reason="<b>new</b> release")
    (run / "signoff" / "product_owner.json").write_bytes(b"{}")
    table = signatures_table(run)
    assert table.rows[0] == (
        "engineering lead",
        "signed GO, 0 waived, 0 not seen",
        "engineering-lead@example.invalid",
        "2026-11-20 13:00Z",
    )
    states = [row[1].split(":")[0] for row in table.rows[1:]]
    assert states == ["withdrawn", "not signed", "unreadable"]
    assert "&lt;b&gt;new" in table.html()
    assert "<b>new" not in table.html()


@pytest.mark.parametrize("what", ["folder", "link"])
def test_strange_records_are_unreadable(tmp_path, what):
    run = seal(tmp_path / "run", results())
    (run / "signoff").mkdir()
    place = run / "signoff" / "security_lead.json"
    place.mkdir() if what == "folder" else place.symlink_to("/etc/passwd")
    assert signatures_table(run).rows[1][1].startswith("unreadable")
