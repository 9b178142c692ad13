"""The sandbox's keys and records: they count today, and cover what the catalogue says."""

import datetime as dt
import stat

import pytest

from readiness_kit.contents import ROLES, claims
from readiness_kit.records import attestations, waivers
from readiness_kit.records.signed import Scope
from readiness_kit.sandbox.layout import Layout
from readiness_kit.sandbox.signatures import HOST_REASONS, key_file, write_signatures
from readiness_kit.signoff import policy

HERE = Scope("quill", "sandbox")


def written(folder, *, monitored):
    layout = Layout(folder)
    layout.create()
    write_signatures(layout, monitored=monitored, drilled=True)
    return layout


def marked(*words):
    return {claim.id for claim in claims().values() if claim.sandbox in words}


@pytest.mark.parametrize("monitored", [True, False])
def test_every_expected_gap_is_waived_and_every_record_counts(tmp_path, monitored):
    layout = written(tmp_path, monitored=monitored)
    signers = layout.deploy / "signoff" / "allowed_signers"
    now = dt.datetime.now(dt.UTC)
    waived = waivers.read(layout.deploy / "waivers", signers, now, HERE)
    assert not waived.rejected
    gaps = ("unknown", "needs_full") + (() if monitored else ("needs_prometheus",))
    assert set(waived.accepted) == marked(*gaps) | set(HOST_REASONS)
    assert set(HOST_REASONS) <= marked("host")
    attested = attestations.read(layout.deploy / "attestations", signers, now, HERE)
    assert not attested.rejected
    assert set(attested.accepted) == marked("attested")


def test_nothing_counts_for_longer_than_it_may(tmp_path):
    layout = written(tmp_path, monitored=False)
    signers = layout.deploy / "signoff" / "allowed_signers"
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=92)
    assert not waivers.read(layout.deploy / "waivers", signers, later, HERE).accepted
    assert not attestations.read(layout.deploy / "attestations", signers, later, HERE).accepted


def test_four_keys_for_their_owners_alone(tmp_path):
    layout = written(tmp_path, monitored=True)
    assert {stat.S_IMODE(key_file(layout, role).stat().st_mode) for role in ROLES} == {0o600}
    assert policy.load(layout.deploy / "signoff" / "policy.json").policy.allow_undecided
