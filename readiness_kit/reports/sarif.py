"""SARIF 2.1.0 (OASIS): red claims where code scanning shows them."""

import json

from readiness_kit.reports import rows
from readiness_kit.reports.text import plain
from readiness_kit.results import ClaimResult, Results
from readiness_kit.verdict import Status

LEVELS = {Status.FAIL: "error", Status.UNKNOWN: "warning", Status.WARN: "note"}

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif(results: Results) -> str:
    """Return the red and the weak claims of *results* as SARIF."""
    found = [one for one in results.claims() if one.due and one.status in LEVELS]
    driver = {
        "name": "readiness-kit",
        "version": results.kit_version,
        "rules": [{"id": one.id, "shortDescription": {"text": one.title}} for one in found],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(results)],
        "automationDetails": {"id": f"readiness/{results.run_id}"},
        "results": [_result(one, index) for index, one in enumerate(found)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _invocation(results: Results) -> dict[str, object]:
    """Say whether the run is complete, and why not."""
    why = [{"message": {"text": plain(one)}} for one in results.incomplete_reasons]
    return {"executionSuccessful": results.complete, "toolExecutionNotifications": why}


def _result(claim: ClaimResult, rule: int) -> dict[str, object]:
    said = plain(f"{claim.title}. Got: {'; '.join(rows.got(claim))}. Want: {rows.wanted(claim)}")
    made: dict[str, object] = {
        "ruleId": claim.id,
        "ruleIndex": rule,
        "level": LEVELS[claim.status],
        "message": {"text": said},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "readiness.yaml"}}}],
        "partialFingerprints": {"claim/v1": claim.id},
    }
    if claim.waived:
        made["suppressions"] = [{"kind": "external", "justification": plain(claim.waiver)}]
    return made
