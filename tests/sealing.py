"""Sealed runs and people to sign them, for tests."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from readiness_kit.assessment import Assessment
from readiness_kit.checks import all_checks
from readiness_kit.contents import ITEMS, ROLES, Claim, Item
from readiness_kit.evidence import canonical, manifest
from readiness_kit.evidence.folder import Run
from readiness_kit.facts import Fact
from readiness_kit.records import keys, signers
from readiness_kit.records.signers import AllowedSigners, Signer
from readiness_kit.results import SCHEMA, ClaimResult, ItemResult, Results, TargetSummary
from readiness_kit.signoff import policy, sign, verify
from readiness_kit.signoff.statement import namespace_of
from readiness_kit.verdict import Cause, Grade, Status, Verdict

ENDED = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
SEEN = (
    "security.tls",
    "security.rate_limiting",
    "database.parameters",
    "infrastructure.certificates",
)
"""Checks whose good facts can stand together in one run."""
SIGNED = ENDED + timedelta(hours=1)
TARGET = canonical.dumps(
    {
        "name": "shop",
        "environment": "staging",
        "phase": "pre_launch",
        "release": {"version": "1", "commit": ""},
    }
)
"""The target of runs that nobody judged."""
DIGEST = hashlib.sha256(TARGET).hexdigest()


def results(changes: dict[str, dict[str, object]] | None = None, **more: object) -> Results:
    """Everything passes, but for *changes* by claim id."""
    found = Results(
        schema=SCHEMA,
        run_id="20261120T110000Z-shop-abc123",
        kit_version="0",
        target=TargetSummary(name="shop", environment="staging", release="1", digest=DIGEST),
        started_at=ENDED - timedelta(minutes=10),
        finished_at=ENDED,
        complete=True,
        incomplete_reasons=(),
        verdict=Verdict.GO,
        counts={},
        cost={"seconds": 1.5},
        rejected_records=(),
        items=tuple(_item(item, changes or {}) for item in ITEMS),
    )
    return msgspec.structs.replace(found, **more)


def _item(item: Item, changes: dict[str, dict[str, object]]) -> ItemResult:
    return ItemResult(
        id=item.id,
        title=item.title,
        line=item.line,
        section=item.section,
        status=Status.PASS,
        waived=False,
        remedy="",
        references=(),
        claims=tuple(
            msgspec.structs.replace(_claim(claim), **changes.get(claim.id, {}))
            for claim in item.claims
        ),
    )


def _claim(claim: Claim) -> ClaimResult:
    due = claim.phase == "pre_launch"
    return ClaimResult(
        id=claim.id,
        title=claim.title,
        status=Status.PASS if due else Status.UNKNOWN,
        waived=False,
        waiver="",
        effect=claim.effect,
        grade=Grade.MEASURED,
        min_grade=Grade(claim.min_grade),
        severity=claim.severity,
        owner=claim.owner,
        phase=claim.phase,
        got="",
        want="",
        cause=None if due else Cause.NOT_DUE,
        advice=(),
        evidence=(),
        reproduce="",
        threshold="",
        check_version="1",
    )


def seal(folder: Path, found: Results) -> Path:
    """Write a run folder that holds *found*, and its manifest; its facts were never judged."""
    asked = Run(
        schema="readiness-kit/run/1",
        run_id=found.run_id,
        kit_version=found.kit_version,
        catalogue_sha256="0" * 64,
        judges_sha256="0" * 64,
        target_name=found.target.name,
        environment=found.target.environment,
        release=found.target.release,
        phase="pre_launch",
        target_sha256=found.target.digest,
        allow=(),
        selected=(),
        started_at=found.started_at,
        previous=found.previous,
    )
    (folder / "facts").mkdir(parents=True, exist_ok=True)
    (folder / "facts" / "tls_offer.json").write_bytes(b"{}")
    (folder / "target.redacted.json").write_bytes(TARGET)
    (folder / "run.json").write_bytes(canonical.dumps(asked))
    (folder / "results.json").write_bytes(canonical.dumps(found))
    manifest.write(folder)
    return folder


def lately(fact: Fact) -> Fact:
    """Return *fact* as if it had been seen now, every time in it moved alike."""
    shift = datetime.now(UTC) - fact.observed_at
    if shift < timedelta(minutes=1):
        return fact

    def moved(value: object) -> object:
        if isinstance(value, datetime):
            return value + shift
        if isinstance(value, dict):
            return {key: moved(one) for key, one in value.items()}
        return [moved(one) for one in value] if isinstance(value, (list, tuple)) else value

    plain = msgspec.to_builtins(fact, builtin_types=(datetime,))
    return msgspec.convert(moved(plain), type(fact))


def judged_run(place: Path, *, more: int = 0, more_bytes: int = 0) -> Path:
    """Make a sealed run in *place* whose results follow from its facts; UNDECIDED.

    It holds the good facts of the checks of :data:`SEEN`, and *more* files besides.
    """
    file = place / "readiness.yaml"
    file.write_text("schema: 1\nname: shop\nenvironment: staging\n")
    assessment = Assessment.open(file, place / "run")
    checks = [check for item, check in all_checks().items() if item in SEEN]
    good = [fact for check in checks for fact in check.good if isinstance(fact, Fact)]
    for fact in {type(fact): lately(fact) for fact in good}.values():
        assessment.folder.write_fact(fact.fact_id(), fact, seconds=0.1, cost={"http_requests": 1})
    block = bytes(range(256)) * (more_bytes // 256 + 1)
    (place / "run" / "load").mkdir()
    for number in range(more):
        data = block[number % 256 :][:more_bytes]
        (place / "run" / "load" / f"series_{number}.bin").write_bytes(data)
    assessment.seal(assessment.results())
    return place / "run"


@dataclass(frozen=True)
class People:
    """One person and key per role."""

    folder: Path

    def principal(self, role: str) -> str:
        return f"{role.replace('_', '-')}@example.invalid"

    def key(self, role: str) -> Path:
        return self.folder / role

    @property
    def allowed(self) -> Path:
        return self.folder / "allowed_signers"

    @property
    def signers(self) -> AllowedSigners:
        return AllowedSigners.read(self.allowed)

    def sign(self, run: Path, role: str, **more: object) -> sign.SignedOff:
        given: dict[str, object] = {
            "role": role,
            "principal": self.principal(role),
            "key": self.key(role),
            "policy": policy.load(None),
            "now": SIGNED,
            "unjudged": True,
        }
        return sign.sign(run, **{**given, **more})  # type: ignore[arg-type]

    def verify(
        self, run: Path, at: datetime = SIGNED, by: policy.Pinned | None = None
    ) -> verify.Verification:
        return verify.verify(run, self.signers, by or policy.load(None), at)


def people(folder: Path) -> People:
    """Mint a key for each role, and say who may sign what."""
    blobs = {role: keys.mint(folder / role) for role in ROLES}
    found = People(folder)
    lines = [
        Signer(
            principals=(found.principal(role),),
            namespaces=(
                namespace_of(role),
                namespace_of(role).replace("signoff", "waivers"),
                namespace_of(role).replace("signoff", "attestations"),
            ),
            key=blob,
        )
        for role, blob in blobs.items()
    ]
    signers.write(found.allowed, lines)
    return found


def people_with(folder: Path, principal: str, namespace: str) -> People:
    """People of whom one, *principal*, may sign in *namespace* as well."""
    found = people(folder)
    lines = [
        replace(one, namespaces=(*one.namespaces, *[namespace] * (principal in one.principals)))
        for one in found.signers.signers
    ]
    signers.write(found.allowed, lines)
    return found
