"""Whether a long test ends as it began: the objectives hold in its last third as in its first."""

from collections.abc import Iterator

from msgspec.structs import replace

from readiness_kit.facts.load import LoadRun
from readiness_kit.load_verdict.limits import errors, percentile, percentile_limits
from readiness_kit.load_verdict.parts import Part, whole
from readiness_kit.target import Objectives
from readiness_kit.verdict import Cause, Finding, Outcome


def stability(claim: str, run: LoadRun, objectives: Objectives) -> Iterator[Finding]:
    """Judge errors and percentiles in both thirds.

    What is broken in the first alone got better, not worse: neither stable nor the opposite.
    """
    part = whole(run)
    for found in _third(claim, run, objectives, part.share("first third", 0, 1, 3)):
        yield _undecided(found) if found.outcome is Outcome.FAILS else found
    yield from _third(claim, run, objectives, part.share("last third", 2, 3, 3))


def _third(claim: str, run: LoadRun, objectives: Objectives, of: Part) -> Iterator[Finding]:
    found = [errors(claim, run, objectives.error_rate, of)]
    for _, p, limit_ms in percentile_limits(objectives):
        found.append(percentile(claim, run, p, limit_ms, of))
    for one in found:
        yield replace(one, got=f"{of.stage.name} {one.got}")


def _undecided(found: Finding) -> Finding:
    return replace(
        found,
        outcome=Outcome.NOT_SEEN,
        cause=Cause.UNPROVEN,
        advice=("warm the service up before the test",),
    )
