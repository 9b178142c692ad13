"""Results as rows of tables, the same in every report."""

from collections.abc import Iterable

from readiness_kit.contents import SECTIONS
from readiness_kit.reports.look import MARKS, VERDICTS, Mark, mark
from readiness_kit.reports.tables import Table
from readiness_kit.results import ClaimResult, ItemResult, Results
from readiness_kit.verdict import Status


def claim_mark(claim: ClaimResult) -> Mark:
    """Return the mark of one claim."""
    return mark(claim.status, waived=claim.waived)


def item_mark(item: ItemResult) -> Mark:
    """Return the mark of one item."""
    return mark(item.status, waived=item.waived)


def got(claim: ClaimResult) -> tuple[str, ...]:
    """Return what was seen, with the cause where nothing was, and the waiver where there is one."""
    lines = [claim.got] if claim.got else []
    if claim.cause is not None:
        lines.append(f"cause: {claim.cause.value}")
    if claim.waived:
        lines.append(f"waived: {claim.waiver}")
    return tuple(lines)


def wanted(claim: ClaimResult) -> str:
    """Return what was wanted; the threshold, or the claim itself, where the judge did not say."""
    return claim.want or claim.threshold or claim.title


def claims_table(item: ItemResult) -> Table:
    """Return the claims of *item*, each with its verdict."""
    return Table(
        "What is asserted, and what was seen",
        ("claim", "verdict", "got", "want"),
        tuple(
            ((claim.title, claim.id), claim_mark(claim), got(claim), wanted(claim))
            for claim in item.claims
        ),
    )


def sections_table(results: Results) -> Table:
    """Return how many claims of each section stand how."""
    statuses = tuple(Status)
    rows = []
    for section, title in SECTIONS.items():
        due = [
            claim
            for item in results.items
            if item.section == section
            for claim in item.claims
            if claim.due
        ]
        counts = (sum(one.status is status for one in due) for status in statuses)
        rows.append((title, *(str(n) if n else "·" for n in counts)))
    total = (str(results.counts.get(status.value, 0)) for status in statuses)
    return Table(
        "Claims by section and status",
        ("section", *(MARKS[status].text for status in statuses)),
        (*rows, ("all", *total)),
    )


def items_table(items: Iterable[ItemResult]) -> Table:
    """Return one row per item."""
    found = tuple(items)
    return Table(
        f"{len(found)} items",
        ("item", "verdict", "checklist line"),
        tuple(((item.title, item.id), item_mark(item), str(item.line)) for item in found),
    )


def red_table(results: Results) -> Table:
    """Return what stands in the way of GO."""
    red = (Status.FAIL, Status.UNKNOWN)
    found = [c for c in results.claims() if c.due and c.status in red and not c.waived]
    found.sort(key=lambda claim: claim.status.rank)
    return claim_list(f"{len(found)} claims stand in the way of GO", found)


def waived_table(results: Results) -> Table:
    """Return the claims that are waived: red, and accepted until a date."""
    found = [claim for claim in results.claims() if claim.due and claim.waived]
    return claim_list(f"{len(found)} red claims are waived, and shown before the passes", found)


def claim_list(caption: str, found: Iterable[ClaimResult]) -> Table:
    """Return one row per claim."""
    return Table(
        caption,
        ("claim", "verdict", "got", "want", "owner"),
        tuple(
            (
                (one.title, one.id),
                claim_mark(one),
                got(one),
                wanted(one),
                one.owner.replace("_", " "),
            )
            for one in found
        ),
    )


def identity_table(results: Results) -> Table:
    """Return by what the deployment was known, and the run before this one."""
    found = [(part.replace("_", " "), text) for part, text in results.identity.items()]
    if results.previous is not None:
        one = results.previous
        found.append(
            ("previous run", f"{one.run_id}: {one.verdict.value}, manifest {one.manifest_sha256}")
        )
    return Table("What was assessed", ("part", "seen"), tuple(found))


def reused_table(results: Results) -> Table:
    """Return the facts that were not gathered in this run, oldest first."""
    found = sorted(results.reused, key=lambda one: one.observed_at)
    return Table(
        f"{len(found)} facts were taken over from earlier runs",
        ("fact", "gathered in", "days old"),
        tuple((one.fact, one.run_id, f"{one.age_days:g}") for one in found),
    )


def verdict_mark(results: Results) -> Mark:
    """Return the mark of the whole run; an incomplete one says so."""
    one = VERDICTS[results.verdict]
    return one if results.complete else one._replace(word=f"{one.word}, INCOMPLETE")


def verdict_line(results: Results) -> str:
    """Return the verdict in one sentence."""
    counts = results.counts
    parts = [f"{counts.get(status.value, 0)} {MARKS[status].word}" for status in Status]
    return f"{verdict_mark(results).word}: {', '.join(parts)}; {counts.get('waived', 0)} waived"
