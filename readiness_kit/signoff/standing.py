"""The results of a run as they may be shown to anybody who did not make it."""

from datetime import UTC, datetime

from readiness_kit.errors import IntegrityError
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.judgement import judge_run, other_judge, rejudged
from readiness_kit.results import Results
from readiness_kit.signoff.sealed import SealedRun

NAMED = 3
"""How many differences an error names."""

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


def demand_judged(run: SealedRun) -> None:
    """Demand that the results are what the stored facts amount to, where this kit can tell.

    Raises:
        IntegrityError: They are not.

    """
    differences = [] if other_judge(run.folder) else rejudged(run.folder, run.results)
    if differences:
        raise IntegrityError(
            f"the results do not follow from the facts: {'; '.join(differences[:NAMED])}",
            hint="run again; somebody changed results.json or a fact after it was judged",
        )
