"""JUnit XML for CI servers: a failure fails, an error was not seen, a skip did not count.

An incomplete run is an error of its own: it may not be all green.
"""

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from readiness_kit.contents import SECTIONS
from readiness_kit.reports import rows
from readiness_kit.reports.text import xml_text
from readiness_kit.results import ClaimResult, Results
from readiness_kit.verdict import Status

LONG = 2000


def junit(results: Results) -> str:
    """Return *results* as JUnit XML: a suite per section, a case per claim."""
    suites = _whole(results) + "".join(_suite(results, section) for section in SECTIONS)
    name = quoteattr(f"readiness {results.target.name}")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name={name}>\n{suites}</testsuites>\n'
    )


def _suite(results: Results, section: str) -> str:
    found = [one for one in results.claims() if one.id.startswith(f"{section}.")]
    failures = sum(one.status is Status.FAIL and not one.waived for one in found)
    errors = sum(_unseen(one) for one in found)
    skipped = sum(bool(_skip(one)) for one in found)
    head = f'tests="{len(found)}" failures="{failures}" errors="{errors}" skipped="{skipped}"'
    at = f'timestamp="{results.started_at:%Y-%m-%dT%H:%M:%S}"'
    cases = "".join(_case(one) for one in found)
    return f'<testsuite name="{section}" {head} {at}>\n{cases}</testsuite>\n'


def _whole(results: Results) -> str:
    """Return a suite that fails an incomplete run, nothing for a complete one."""
    if results.complete:
        return ""
    said = xml_text("; ".join(results.incomplete_reasons) or "cut short", LONG)
    error = f'<error type="INCOMPLETE" message={quoteattr(said)}/>'
    at = f'timestamp="{results.started_at:%Y-%m-%dT%H:%M:%S}"'
    head = 'tests="1" failures="0" errors="1" skipped="0"'
    case = f'<testcase classname="run" name="complete">{error}</testcase>\n'
    return f'<testsuite name="run" {head} {at}>\n{case}</testsuite>\n'


def _case(claim: ClaimResult) -> str:
    item, _, name = claim.id.rpartition(".")
    inside = "".join(_inside(claim))
    return f'<testcase classname="{item}" name="{name}">{inside}</testcase>\n'


def _inside(claim: ClaimResult) -> Iterator[str]:
    said = "; ".join(rows.got(claim))
    message = quoteattr(xml_text(said))
    text = escape(xml_text(f"{claim.title}\ngot: {said}\nwant: {rows.wanted(claim)}", LONG))
    if _skip(claim):
        yield f"<skipped message={quoteattr(xml_text(_skip(claim)))}/>"
    elif claim.status is Status.FAIL:
        yield f'<failure type="FAIL" message={message}>{text}</failure>'
    elif _unseen(claim):
        yield f'<error type="UNKNOWN" message={message}>{text}</error>'
    if claim.advice:
        yield f"<system-out>{escape(xml_text('; '.join(claim.advice), LONG))}</system-out>"


def _unseen(claim: ClaimResult) -> bool:
    return claim.due and claim.status is Status.UNKNOWN and not claim.waived


def _skip(claim: ClaimResult) -> str:
    """Return why *claim* does not count as good or bad; empty when it does."""
    if not claim.due:
        return "not due before launch"
    if claim.waived:
        return f"{claim.status.value}, waived: {claim.waiver}"
    return "not applicable" if claim.status is Status.NOT_APPLICABLE else ""
