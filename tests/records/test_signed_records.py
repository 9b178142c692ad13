from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing import people

from readiness_kit.contents import claims
from readiness_kit.errors import IntegrityError, UsageError
from readiness_kit.evidence import canonical
from readiness_kit.records import attestations, sshsig, waivers
from readiness_kit.records.attestations import Attestation
from readiness_kit.records.signed import Scope
from readiness_kit.records.waivers import LONGEST_DAYS, Waiver

NOW = datetime.now(UTC)
OWNER = "operations_lead"
HERE = Scope("shop", "staging")
WAIVER = Waiver(
    target="shop",
    environment="staging",
    claim="pre_deployment.sizing.minimum",
    reason="two more cores arrive on Monday",
    ticket="OPS-1",
    requester="dev@example.invalid",
    approver="operations-lead@example.invalid",
    granted_at=NOW,
    until=NOW.date() + timedelta(days=14),
)
ATTESTATION = Attestation(
    target="shop",
    environment="staging",
    claim="final_verification.team_training.trained",
    statement="six of six have done the restore drill",
    person="operations-lead@example.invalid",
    stated_at=NOW,
    until=NOW.date() + timedelta(days=90),
)


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    return people(tmp_path_factory.mktemp("keys"))


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)


def place(folder, team, record, *, role=OWNER, name="", namespace=""):
    """Write a signed record as somebody might who does not ask whether it counts."""
    data = canonical.dumps(record)
    purpose = "waivers" if isinstance(record, Waiver) else "attestations"
    signed = sshsig.sign(
        data, team.key(role), namespace or f"{role.replace('_', '-')}@{purpose}.readiness-kit"
    )
    path = folder / f"{name or record.claim}.json"
    path.write_bytes(data)
    path.with_name(f"{path.name}.sig").write_bytes(signed.armored)
    return path


def test_waivers_are_written_and_read(tmp_path, team):
    waivers.write(tmp_path, WAIVER, team.key(OWNER))
    found = waivers.read(tmp_path, team.allowed, NOW, HERE)
    assert (found.accepted, found.rejected) == ({WAIVER.claim: WAIVER}, ())


def test_attestations_are_written_and_read(tmp_path, team):
    attestations.write(tmp_path, ATTESTATION, team.key(OWNER))
    found = attestations.read(tmp_path, team.allowed, NOW, HERE)
    assert (found.accepted, found.rejected) == ({ATTESTATION.claim: ATTESTATION}, ())


def test_nothing_there_is_nothing_accepted(tmp_path, team):
    found = waivers.read(tmp_path / "none", team.allowed, NOW, HERE)
    assert (found.accepted, found.rejected) == ({}, ())
    with pytest.raises(IntegrityError, match="is missing"):
        waivers.read(tmp_path, tmp_path / "none", NOW, HERE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"claim": "database.parameters.durability_on"}, "cannot be waived"),
        ({"requester": "Operations-Lead@example.invalid"}, "same person"),
        ({"requester": " operations-lead@example.invalid"}, "no plain mailbox"),
        ({"requester": "op\u0435rations-lead@example.invalid"}, "no plain mailbox"),
        ({"requester": "operations-lead@example.invalid\u200b"}, "no plain mailbox"),
        ({"until": NOW.date() + timedelta(days=15)}, "14 days at most"),
        ({"granted_at": NOW + timedelta(minutes=6)}, "in the future"),
        (
            {"granted_at": NOW - timedelta(days=9), "until": NOW.date() - timedelta(days=1)},
            "ended on",
        ),
        ({"approver": "product-owner@example.invalid"}, "may not sign"),
        ({"claim": "no.such.claim"}, "is unknown"),
        ({"claim": "security.tls.old_versions_refused"}, "signed as"),
        ({"target": "bank"}, "it is about bank (staging), not shop (staging)"),
        ({"environment": "production"}, "it is about shop (production), not shop (staging)"),
        ({"reason": " "}, "no Waiver"),
        ({"ticket": ""}, "no Waiver"),
        ({"granted_at": NOW.replace(tzinfo=None)}, "no zone"),
    ],
)
def test_waivers_refused(tmp_path, team, changes, words):
    path = place(tmp_path, team, msgspec.structs.replace(WAIVER, **changes))
    found = waivers.read(tmp_path, team.allowed, NOW, HERE)
    assert found.accepted == {}
    assert [one.file for one in found.rejected] == [path.name]
    assert words in str(found.rejected[0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"claim": "pre_deployment.sizing.minimum"}, "cannot be attested"),
        ({"until": NOW.date() + timedelta(days=91)}, "90 days at most"),
        ({"stated_at": NOW + timedelta(minutes=6)}, "in the future"),
        ({"document_sha256": "abc"}, "no Attestation"),
        ({"target": "bank"}, "it is about bank (staging), not shop (staging)"),
        ({"environment": "production"}, "it is about shop (production), not shop (staging)"),
    ],
)
def test_attestations_refused(tmp_path, team, changes, words):
    place(tmp_path, team, msgspec.structs.replace(ATTESTATION, **changes))
    found = attestations.read(tmp_path, team.allowed, NOW, HERE)
    assert found.accepted == {}
    assert words in str(found.rejected[0])


def test_damaged_records_are_refused(tmp_path, team):
    path = place(tmp_path, team, WAIVER)
    good, signature = path.read_bytes(), path.with_name(f"{path.name}.sig")
    for data in (good.replace(b"Monday", b"Friday"), good + b"\n", b"{}", b"\xff", b"", good[:-1]):
        path.write_bytes(data)
        assert waivers.read(tmp_path, team.allowed, NOW, HERE).accepted == {}
    path.write_bytes(good)
    assert waivers.read(tmp_path, team.allowed, NOW, HERE).accepted != {}
    signature.unlink()
    assert "sig is missing" in str(waivers.read(tmp_path, team.allowed, NOW, HERE).rejected[0])
    place(tmp_path, team, WAIVER)
    path.unlink()
    assert "without its record" in str(waivers.read(tmp_path, team.allowed, NOW, HERE).rejected[0])


def test_a_record_under_another_name_or_purpose(tmp_path, team):
    place(tmp_path, team, WAIVER, name="database.pooling.enabled")
    place(tmp_path, team, WAIVER, namespace="operations-lead@signoff.readiness-kit")
    found = waivers.read(tmp_path, team.allowed, NOW, HERE)
    assert found.accepted == {}
    assert len(found.rejected) == 2


def test_links_are_not_followed(tmp_path, team):
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").mkdir()
    path = place(tmp_path / "real", team, WAIVER)
    for name in (path.name, f"{path.name}.sig"):
        (tmp_path / "linked" / name).symlink_to(tmp_path / "real" / name)
    assert waivers.read(tmp_path / "linked", team.allowed, NOW, HERE).accepted == {}


def test_writing_what_would_not_count_is_refused(tmp_path, team):
    late = msgspec.structs.replace(WAIVER, until=NOW.date() + timedelta(days=99))
    with pytest.raises(UsageError, match="would not count"):
        waivers.write(tmp_path, late, team.key(OWNER))
    assert list(tmp_path.iterdir()) == []


@given(
    claim=st.sampled_from(sorted(claims().values())),
    days=st.integers(-400, 400),
    later=st.timedeltas(timedelta(0), timedelta(days=200)),
)
def test_no_waiver_outlives_its_cap(claim, days, later):
    granted = datetime(2026, 11, 20, 12, tzinfo=UTC)
    until = date(2026, 11, 20) + timedelta(days=days)
    waiver = msgspec.structs.replace(WAIVER, claim=claim.id, granted_at=granted, until=until)
    counts = not waiver.fault(claim, granted + later)
    assert counts == (
        claim.waivable
        and days <= LONGEST_DAYS[claim.severity]
        and granted + later < datetime(2026, 11, 21, tzinfo=UTC) + timedelta(days=days)
    )
