"""The results of a run as they may be shown to anybody who did not make it."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import exhibits
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.judgement import judge_run, other_judge, rejudged
from readiness_kit.results import Results
from readiness_kit.signoff.sealed import MAX_BYTES, SealedRun

NAMED = 3
"""How many differences an error names."""

JUDGED = (
    "run.json",
    "target.redacted.json",
    "allowed_signers",
    "facts/",
    "waivers/",
    "attestations/",
    "borrowed/",
)
"""What a judgement reads."""

UNFINISHED = "the run is not sealed: it was cut short, or is still under way"


def standing(folder: RunFolder) -> Results:
    """Return what the run in *folder* amounts to.

    A sealed one: what was stored, if its manifest holds and the facts say the same where this kit
    can tell. One that is not: what its facts say so far, and that it is incomplete.

    Raises:
        IntegrityError: It was changed since it was sealed, or its results are not those of its
            facts.
        RunFolderError: It cannot be read.

    """
    if not folder.sealed:
        return judge_run(
            folder,
            finished_at=datetime.now(UTC),
            complete=False,
            incomplete_reasons=(UNFINISHED,),
        )
    run = SealedRun.open(folder.path, older=True)
    demand_judged(run)
    return run.results


def judged_again(run: SealedRun) -> tuple[str, list[str]]:
    """Return why *run* cannot be judged again here, or how its results differ from its facts.

    It is judged from a copy of the very bytes that its manifest vouches for: whoever changes a file
    meanwhile changes nothing.
    """
    with tempfile.TemporaryDirectory(prefix="readiness-") as name:
        place = Path(name)
        for one in run.manifest.digests:
            if one.startswith(JUDGED):
                (place / one).parent.mkdir(parents=True, exist_ok=True)
                (place / one).write_bytes(run.manifest.read(one, max_bytes=MAX_BYTES))
        other = other_judge(place)
        return other, [] if other else rejudged(place, run.results)


def nothing(run: SealedRun) -> list[str]:
    """Find nothing wrong with what *run* shows: whoever calls it knows no reports."""
    del run
    return []


def demand_judged(run: SealedRun) -> str:
    """Demand that the results are what the stored facts amount to; return why this kit cannot tell.

    Raises:
        IntegrityError: They are not, or a notebook shows what no run has shown.

    """
    other, differences = judged_again(run)
    differences += exhibits.otherwise(run.folder, run.manifest.digests)
    if differences:
        raise IntegrityError(
            f"the results do not follow from the facts: {'; '.join(differences[:NAMED])}",
            hint="run again; somebody changed results.json or a fact after it was judged",
        )
    return other
