"""Load records: somebody signs that a load test of this target was played, and what came of it.

``<finished>-<profile>.json`` in canonical form, ``….json.sig`` beside it, signed in the namespace
``engineering-lead@load-records.readiness-kit``: the role that owns the claim that a load test is on
record. What was measured lies in ``reports/`` under the same name, held by its digest.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readiness_kit.errors import UsageError
from readiness_kit.evidence import atomic
from readiness_kit.facts.load import LoadRun
from readiness_kit.load_verdict.parts import steady
from readiness_kit.records import deeds, signed, sshsig
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.records.waivers import Words
from readiness_kit.target import Target

NAMESPACE = signed.namespace("engineering_lead", "load-records")

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
LoadVerdict = Literal["held", "not_held", "unknown"]


class LoadRecord(signed.Record, frozen=True, kw_only=True):
    """One load test of one release."""

    schema: Literal["readiness-kit/load-record/1"] = "readiness-kit/load-record/1"

    target: Words
    """Name of the target."""

    environment: Words
    """Where it runs."""

    commit: Words
    """Commit of the release that was deployed."""

    profile: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    """The profile that was played."""

    steady_s: Annotated[float, Meta(ge=0)]
    """Longest time at one rate, seconds."""

    rate_rps: Annotated[float, Meta(ge=0)]
    """That rate, requests per second."""

    valid: bool
    """Whether it says something about the target: false where the generator was the bottleneck."""

    verdict: LoadVerdict
    """Whether the objectives held."""

    finished_at: datetime
    """When it ended."""

    report_sha256: Sha256
    """Digest of what ``readiness load --json`` printed."""

    person: Words
    """Mailbox of the person who signs it."""

    @property
    def name(self) -> str:
        """File name of the record."""
        return f"{self.finished_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{self.profile}.json"

    @classmethod
    def namespace(cls) -> str:
        """Return the namespace it must be signed in."""
        return NAMESPACE

    def fault(self, target: str, now: datetime) -> str:
        """Return why it counts for nothing at *now*, or nothing. Pure."""
        if self.finished_at.tzinfo is None:
            return "its time has no zone"
        return signed.first(
            (
                (self.target != target, f"it is about {self.target}, not {target}"),
                (self.finished_at > now + signed.FUTURE, "it ended in the future"),
            )
        )


def record_of(
    run: LoadRun, target: Target, *, verdict: LoadVerdict, report: bytes, person: str
) -> LoadRecord:
    """Return the record of *run*, whose *report* is kept beside it.

    Raises:
        UsageError: The target does not say which commit is deployed.

    """
    steady_s, rate_rps = steady(run)
    return LoadRecord(
        target=target.name,
        environment=target.environment,
        commit=commit_of(target),
        profile=run.profile,
        steady_s=steady_s,
        rate_rps=rate_rps,
        valid=run.valid,
        verdict=verdict,
        finished_at=run.observed_at,
        report_sha256=hashlib.sha256(report).hexdigest(),
        person=person,
    )


def commit_of(target: Target) -> str:
    """Return the commit that is deployed.

    Raises:
        UsageError: The target does not say it.

    """
    if target.release is None or not target.release.commit:
        raise UsageError(
            "readiness.yaml does not say which commit is deployed",
            hint="add release: {version: …, commit: …}",
        )
    return target.release.commit


def demand_may_sign(person: str, key: Path, signers: AllowedSigners, now: datetime) -> None:
    """Demand that *person* may sign load records with *key*, by signing nothing.

    Raises:
        IntegrityError: *signers* do not name this person with this key for load records.
        UsageError: The key cannot be used.

    """
    made = sshsig.sign(b"", key, NAMESPACE)
    signers.authorise(b"", made.armored, principal=person, namespace=NAMESPACE, at=now)


def write(
    folder: Path, record: LoadRecord, report: bytes, key: Path, signers: AllowedSigners
) -> Path:
    """Sign *record* with its person's *key* and write it with signature and report to *folder*.

    Raises:
        IntegrityError: *signers* do not name this person with this key for load records.
        UsageError: The key cannot be used.

    """
    now = datetime.now(UTC)
    demand_may_sign(record.person, key, signers, now)
    (folder / "reports").mkdir(parents=True, exist_ok=True)
    atomic.write(folder / "reports" / record.name, report)
    return deeds.write(folder, record, key, signers, now)
