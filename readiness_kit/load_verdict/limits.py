"""Whether a load test may be judged at all, and whether it held the objectives.

A run that ended early, because a sequential test was sure that a limit is broken, fails what is
asked of that limit, however short it was. It passes nothing.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace as change
from typing import NamedTuple

from msgspec.structs import replace

from readiness_kit.facts.load import LoadRun
from readiness_kit.load_verdict.parts import Part, whole
from readiness_kit.statistics.quantiles import Estimate, Interval, TooFew, estimate
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Finding, Outcome, not_seen

WIDE_BELOW = 10_000
"""Samples under which the interval of P99 is wide enough to say so."""

FULL = 0.99
"""Share of the rate wanted that must have been offered: rounding of lengths takes the rest."""

CAUSES = {
    "generator_late": Cause.GENERATOR_INVALID,
    "arrivals_lost": Cause.GENERATOR_INVALID,
    "identity_refused": Cause.COULD_NOT_ASK,
    "target_down": Cause.COULD_NOT_ASK,
    "worker_lost": Cause.GENERATOR_INVALID,
    "interrupted": Cause.TOO_FEW_SAMPLES,
    "closed_loop": Cause.UNPROVEN,
    "not_understood": Cause.GENERATOR_INVALID,
}
"""What an invalid run means for a claim."""

_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e\+[0-9]+)?"
_ABORTED = re.compile(
    rf"more than (?P<share>{_NUMBER})% fail(?: or take over (?P<ms>{_NUMBER}) ms)?"
)


class Breach(NamedTuple):
    """What was certain when a run ended early."""

    share: float
    """More than this share of the requests …"""

    over_ms: float
    """… failed or took longer than this; ``inf``: failed."""

    def of_percentile(self, p: float, limit_ms: float) -> bool:
        """Whether quantile *p* is then over *limit_ms*."""
        return self.share >= 1 - p - 1e-9 and self.over_ms >= limit_ms

    def of_errors(self, rate: float) -> bool:
        """Whether then more than *rate* fail."""
        return self.over_ms == math.inf and self.share >= rate

    def of(self, objectives: Objectives) -> bool:
        """Whether one of *objectives* is then broken."""
        late = (self.of_percentile(p, ms) for _, p, ms in percentile_limits(objectives))
        return self.of_errors(objectives.error_rate) or any(late)


def breach(run: LoadRun) -> Breach | None:
    """Return what was certain when *run* ended early; None when it did not or does not say."""
    words = _ABORTED.fullmatch(run.aborted or "")
    if words is None:
        return None
    return Breach(float(words["share"]) / 100, float(words["ms"] or math.inf))


def percentile_limits(objectives: Objectives) -> tuple[tuple[str, float, float], ...]:
    """Return name, quantile and limit, milliseconds, of each percentile that is promised."""
    return (
        ("p50", 0.50, objectives.p50_ms),
        ("p95", 0.95, objectives.p95_ms),
        ("p99", 0.99, objectives.p99_ms),
    )


def reproduce(run: LoadRun) -> str:
    """Return the command that plays the same again."""
    return f"readiness load {run.profile} -c readiness.yaml"


def unproven(claim: str, run: LoadRun, want: str) -> Finding | None:
    """Return why *run* proves nothing about *claim*, or None when it may be judged."""
    if run.invalid_reason is not None:
        got, cause = f"invalid: {run.invalid_reason.replace('_', ' ')}", CAUSES[run.invalid_reason]
    elif run.answered <= 0 or run.scheduled <= 0:
        got = f"{run.answered} answers to {run.scheduled} requests"
        cause = Cause.TOO_FEW_SAMPLES
    else:
        return None
    return not_seen(claim, cause, got=f"the run: {got}", want=want, reproduce=reproduce(run))


def undeclared(claim: str, run: LoadRun) -> Finding:
    """Return that nobody said how much the service must carry."""
    return not_seen(
        claim,
        Cause.NOT_CONFIGURED,
        got="objectives.peak_rps is not declared",
        want="a declared peak rate",
        reproduce=reproduce(run),
    )


def percentile(
    claim: str, run: LoadRun, p: float, limit_ms: float, of: Part | None = None
) -> Finding:
    """Judge one percentile of corrected latency against its limit, in all of *run* or in one part.

    It holds only when the upper end of its 95 % interval is under the limit, and fails only when
    the lower end is over it.
    """
    name = f"P{p * 100:g}"
    want = f"{name} under {limit_ms:g} ms with 95 % confidence"
    unfit = unproven(claim, run, want)
    if unfit is not None:
        return unfit
    part = of or whole(run)
    found = estimate(part.blocks, p, seconds=part.stage.seconds, limit_ms=limit_ms)
    outcome, got = _read(found, name, limit_ms, part.stage.seconds)
    case = Case(claim=claim, got=got, want=want, seen=[run.at("/blocks")], reproduce=reproduce(run))
    broken = breach(run)
    surely = of is None and broken is not None and broken.of_percentile(p, limit_ms)
    judged = _judged(case, outcome, run, surely=surely)
    wide = isinstance(found, Interval) and p >= 0.99 and found.n < WIDE_BELOW
    advice = (f"n under {WIDE_BELOW}: the interval of {name} is wide (binomial order statistics)",)
    return replace(judged, advice=advice) if wide else judged


def errors(claim: str, run: LoadRun, rate: float, of: Part | None = None) -> Finding:
    """Judge the share of requests that failed, in all of *run* or in one part of it."""
    want = f"errors at most {rate:.2%}"
    unfit = unproven(claim, run, want)
    if unfit is not None:
        return unfit
    share = run.error_rate if of is None else of.lost
    n = run.scheduled if of is None else of.whole.n
    got = "no request was due" if share is None or not n else f"errors {share:.2%} of {n}"
    case = Case(
        claim=claim,
        got=got,
        want=want,
        seen=[run.at("/failed" if of is None else "/blocks")],
        reproduce=reproduce(run),
    )
    if share is None or not n:
        return case.not_seen(Cause.TOO_FEW_SAMPLES)
    outcome = Outcome.HOLDS if share <= rate else Outcome.FAILS
    broken = breach(run)
    surely = of is None and broken is not None and broken.of_errors(rate)
    return _judged(case, outcome, run, surely=surely)


def together(case: Case, found: Sequence[Finding]) -> Finding:
    """Return one finding for all that was *found*: what fails decides, then what was not seen.

    The words of *found* follow those of *case*.
    """
    case = change(case, got="; ".join(part for part in (case.got, *(x.got for x in found)) if part))
    advice = tuple(dict.fromkeys(words for one in found for words in one.advice))
    unseen = next((one for one in found if one.outcome is Outcome.NOT_SEEN), None)
    if any(one.outcome is Outcome.FAILS for one in found):
        return case.fails(*advice)
    if unseen is not None or not found:
        cause = unseen.cause if unseen is not None and unseen.cause else Cause.TOO_FEW_SAMPLES
        return case.not_seen(cause, *advice)
    return replace(case.holds(), advice=advice)


def carried(run: LoadRun, objectives: Objectives) -> bool:
    """Whether the backlog is within bounds.

    What is in flight when the schedule ends is no backlog as long as there is no more of it than
    Little's law allows at the P95 objective: rate x P95, and one request.
    """
    in_flight = run.offered_rps * objectives.p95_ms / 1000 + 1
    return run.achieved_rps * run.seconds >= run.offered_rps * run.seconds - in_flight - run.failed


def carries(claim: str, run: LoadRun, objectives: Objectives, *, peaks: float) -> Finding:
    """Judge whether *run* carried *peaks* times the peak rate with every objective held."""
    rate_rps = objectives.peak_rps
    if rate_rps is None:
        return undeclared(claim, run)
    want = (
        f"{rate_rps * peaks:g} requests/s answered, errors at most {objectives.error_rate:.2%},"
        " P50, P95 and P99 within their objectives"
    )
    unfit = unproven(claim, run, want)
    if unfit is not None:
        return unfit
    got = (
        f"{run.achieved_rps:.1f} of {run.offered_rps:.1f} requests/s answered,"
        f" {run.failed} of {run.scheduled} failed"
    )
    seen = [run.at(path) for path in ("/achieved_rps", "/failed", "/blocks")]
    case = Case(claim=claim, got=got, want=want, seen=seen, reproduce=reproduce(run))
    broken = breach(run)
    if broken is not None and broken.of(objectives):
        return change(case, got=f"{got}; {ended_early(run)}").fails()
    if not run.offered_rps >= rate_rps * peaks * FULL:
        got = f"only {run.offered_rps:.1f} requests/s were offered"
        return change(case, got=got).not_seen(Cause.UNPROVEN)
    share = run.error_rate
    if share is None or not share <= objectives.error_rate or not carried(run, objectives):
        return case.fails()
    limits = percentile_limits(objectives)
    return together(case, [percentile(claim, run, p, limit_ms) for _, p, limit_ms in limits])


def _judged(case: Case, outcome: Outcome, run: LoadRun, *, surely: bool) -> Finding:
    """Return the finding of that outcome, unless *run* ended early: then *surely* it broke this."""
    if run.aborted is not None:
        case = change(case, got=f"{case.got}; {ended_early(run)}")
    if surely or outcome is Outcome.FAILS:
        return case.fails()
    if run.aborted is not None or outcome is Outcome.NOT_SEEN:
        return case.not_seen(Cause.TOO_FEW_SAMPLES)
    return case.holds()


def ended_early(run: LoadRun) -> str:
    """Return when and why *run* ended before its time, in words."""
    return f"the run ended after {run.seconds:.0f} s, as surely {run.aborted}"


def _read(found: Estimate, name: str, limit_ms: float, seconds: float) -> tuple[Outcome, str]:
    """Return what an estimate says of a limit, and the words for it."""
    if isinstance(found, TooFew):
        more = "" if found.more_seconds is None else f", about {found.more_seconds:.0f} s more"
        return Outcome.NOT_SEEN, f"{name}: {found.n} samples, {found.needed} needed{more}"
    if not isinstance(found, Interval):
        got = f"{name} {ms(found.value_ms)} and still moving (n {found.n}): no interval is honest"
        return Outcome.FAILS if found.least_ms > limit_ms else Outcome.NOT_SEEN, got
    low, high = ms(found.low_ms), ms(found.high_ms)
    got = f"{name} {ms(found.value_ms)} [{low} to {high}], n {found.n}"
    where = found.against(limit_ms)
    if where != "straddles":
        return Outcome.HOLDS if where == "under" else Outcome.FAILS, got
    more_seconds = found.more_seconds(limit_ms, seconds)
    more = "" if more_seconds is None else f"; about {more_seconds:.0f} s more would decide"
    return Outcome.NOT_SEEN, f"{got} straddles the limit{more}"


def ms(value_ms: float) -> str:
    """Return a latency in words; a failed request is later than any limit."""
    return f"{value_ms:.1f} ms" if math.isfinite(value_ms) else "never"
