"""Whether the memory of the service's processes grew while load was on."""

from dataclasses import replace as change

from readiness_kit.facts.load import Gauge, LoadRun
from readiness_kit.load_verdict.limits import reproduce, together
from readiness_kit.statistics.leak import Growth, TooFew, growth
from readiness_kit.verdict import Case, Cause, Finding

RESIDENT = "resident_bytes"
"""Name of the gauge, one per process."""

WATCHED = 0.9
"""Share of the run until whose end a process must be seen (default): a restart gives memory back,
and hides a leak.
"""


def memory(claim: str, run: LoadRun, limit_bytes: int | None = None) -> Finding:
    """Judge the memory of each process; *limit_bytes* is what the most restricted one may use.

    Whether *run* is valid is not asked here. One that ended early passes nothing.
    """
    at = [k for k, gauge in enumerate(run.gauges) if gauge.name == RESIDENT]
    case = Case(
        claim=claim,
        got="",
        want="no process whose memory grows and goes on growing, in 300 s at least",
        seen=[run.at(f"/gauges/{k}") for k in at] or [run.at("/gauges")],
        reproduce=reproduce(run),
    )
    if not at:
        got = "; ".join(("the memory of no process was sampled", *run.notes))
        return change(case, got=got).not_seen(
            Cause.COULD_NOT_ASK, "name application.process_ids or api.metrics_urls"
        )
    return together(case, [_process(case, run, run.gauges[k], limit_bytes) for k in at])


def grown(gauge: Gauge) -> Growth | TooFew | None:
    """Return how a series of memory grew; None when it cannot be read."""
    try:
        return growth(list(zip(gauge.t_s, gauge.values, strict=True)))
    except ValueError:
        return None


def _process(case: Case, run: LoadRun, gauge: Gauge, limit_bytes: int | None) -> Finding:
    found = grown(gauge)
    case = change(case, got=f"{gauge.of}: {words(found, limit_bytes)}")
    if isinstance(found, Growth) and found.state == "leak":
        return case.fails()
    if found is None:
        return case.not_seen(Cause.COULD_NOT_ASK)
    if isinstance(found, TooFew) or found.state == "unsettled":
        return case.not_seen(Cause.TOO_FEW_SAMPLES, "play the profile soak for longer")
    if not gauge.t_s[-1] >= WATCHED * run.seconds:
        got = f"{case.got}, but seen until {gauge.t_s[-1]:.0f} of {run.seconds:.0f} s only"
        return change(case, got=got).not_seen(
            Cause.UNPROVEN, "a process that is replaced hides its leak: keep it for the whole run"
        )
    if run.aborted is not None:
        return case.not_seen(Cause.TOO_FEW_SAMPLES)
    return case.holds()


def words(found: Growth | TooFew | None, limit_bytes: int | None = None) -> str:
    """Return growth in words, with the time until a leak reaches *limit_bytes*."""
    if found is None:
        return "samples that cannot be read"
    if isinstance(found, TooFew):
        return (
            f"{found.samples} samples over {found.seconds:.0f} s,"
            f" {found.needed_samples} over {found.needed_seconds:g} s needed"
        )
    slope = f"{found.slope_mb_h:.1f} MB/h [{found.low_mb_h:.1f} to {found.high_mb_h:.1f}]"
    if found.state == "unsettled":
        return f"grows by {slope}, but not as a leak does: not settled"
    if found.state == "leak":
        left_s = None if limit_bytes is None else found.seconds_to(limit_bytes)
        left = "" if left_s is None else f", {left_s / 3600:.1f} h to its limit"
        return f"leaks {slope}{left}"
    return f"no leak: {slope}; {found.detectable_mb_h:.1f} MB/h would have been found"
