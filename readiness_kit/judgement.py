"""Judges a run from its stored facts: the same computation live, in replay and in ``verify``.

Reads the run folder and nothing else: no clock, no network, no target.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from readiness_kit import __version__, traits
from readiness_kit.checks import all_checks
from readiness_kit.contents import ITEMS, Claim, Item, Phase
from readiness_kit.contents import item as item_called
from readiness_kit.errors import NotSeen, ReadinessError, RunFolderError
from readiness_kit.evidence import borrowed, canonical, chain
from readiness_kit.evidence.folder import RunFolder, StoredFact, catalogue_digest, judges_digest
from readiness_kit.facts import Fact
from readiness_kit.facts.callers.identity import Identity
from readiness_kit.records.kept import Kept, kept_records
from readiness_kit.records.signed import FUTURE
from readiness_kit.results import (
    SCHEMA,
    Borrowed,
    ClaimResult,
    Evidence,
    ItemResult,
    Results,
    Reused,
    TargetSummary,
)
from readiness_kit.target import NotApplicable, Objectives
from readiness_kit.verdict import (
    Cause,
    Check,
    Finding,
    Grade,
    Judge,
    Outcome,
    Settled,
    Status,
    not_seen,
    settle,
    verdict,
    worst,
)

FactT = TypeVar("FactT", bound=Fact)

RED = (Status.FAIL, Status.UNKNOWN)


class _Declared(msgspec.Struct, frozen=True):
    """The part of the stored target that judges may see."""

    objectives: Objectives
    not_applicable: tuple[NotApplicable, ...]


@dataclass(frozen=True)
class Bench:
    """Everything a run's judgement rests on, read from its folder once."""

    folder: RunFolder
    phase: Phase
    objectives: Objectives
    declared: tuple[NotApplicable, ...]
    kept: Kept
    until: datetime | None = None
    """When the run ended; ``None`` while it is under way."""

    @classmethod
    def of(cls, folder: RunFolder, until: datetime | None = None) -> "Bench":
        """Read what *folder* holds beside its facts.

        Raises:
            RunFolderError: ``target.redacted.json`` is missing or damaged.

        """
        try:
            data = (folder.path / "target.redacted.json").read_bytes()
            stored = canonical.decode(data, _Declared)
        except (OSError, canonical.BadJson) as error:
            raise RunFolderError(
                f"{folder.path}: target.redacted.json is damaged: {error}"
            ) from error
        phase: Phase = "post_launch" if folder.run.phase == "post_launch" else "pre_launch"
        kept = kept_records(folder)
        return cls(folder, phase, stored.objectives, stored.not_applicable, kept, until)

    def item(self, item: Item) -> ItemResult:
        """Judge one item."""
        check = all_checks().get(item.id)
        findings = self._findings(item, check)
        claims = tuple(self._claim(one, findings[one.name], check) for one in item.claims)
        due = [one for one in claims if one.due]
        red = [one for one in due if one.status in RED]
        return ItemResult(
            id=item.id,
            title=item.title,
            line=item.line,
            section=item.section,
            status=worst(one.status for one in due) if due else worst(()),
            waived=bool(red) and all(one.waived for one in red),
            remedy=check.remedy if check else "",
            references=check.references if check else (),
            claims=claims,
        )

    def _findings(self, item: Item, check: Check | None) -> dict[str, Finding]:
        """Return a finding for every claim of *item*."""
        found = {
            one.name: not_seen(
                one.name, Cause.NOT_IMPLEMENTED, got="this version of the kit does not judge it yet"
            )
            for one in item.claims
        }
        if self.folder.run.selected and item.id not in self.folder.run.selected:
            return {
                name: not_seen(name, Cause.NOT_SELECTED, got="left out of this run")
                for name in found
            }
        for judge in check.judges if check else ():
            found |= {one.claim: one for one in self._judge(judge)}
        return found

    def _judge(self, judge: Judge) -> tuple[Finding, ...]:
        """Call one judge, or say for each of its claims why it could not be called."""
        arguments: list[Fact | Objectives | None] = []
        for need in judge.needs:
            try:
                arguments.append(self._argument(need.kind))
            except NotSeen as error:
                if need.optional:
                    arguments.append(None)
                    continue
                return tuple(_unseen(name, error) for name in judge.claims)
        try:
            return judge(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever a check does is a value
            got = f"the check crashed: {type(error).__name__}: {error}"
            return tuple(not_seen(name, Cause.CRASHED, got=got) for name in judge.claims)

    def _argument(self, kind: type[Fact | Objectives]) -> Fact | Objectives:
        if issubclass(kind, Fact):
            return self._fact(kind)
        return self.objectives

    def _fact(self, kind: type[FactT]) -> FactT:
        """Return the fact of *kind*, which was seen in this run, or taken over while it was fresh.

        Whoever puts a fact of another day into a run, by hand or by a clock that jumped, proves
        nothing by it.
        """
        fact = self.folder.read_fact(kind)
        seen, begun = fact.observed_at, self.folder.run.started_at
        if seen.tzinfo is None or begun.tzinfo is None:
            raise NotSeen(f"the time of {kind.fact_id()} has no zone", cause="crashed")
        if self.until is not None and seen > self.until + FUTURE:
            raise NotSeen(f"{kind.fact_id()} is dated after the run", cause="crashed")
        if begun - seen > FUTURE:
            found = self.folder.read_stored(kind.fact_id())
            taken_over = found is not None and found[0].origin is not None
            if not taken_over or begun - seen > timedelta(days=half_lives().get(kind, 0)):
                raise NotSeen(f"seen at {seen:%Y-%m-%d %H:%MZ}, before this run", cause="stale")
        return fact

    def _claim(self, claim: Claim, finding: Finding, check: Check | None) -> ClaimResult:
        settled = self._settle(claim, finding)
        waiver = self.kept.waivers.get(claim.id, "")
        waived = bool(waiver) and settled.status in RED
        declared = self._declaration(claim)
        inapplicable = settled.status is Status.NOT_APPLICABLE and declared is not None
        got = f"declared by {declared.by}: {declared.reason}" if inapplicable and declared else ""
        seen = finding.outcome is not Outcome.NOT_SEEN
        return ClaimResult(
            id=claim.id,
            title=claim.title,
            status=settled.status,
            waived=waived,
            waiver=waiver if waived else "",
            effect=claim.effect,
            grade=finding.grade if seen else None,
            min_grade=Grade(claim.min_grade),
            severity=claim.severity,
            owner=claim.owner,
            phase=claim.phase,
            got=got or self.kept.attestations.get(claim.id, "") or finding.got,
            want=finding.want,
            cause=settled.cause,
            advice=finding.advice,
            evidence=tuple(self._evidence(finding)),
            reproduce=finding.reproduce,
            threshold=check.thresholds.get(claim.name, "") if check else "",
            check_version=check.version if check else "",
        )

    def _settle(self, claim: Claim, finding: Finding) -> Settled:
        """Settle, then let a declaration speak: it never overrides what was seen to fail."""
        settled = settle(
            finding, claim, phase=self.phase, attested=claim.id in self.kept.attestations
        )
        if settled.status is Status.FAIL or self._declaration(claim) is None:
            return settled
        return Settled(Status.NOT_APPLICABLE)

    def _declaration(self, claim: Claim) -> NotApplicable | None:
        return next((one for one in self.declared if one.item in (claim.id, claim.item)), None)

    def _evidence(self, finding: Finding) -> list[Evidence]:
        found = ((one, self.folder.read_stored(one.fact)) for one in finding.seen)
        return [
            Evidence(
                fact=pointer.fact,
                sha256=stored[1],
                pointer=pointer.path,
                reused_from=stored[0].origin.run_id if stored[0].origin else "",
            )
            for pointer, stored in found
            if stored is not None
        ]


def judge_item(item: Item, folder: RunFolder) -> ItemResult:
    """Judge one item of the run in *folder*."""
    return Bench.of(folder).item(item)


def judge_run(
    folder: RunFolder,
    *,
    finished_at: datetime,
    complete: bool = True,
    incomplete_reasons: tuple[str, ...] = (),
) -> Results:
    """Judge the whole run in *folder*: all eighty items, whatever was selected."""
    bench = Bench.of(folder, finished_at)
    items = tuple(bench.item(item) for item in ITEMS)
    due = [claim for item in items for claim in item.claims if claim.due]
    run = folder.run
    return Results(
        schema=SCHEMA,
        run_id=run.run_id,
        kit_version=run.kit_version,
        target=TargetSummary(
            name=run.target_name,
            environment=run.environment,
            release=run.release,
            digest=run.target_sha256,
        ),
        started_at=run.started_at,
        finished_at=finished_at,
        complete=complete,
        incomplete_reasons=incomplete_reasons,
        verdict=verdict((one.status, one.waived) for one in due),
        counts=_counts(due),
        cost=_cost(folder),
        rejected_records=bench.kept.rejected,
        needless_waivers=tuple(
            claim.id
            for item in items
            for claim in item.claims
            if claim.id in bench.kept.waivers and not claim.waived
        ),
        items=items,
        identity=_identity(folder),
        previous=run.previous,
        reused=tuple(_reused(folder)),
        borrowed=tuple(_borrowed(folder)),
    )


def other_judge(folder: Path) -> str:
    """Return why this kit cannot judge the run in *folder* as it was judged, or nothing.

    Another catalogue, version or state of the judging code may come to other results honestly.
    """
    try:
        run = RunFolder.join(folder).run
    except RunFolderError as error:
        return error.message
    if run.kit_version != __version__:
        return f"it was judged by version {run.kit_version}, this is {__version__}"
    if run.catalogue_sha256 != catalogue_digest():
        return "it was judged by another catalogue of claims"
    if run.judges_sha256 != judges_digest():
        return "it was judged by another state of the checks"
    return ""


def rejudged(folder: Path, results: Results) -> list[str]:
    """Judge the stored facts in *folder* anew; return how *results* differ from that.

    Only where :func:`other_judge` has nothing to say is a difference a sign of tampering.
    """
    try:
        anew = judge_run(
            RunFolder.join(folder),
            finished_at=results.finished_at,
            complete=results.complete,
            incomplete_reasons=results.incomplete_reasons,
        )
    except ReadinessError as error:
        return [f"the facts cannot be judged: {error.message}"]
    claims = {claim.id: claim for claim in anew.claims()}
    found = [
        f"{stored.id}: results.json says {stored.status.value}, the facts {now.status.value}"
        if now.status is not stored.status
        else f"{stored.id}: results.json does not say what the facts say"
        for stored in results.claims()
        if (now := claims.get(stored.id)) is not None and now != stored
    ]
    if not found and anew != results:
        found = [
            f"results.json: {name} is not what the facts amount to"
            for name in Results.__struct_fields__
            if getattr(anew, name) != getattr(results, name)
        ]
    return found


def _counts(due: list[ClaimResult]) -> dict[str, int]:
    counted = Counter(one.status.value for one in due)
    counts = {status.value: counted[status.value] for status in Status}
    return {**counts, "waived": sum(one.waived for one in due)}


def _cost(folder: RunFolder) -> dict[str, float]:
    total: Counter[str] = Counter()
    for stored in folder.facts().values():
        total.update({what: int(n) for what, n in stored.cost.items()})
    seconds = sum(stored.seconds for stored in folder.facts().values())
    return {**{what: float(n) for what, n in sorted(total.items())}, "seconds": round(seconds, 1)}


def half_lives() -> dict[type[Fact], int]:
    """Return for how many days each kind of fact counts: the least of the claims it settles."""
    found: dict[type[Fact], int] = {}
    for item_id, check in all_checks().items():
        days = {claim.name: claim.half_life_days for claim in item_called(item_id).claims}
        for judge in check.judges:
            least = min((days[name] for name in judge.claims), default=0)
            kinds = [need.kind for need in judge.needs if issubclass(need.kind, Fact)]
            found |= {kind: min(least, found.get(kind, least)) for kind in kinds}
    return found


def _reused(folder: RunFolder) -> Iterator[Reused]:
    for fact_id, stored in folder.facts().items():
        if stored.origin is not None:
            seen = _seen_at(fact_id, stored)
            age = folder.run.started_at - seen
            yield Reused(
                fact=fact_id,
                run_id=stored.origin.run_id,
                observed_at=seen,
                age_days=round(age.total_seconds() / 86400, 2),
            )


def _seen_at(fact_id: str, stored: StoredFact) -> datetime:
    """Return when what was taken over was seen."""
    try:
        seen = msgspec.convert((stored.value or {}).get("observed_at"), datetime)
    except msgspec.ValidationError as error:
        raise RunFolderError(f"facts/{fact_id}.json is damaged: {error}") from error
    if seen.tzinfo is None:
        raise RunFolderError(f"facts/{fact_id}.json is damaged: its time has no zone")
    return seen


def _borrowed(folder: RunFolder) -> Iterator[Borrowed]:
    """Yield every run on staging that a stored fact comes from."""
    origins = {fact_id: one.origin.run_id for fact_id, one in folder.facts().items() if one.origin}
    for lender in borrowed.copies(folder):
        facts = tuple(fact_id for fact_id, run_id in origins.items() if run_id == lender.run_id)
        if facts:
            yield Borrowed(
                run=chain.copied_link(lender.path),
                environment=lender.run.environment,
                facts=facts,
                differences=traits.differences(lender, folder),
            )


def _identity(folder: RunFolder) -> dict[str, str]:
    try:
        return folder.read_fact(Identity).parts
    except NotSeen:
        return {"release": folder.run.release} if folder.run.release else {}


def _unseen(name: str, error: NotSeen) -> Finding:
    known = {cause.value for cause in Cause}
    cause = Cause(error.cause) if error.cause in known else Cause.COULD_NOT_ASK
    return not_seen(name, cause, got=error.message, advice=(error.hint,) if error.hint else ())
