"""Whether the report in a sealed run is the one that its facts amount to."""

from readiness_kit.assessment import Assessment
from readiness_kit.errors import ReadinessError
from readiness_kit.evidence import canonical
from readiness_kit.evidence.folder import Run, reports_digest
from readiness_kit.reports.html import html
from readiness_kit.reports.material import stored_objectives
from readiness_kit.signoff.sealed import MAX_BYTES, SealedRun

REPORT = "report.html"


def faults(run: SealedRun) -> list[str]:
    """Return what *run* shows otherwise than this kit would, where it is the kit that wrote it.

    Signers look at the report: who edits it and seals the run again shows them another one.
    """
    if REPORT not in run.manifest.digests:
        return []
    try:
        asked = canonical.decode(run.manifest.read("run.json", max_bytes=MAX_BYTES), Run)
        if asked.reports_sha256 != reports_digest():
            return []
        stored = run.manifest.read(REPORT, max_bytes=MAX_BYTES)
        replay = Assessment.open(None, replay_from=run.folder)
        made = html(run.results, replay.facts_of, stored_objectives(replay.folder))
    except ReadinessError as error:
        return [f"{REPORT} cannot be made again: {error.message}"]
    same = stored == made.encode()
    return [] if same else [f"{REPORT} is not the report of these results and facts"]
