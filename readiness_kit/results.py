"""Results: what ``results.json`` holds, schema ``readiness-kit/results/1``.

All eighty items are always present; everything here is computed from stored facts.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from readiness_kit.verdict import Cause, Grade, Status, Verdict

SCHEMA: Literal["readiness-kit/results/1"] = "readiness-kit/results/1"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the parts of ``results.json``."""


class Evidence(Part, frozen=True):
    """Where a finding was seen."""

    fact: str
    """Id of the fact: ``facts/<id>.json`` in the run folder."""

    sha256: str
    """Digest of that file."""

    pointer: str
    """JSON pointer into the fact (RFC 6901)."""

    reused_from: str = ""
    """Id of the run in which the fact was gathered; empty means this one."""


class Link(Part, frozen=True):
    """Another sealed run, by the digest that signatures name."""

    run_id: str
    manifest_sha256: str
    """Digest of its ``SHA256SUMS``."""
    verdict: Verdict


class Reused(Part, frozen=True):
    """A fact that was taken over from an earlier run instead of being gathered."""

    fact: str
    run_id: str
    """The run in which it was gathered."""
    observed_at: datetime
    age_days: float
    """Its age when this run began."""


class Difference(Part, frozen=True):
    """One trait in which two deployments are not alike."""

    trait: str
    lender: str
    """What it is where the facts were gathered."""
    here: str
    """What it is in the deployment under review."""


class Borrowed(Part, frozen=True):
    """A signed staging run of the same release that lent facts to this one."""

    run: Link
    environment: str
    facts: tuple[str, ...]
    """Ids of the facts that were borrowed."""
    differences: tuple[Difference, ...]
    """How the two deployments differ where a measurement may depend on it."""


class ClaimResult(Part, frozen=True):
    """One claim, settled."""

    id: str
    title: str
    status: Status
    waived: bool
    waiver: str
    """Reason, ticket and end date of the waiver; empty without one."""
    effect: str
    grade: Grade | None
    min_grade: Grade
    severity: str
    owner: str
    phase: str
    got: str
    want: str
    cause: Cause | None
    advice: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    reproduce: str
    threshold: str
    check_version: str

    @property
    def due(self) -> bool:
        """Whether the claim counts in this phase."""
        return self.cause is not Cause.NOT_DUE

    @property
    def words(self) -> str:
        """How it stands, for people: status, the cause of an UNKNOWN, and whether it is waived."""
        cause = f" {self.cause.value}" if self.cause is not None else ""
        return f"{self.status.value}{cause}{' (waived)' if self.waived else ''}"


class ItemResult(Part, frozen=True):
    """One item: the worst of its claims that are due."""

    id: str
    title: str
    line: int
    section: str
    status: Status
    waived: bool
    """Every red claim of the item is waived, and there is one."""
    remedy: str
    references: tuple[str, ...]
    claims: tuple[ClaimResult, ...]


class TargetSummary(Part, frozen=True):
    """Which deployment was assessed."""

    name: str
    environment: str
    release: str
    digest: str
    """SHA-256 of ``target.redacted.json``."""

    @property
    def words(self) -> str:
        """Name, environment and release on one line."""
        return f"{self.name} ({self.environment}), release {self.release or 'not declared'}"


class Results(Part, frozen=True):
    """One run's results."""

    schema: Literal["readiness-kit/results/1"]
    run_id: str
    kit_version: str
    target: TargetSummary
    started_at: datetime
    finished_at: datetime
    complete: bool
    """False when a notebook crashed or the run was cut short: it cannot be signed."""
    incomplete_reasons: tuple[str, ...]
    verdict: Verdict
    counts: dict[str, int]
    """Claims that are due, by status; waived ones under ``waived`` as well."""
    cost: dict[str, float]
    """What the run asked of the target: http_requests, sql_statements, bytes, seconds, …"""
    rejected_records: tuple[str, ...]
    """Waivers and attestations that were refused, each with its reason."""
    items: tuple[ItemResult, ...]
    needless_waivers: tuple[str, ...] = ()
    """Claims that are waived although they are not red: the waiver can go."""
    identity: dict[str, str] = {}
    """What was deployed, as it showed itself: keys, system identifier, digests."""
    previous: Link | None = None
    """The sealed run of this target before this one, where one lay beside it."""
    reused: tuple[Reused, ...] = ()
    """Facts that were not gathered in this run."""
    borrowed: tuple[Borrowed, ...] = ()
    """Runs on staging that lent facts to this one."""

    @property
    def evidence_since(self) -> datetime:
        """When the oldest evidence was seen: the run's beginning, unless older facts were reused.

        Never its end, which only the run itself tells.
        """
        return min((self.started_at, *(one.observed_at for one in self.reused)))

    def claims(self) -> Iterator[ClaimResult]:
        """Yield every claim in the order of the checklist."""
        for item in self.items:
            yield from item.claims

    def item(self, item_id: str) -> ItemResult:
        """Return one item by id."""
        return next(item for item in self.items if item.id == item_id)


def decode(data: bytes) -> Results:
    """Return the results in *data*.

    Raises:
        msgspec.ValidationError: Not a ``results.json`` of this schema.

    """
    return msgspec.json.decode(data, type=Results)


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of ``results.json``."""
    return msgspec.json.schema(Results)
