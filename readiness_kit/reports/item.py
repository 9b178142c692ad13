"""One item as a reader needs it: verdict, claims, remedy, advice, evidence, how to reproduce it."""

from collections.abc import Iterator

from readiness_kit.reports import rows
from readiness_kit.reports.display import Html
from readiness_kit.reports.tables import badge
from readiness_kit.reports.text import escaped, plain, prose
from readiness_kit.results import ClaimResult, ItemResult
from readiness_kit.verdict import Status

LONG = 2000
"""Longest command or remedy that is shown."""

RED = (Status.FAIL, Status.UNKNOWN, Status.WARN)


def item_view(item: ItemResult) -> Html:
    """Return *item* for a notebook cell and for the HTML report."""
    return Html("".join(_html(item)), "\n".join(_text(item)))


def _html(item: ItemResult) -> Iterator[str]:
    table = rows.claims_table(item)
    yield f"<p>{badge(rows.item_mark(item))} <strong>{escaped(item.title)}</strong></p>"
    yield table.html()
    advice = "".join(_advice(item))
    if advice:
        yield f"<p><strong>Advice.</strong></p><ul>{advice}</ul>"
    if item.remedy and item.status in RED:
        yield f"<p><strong>Remedy.</strong> {prose(item.remedy, LONG)}</p>"
    proven = [claim for claim in item.claims if claim.reproduce or claim.evidence]
    if proven:
        inside = "".join(_proof(claim) for claim in proven)
        yield f"<details><summary>Evidence, and how to reproduce it</summary>{inside}</details>"
    if item.references:
        yield f"<p><small>References: {escaped('; '.join(item.references), LONG)}</small></p>"


def _advice(item: ItemResult) -> Iterator[str]:
    """Yield each piece of advice once, with the claims it is about."""
    about: dict[str, list[str]] = {}
    for claim in item.claims:
        if claim.status is not Status.NOT_APPLICABLE:
            for one in claim.advice:
                about.setdefault(one, []).append(claim.title)
    for one, titles in about.items():
        yield f"<li>{escaped('; '.join(titles), LONG)}: {prose(one, LONG)}</li>"


def _proof(claim: ClaimResult) -> str:
    seen = "; ".join(f"facts/{one.fact}.json#{one.pointer}" for one in claim.evidence)
    grade = f", {claim.grade.value}" if claim.grade else ""
    command = f"<pre>{escaped(claim.reproduce, LONG)}</pre>" if claim.reproduce else ""
    return f"<p><strong>{escaped(claim.title)}</strong>{grade}: {escaped(seen)}</p>{command}"


def _text(item: ItemResult) -> Iterator[str]:
    yield f"{rows.item_mark(item).text}  {plain(item.title)}"
    for claim in item.claims:
        yield f"  {rows.claim_mark(claim).text}  {plain(claim.title)} [{claim.id}]"
        yield f"      got: {plain('; '.join(rows.got(claim)))}"
        yield f"      want: {plain(rows.wanted(claim))}"
        yield from (f"      advice: {plain(one, LONG)}" for one in claim.advice)
        if claim.reproduce:
            yield f"      reproduce: {plain(claim.reproduce, LONG)}"
    if item.remedy and item.status in RED:
        yield f"  remedy: {plain(item.remedy, LONG)}"
