"""What the machine found, as an in-toto Statement with a Test Result v0.1.

It lies outside the manifest, which it is about, and is never believed: whoever verifies builds it
anew from the run. Readers that know nothing of us never learn a better verdict from it: the format
has no word for UNKNOWN, so what was not seen counts as failed there, waived or not.
"""

from pathlib import Path
from typing import Literal

import msgspec

from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import atomic, canonical, manifest
from readiness_kit.results import ClaimResult, Results
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.signoff.statement import STATEMENT, Part, Resource, subject
from readiness_kit.verdict import Status, Verdict

NAME = "test-result.json"
MAX_BYTES = 1024 * 1024
TEST_RESULT: Literal["https://in-toto.io/attestation/test-result/v0.1"] = (
    "https://in-toto.io/attestation/test-result/v0.1"
)

Outcome = Literal["PASSED", "WARNED", "FAILED"]


class Rest(Part, frozen=True):
    """Our extension: what the format has no words for."""

    run_id: str
    verdict: Verdict
    complete: bool
    unseen: tuple[str, ...]
    """Claims that are due and UNKNOWN; they are among the failed ones, too."""
    waived: tuple[str, ...]
    not_applicable: tuple[str, ...]


class Predicate(Part, frozen=True):
    """The Test Result."""

    result: Outcome
    configuration: tuple[Resource, ...]
    passed_tests: tuple[str, ...]
    warned_tests: tuple[str, ...]
    failed_tests: tuple[str, ...]
    readiness_kit: Rest


class Statement(Part, frozen=True, kw_only=True):
    """The statement."""

    kind: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(
        name="_type", default=STATEMENT
    )
    subject: tuple[Resource, ...]
    predicate_type: Literal["https://in-toto.io/attestation/test-result/v0.1"] = TEST_RESULT
    predicate: Predicate


def write(folder: Path) -> Path:
    """Write the statement about the sealed run in *folder* beside its signatures.

    Raises:
        IntegrityError: The run is not what its manifest says.

    """
    path = folder / manifest.SIGNOFF / NAME
    atomic.make_folder(path.parent)
    atomic.write(path, canonical.dumps(build(SealedRun.open(folder))))
    return path


def problem(run: SealedRun) -> str:
    """Return what is wrong with the statement beside *run*, or nothing; it may be absent."""
    path = run.folder / manifest.SIGNOFF / NAME
    if path.parent.is_symlink() or not path.exists():
        return ""
    try:
        same = atomic.read(path, max_bytes=MAX_BYTES) == canonical.dumps(build(run))
    except IntegrityError as error:
        return error.message
    return "" if same else f"{manifest.SIGNOFF}/{NAME} is not what the run says"


def build(run: SealedRun) -> Statement:
    """Return the only statement that there is about *run*."""
    results = run.results
    due = [claim for claim in results.claims() if claim.due]
    warned = _ids(due, Status.WARN, Status.ATTESTED)
    asked = ("run.json", "target.redacted.json")
    predicate = Predicate(
        result=_outcome(results, warned=bool(warned)),
        configuration=tuple(
            Resource(name=name, digest={"sha256": run.manifest.digests[name]})
            for name in asked
            if name in run.manifest.digests
        ),
        passed_tests=_ids(due, Status.PASS),
        warned_tests=warned,
        failed_tests=_ids(due, Status.FAIL, Status.UNKNOWN),
        readiness_kit=Rest(
            run_id=results.run_id,
            verdict=results.verdict,
            complete=results.complete,
            unseen=_ids(due, Status.UNKNOWN),
            waived=tuple(claim.id for claim in due if claim.waived),
            not_applicable=_ids(due, Status.NOT_APPLICABLE),
        ),
    )
    return Statement(subject=subject(run.manifest.sha256), predicate=predicate)


def _outcome(results: Results, *, warned: bool) -> Outcome:
    if results.verdict is not Verdict.GO or not results.complete:
        return "FAILED"
    waived = any(claim.waived for claim in results.claims())
    return "WARNED" if warned or waived else "PASSED"


def _ids(found: list[ClaimResult], *statuses: Status) -> tuple[str, ...]:
    return tuple(claim.id for claim in found if claim.status in statuses)
