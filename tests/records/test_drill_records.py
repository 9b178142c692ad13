"""Drill records: what somebody signed for counts, everything else says why it does not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from sealing import people_with
from webserver import visit

from readiness_kit.commands.drilled import command
from readiness_kit.errors import IntegrityError, NotSeen, UsageError
from readiness_kit.probes.records.drills import drill_records
from readiness_kit.records import drill_records as records
from readiness_kit.records import signers, sshsig
from readiness_kit.records.drill_records import Action, DrillRecord
from readiness_kit.target import Drills, Signoff

LEAD = "operations-lead@example.invalid"
RECORD = DrillRecord(
    target="test",
    environment="staging",
    kind="restore",
    held_at=datetime.now(UTC).replace(microsecond=0),
    outcome="succeeded",
    lessons=("The role that restores may not create extensions",),
    actions=(Action(what="Grant it", owner="A. Ito", due=date(2026, 5, 1)),),
    person=LEAD,
)


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """People whose operations lead may sign drill records as well."""
    return people_with(tmp_path_factory.mktemp("keys"), LEAD, records.NAMESPACE)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)


def look(team, folder):
    given = {"drills": Drills(records=folder), "signoff": Signoff(allowed_signers=team.allowed)}
    return drill_records.gather(visit("http://localhost", **given))


def write(team, folder, record=RECORD, role="operations_lead"):
    return records.write(folder, record, team.key(role), signers.AllowedSigners.read(team.allowed))


def test_what_was_signed_is_read_back_the_newest_first(tmp_path, team):
    write(team, tmp_path, replace(RECORD, held_at=RECORD.held_at - timedelta(days=90)))
    assert write(team, tmp_path).name.endswith("Z-restore.json")
    fact = look(team, tmp_path)
    assert fact.declared
    assert fact.records[0].held_at == RECORD.held_at
    assert len(fact.records) == 2
    assert fact.records[0].actions[0].owner == "A. Ito"
    assert fact.records[0].actions[0].due == datetime(2026, 5, 1, tzinfo=UTC)
    assert not fact.records[0].measured


def test_without_a_folder_none_is_declared():
    fact = drill_records.gather(visit("http://localhost"))
    assert (fact.declared, fact.records) == (False, ())


def test_a_folder_that_is_not_there_was_not_seen(tmp_path, team):
    with pytest.raises(NotSeen):
        look(team, tmp_path / "gone")


def test_what_was_changed_after_signing_counts_for_nothing(tmp_path, team):
    path = write(team, tmp_path, replace(RECORD, outcome="failed"))
    path.write_bytes(path.read_bytes().replace(b'"failed"', b'"succeeded"'))
    fact = look(team, tmp_path)
    assert fact.records == ()
    assert len(fact.rejected) == 1


def test_a_copy_under_another_date_counts_for_nothing(tmp_path, team):
    path = write(team, tmp_path)
    for name in (path.name, f"{path.name}.sig"):
        (tmp_path / name).rename(tmp_path / f"2099{name[4:]}")
    assert "another name" in look(team, tmp_path).rejected[0]


def test_a_record_of_another_target_counts_for_nothing(tmp_path, team):
    write(team, tmp_path, replace(RECORD, target="other"))
    assert "not test" in look(team, tmp_path).rejected[0]


@pytest.mark.parametrize("role", ["engineering_lead", "security_lead"])
def test_only_who_may_sign_it_can(tmp_path, team, role):
    with pytest.raises(IntegrityError):
        write(team, tmp_path, role=role)


def test_the_future_is_not_signed_for(tmp_path, team):
    with pytest.raises(UsageError):
        write(team, tmp_path, replace(RECORD, held_at=datetime.now(UTC) + timedelta(hours=1)))


def ask(tmp_path, team, *options):
    file = tmp_path / "readiness.yaml"
    file.write_text(
        "schema: 1\nname: test\nenvironment: staging\ndrills: {records: drills}\n"
        f"signoff: {{allowed_signers: {team.allowed}}}\n"
    )
    given = ["-c", str(file), "--as", LEAD, "--key", str(team.key("operations_lead"))]
    return CliRunner().invoke(command, ["failover", *given, *options])


def test_a_drill_held_by_other_means_is_signed_for(tmp_path, team):
    done = ask(
        tmp_path,
        team,
        *("--held-on", "2026-03-01", "--outcome", "failed", "--reviewed"),
        *("--lesson", "Nobody knew the password", "--action", "Write it down;A. Ito;2026-04-01"),
    )
    assert done.exit_code == 0, done.output
    (one,) = look(team, tmp_path / "drills").records
    assert (one.kind, one.outcome, one.held_at.day) == ("failover", "failed", 1)
    assert one.reviewed_at is not None
    assert one.actions[0].owner == "A. Ito"


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--held-on", "2026-03-01"),
        ("--held-on", "2026-03-01", "--outcome", "failed", "--action", "a;b;soon"),
    ],
)
def test_what_is_not_told_is_not_signed_for(tmp_path, team, options):
    done = ask(tmp_path, team, *options)
    assert isinstance(done.exception, UsageError)
    assert not (tmp_path / "drills").exists()
