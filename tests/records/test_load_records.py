"""Load records: what somebody signed for counts, everything else says why it does not."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sealing import people_with
from webserver import visit

from readiness_kit.checks.pre_deployment.load_testing import PEAK, SOAK
from readiness_kit.commands.load_recording import Recorder
from readiness_kit.errors import IntegrityError, NotSeen, UsageError
from readiness_kit.evidence import canonical
from readiness_kit.probes.records.load import load_records
from readiness_kit.records import load_records as records
from readiness_kit.records import sshsig
from readiness_kit.target import Load, Release, Signoff

LEAD = "engineering-lead@example.invalid"


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """People whose engineering lead may sign load records as well."""
    return people_with(tmp_path_factory.mktemp("keys"), LEAD, records.NAMESPACE)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)


def target(team, folder, **parts):
    given = {
        "load": Load(records=folder),
        "release": Release(version="1.2", commit="4f2c9e1"),
        "signoff": Signoff(allowed_signers=team.allowed),
    }
    return visit("http://localhost", **(given | parts))


def record(team, run=SOAK, **changes):
    there = target(team, None).target
    run = run.replace(observed_at=datetime.now(UTC))
    made = records.record_of(run, there, verdict="held", report=b"{}", person=LEAD)
    return replace(made, **changes)


def test_what_was_signed_is_read_back(tmp_path, team):
    written = record(team)
    path = records.write(tmp_path, written, b"{}", team.key("engineering_lead"), team.signers)
    assert path.name.endswith("Z-soak.json")
    report = (tmp_path / "reports" / path.name).read_bytes()
    assert hashlib.sha256(report).hexdigest() == written.report_sha256
    (found,) = load_records.gather(target(team, tmp_path)).records
    assert (found.commit, found.profile, found.steady_s, found.rate_rps) == (
        "4f2c9e1",
        "soak",
        540.0,
        20.0,
    )
    assert (found.valid, found.verdict, found.person) == (True, "held", LEAD)


def test_only_who_may_can_write_one(tmp_path, team):
    with pytest.raises(IntegrityError, match="may not sign"):
        records.write(tmp_path, record(team), b"{}", team.key("security_lead"), team.signers)
    assert not list(tmp_path.iterdir())


def test_without_a_commit_there_is_no_record(team):
    there = target(team, None, release=None).target
    with pytest.raises(UsageError, match="which commit"):
        records.record_of(PEAK, there, verdict="held", report=b"", person=LEAD)


def place(folder, team, written, *, role="engineering_lead", namespace=records.NAMESPACE, name=""):
    data = canonical.dumps(written)
    path = folder / (name or written.name)
    path.write_bytes(data)
    made = sshsig.sign(data, team.key(role), namespace)
    path.with_name(f"{path.name}.sig").write_bytes(made.armored)
    return path


@pytest.mark.parametrize(
    ("changes", "how", "words"),
    [
        ({"target": "other"}, {}, "it is about other, not test"),
        ({"finished_at": datetime.now(UTC) + timedelta(hours=1)}, {}, "in the future"),
        ({"finished_at": datetime(2026, 3, 1)}, {}, "no zone"),  # noqa: DTZ001
        ({}, {"role": "security_lead"}, "may not sign"),
        ({}, {"namespace": "engineering-lead@signoff.readiness-kit"}, "not as"),
        ({}, {"name": "20260301T000000Z-soak.json"}, "under another name"),
        ({"person": "nobody@example.invalid"}, {}, "may not sign"),
        ({"profile": "../soak"}, {"name": "a.json"}, "no LoadRecord"),
        ({"steady_s": -1.0}, {}, "no LoadRecord"),
    ],
)
def test_what_does_not_count_says_why(tmp_path, team, changes, how, words):
    place(tmp_path, team, record(team, **changes), **how)
    fact = load_records.gather(target(team, tmp_path))
    assert fact.records == ()
    (reason,) = fact.rejected
    assert words in reason


def test_a_changed_byte_or_a_missing_signature_counts_for_nothing(tmp_path, team):
    path = place(tmp_path, team, record(team))
    path.write_bytes(path.read_bytes().replace(b"540", b"640"))
    other = place(tmp_path, team, record(team, run=PEAK))
    other.with_name(f"{other.name}.sig").unlink()
    fact = load_records.gather(target(team, tmp_path))
    assert fact.records == ()
    assert len(fact.rejected) == 2


def test_no_folder_is_declared(team):
    fact = load_records.gather(target(team, None))
    assert (fact.declared, fact.records, fact.commit) == (False, (), "4f2c9e1")


def test_a_folder_needs_signers(tmp_path, team):
    with pytest.raises(NotSeen, match="who may sign"):
        load_records.gather(target(team, tmp_path, signoff=None))


def test_a_folder_that_is_not_there_was_not_seen(tmp_path, team):
    with pytest.raises(NotSeen, match="cannot be read"):
        load_records.gather(target(team, tmp_path / "none"))


def recorder(team, folder, *, role="engineering_lead", person=LEAD, key=True, **parts):
    there = target(team, folder, **parts).target
    return Recorder.of(there, folder / "readiness.yaml", person, team.key(role) if key else None)


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"person": None}, UsageError, "must be signed"),
        ({"key": False}, UsageError, "must be signed"),
        ({"load": Load()}, UsageError, "no folder of load records"),
        ({"release": None}, UsageError, "which commit"),
        ({"signoff": None}, UsageError, "who may sign"),
        ({"role": "security_lead"}, IntegrityError, "may not sign"),
        ({"person": "nobody@example.invalid"}, IntegrityError, "may not sign"),
    ],
)
def test_what_a_record_needs_is_demanded_before_anything_is_played(
    tmp_path, team, given, kind, words
):
    with pytest.raises(kind, match=words):
        recorder(team, tmp_path, **given)


def test_a_recorder_keeps_what_the_probe_reads(tmp_path, team):
    run = PEAK.replace(observed_at=datetime.now(UTC))
    recorder(team, tmp_path).keep(run, "not_held", b'{"schema": "readiness-kit/load/1"}')
    (found,) = load_records.gather(target(team, tmp_path)).records
    assert (found.profile, found.verdict, found.rate_rps) == ("peak", "not_held", 40.0)
