"""The four roles' keys, who may sign what, the policy, and the signed waivers and attestations.

Nothing of this is shipped, since all of it expires: it is minted when the sandbox starts.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from readiness_kit.contents import ROLES, Claim, claims
from readiness_kit.records import attestations, drill_records, keys, signed, signers, waivers
from readiness_kit.records.attestations import Attestation
from readiness_kit.records.drill_records import Action, DrillRecord
from readiness_kit.records.waivers import LONGEST_DAYS, Waiver
from readiness_kit.sandbox.layout import Layout
from readiness_kit.signoff import policy

NAME, ENVIRONMENT = "quill", "sandbox"
"""The target, as its description names it."""

PURPOSES = ("signoff", "waivers", "attestations", "load-records", "drill-records")

REASONS = {
    "unknown": "The sandbox has no such component: it is proven in the tests",
    "needs_full": "The demo leaves out drills and long load tests",
    "needs_prometheus": "Prometheus, Alertmanager and the node exporter are not installed here",
}
"""Why a claim that the catalogue expects to be UNKNOWN in the sandbox is waived."""

HOST_REASONS = {
    "infrastructure.storage.backup_separate": "The sandbox lies in one folder, hence on one disk",
}
"""Why a claim that follows the visitor's machine is waived: it fails on nearly every one."""

STATEMENTS = {
    "disaster_recovery.communication.status_page_separate": (
        "The status page stands for one that another provider hosts under another domain"
    ),
    "final_verification.team_training.trained": (
        "Nobody operates the sandbox but the person who started it and has its runbooks"
    ),
    "final_verification.customer_feedback.positive": (
        "The sandbox has no customers; the statement shows how one is recorded"
    ),
}
"""What is attested, for each claim that the catalogue marks so."""

SINCE_THE_DRILL = dt.timedelta(days=5)
"""How long ago the drill on record was held: in the week, and before the documents' review."""

POLICY = policy.Policy(allow_undecided=True)
"""A short demo cannot see everything, so the sandbox's own policy lets UNDECIDED be signed."""


def write_signatures(layout: Layout, *, monitored: bool, drilled: bool) -> None:
    """Mint the keys, and the records that the catalogue expects of a sandbox."""
    signoff = layout.deploy / "signoff"
    for folder in ("attestations", "waivers", "signoff"):
        (layout.deploy / folder).mkdir()
    policy.write(signoff / "policy.json", POLICY)
    signers.write(signoff / "allowed_signers", _mint_keys(layout))
    now = dt.datetime.now(dt.UTC)
    if drilled:
        _write_drill(layout, now - SINCE_THE_DRILL)
    for claim in claims().values():
        key = key_file(layout, claim.owner)
        if claim.sandbox == "attested":
            attestation = _attestation(claim, now)
            attestations.write(layout.deploy / "attestations", attestation, key)
        elif _reason(claim) and not (monitored and claim.sandbox == "needs_prometheus"):
            waivers.write(layout.deploy / "waivers", _waiver(claim, now), key)


def _write_drill(layout: Layout, held_at: dt.datetime) -> None:
    """Sign for a drill of some days ago, as the dumps are those of the nights before."""
    record = DrillRecord(
        target=NAME,
        environment=ENVIRONMENT,
        kind="restore",
        held_at=held_at.replace(microsecond=0),
        outcome="succeeded",
        lessons=(
            "The order of the steps was not clear to whoever had not written them",
            "This record shows what one looks like: nobody held the drill in a new sandbox",
        ),
        actions=(
            Action(
                what="Draw which way to go into recovery.md",
                owner=mailbox("operations_lead"),
                due=held_at.date() + dt.timedelta(days=14),
            ),
        ),
        person=mailbox("operations_lead"),
    )
    folder = layout.deploy / "drill-records"
    allowed = signers.AllowedSigners.read(layout.deploy / "signoff" / "allowed_signers")
    drill_records.write(folder, record, key_file(layout, "operations_lead"), allowed)


def mailbox(role: str) -> str:
    """Return who holds *role* in the sandbox."""
    return f"{role.replace('_', '-')}@sandbox.invalid"


def key_file(layout: Layout, role: str) -> Path:
    """Return the signing key of *role*."""
    return layout.keys / role


def _mint_keys(layout: Layout) -> Iterator[signers.Signer]:
    for role in ROLES:
        blob = keys.mint(key_file(layout, role), mailbox(role))
        yield signers.Signer(
            principals=(mailbox(role),),
            key=blob,
            namespaces=tuple(signed.namespace(role, purpose) for purpose in PURPOSES),
        )


def _reason(claim: Claim) -> str:
    """Return why *claim* is waived, nothing when it is not."""
    return REASONS.get(claim.sandbox) or HOST_REASONS.get(claim.id, "")


def _waiver(claim: Claim, now: dt.datetime) -> Waiver:
    requester = next(role for role in ROLES if role != claim.owner)
    return Waiver(
        target=NAME,
        environment=ENVIRONMENT,
        claim=claim.id,
        reason=_reason(claim),
        ticket="SANDBOX-1",
        requester=mailbox(requester),
        approver=mailbox(claim.owner),
        granted_at=now,
        until=now.date() + dt.timedelta(days=LONGEST_DAYS[claim.severity]),
    )


def _attestation(claim: Claim, now: dt.datetime) -> Attestation:
    return Attestation(
        target=NAME,
        environment=ENVIRONMENT,
        claim=claim.id,
        statement=STATEMENTS[claim.id],
        person=mailbox(claim.owner),
        stated_at=now,
        until=now.date() + dt.timedelta(days=claim.half_life_days),
    )
