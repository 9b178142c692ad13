"""The built-in profiles of load: what each plays when nothing else is declared."""

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass

from readiness_kit.errors import UsageError
from readiness_kit.facts.load import (
    BenchmarkLoad,
    LoadRun,
    PeakLoad,
    SmokeLoad,
    SoakLoad,
    SpikeLoad,
    Stage,
    StepLoad,
    StressLoad,
)
from readiness_kit.harness.schedule import stages, steady

PERCENTILE_REQUESTS = 800
"""Requests behind a P99: it needs 368 independent ones, and bursts make some dependent."""

STEPS = 10
"""Steps of the profile ``step``: a fit of the scaling law needs 8."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a profile plays when nothing else is declared."""

    fact: type[LoadRun]
    """What it gives."""

    peaks: float
    """Its highest rate, in peak rates."""

    seconds: Callable[[float], float]
    """Its length, by its highest rate."""

    stages: Callable[[float, float], tuple[Stage, ...]] = steady
    """Its parts, by its highest rate and its length."""

    most_rps: float = math.inf
    """Ceiling on its highest rate."""

    held: bool = False
    """Whether the objectives are meant to hold, so that their certain breach may end it early."""

    until_lagging: bool = False
    """Whether it ends once the target falls behind."""


def _rising(top_rps: float, seconds: float) -> tuple[Stage, ...]:
    """Return steps from a sixteenth of *top_rps* to it, each higher than the last by one factor."""
    rates = [top_rps * 16 ** (step / (STEPS - 1) - 1) for step in range(STEPS)]
    return stages(*((f"step {n}", seconds / STEPS, r, r) for n, r in enumerate(rates, 1)))


def _around(
    name: str, over: float, shares: tuple[int, int, int]
) -> Callable[..., tuple[Stage, ...]]:
    """Return stages ``before``, *name* at *over* times their rate, ``after``; lengths by share."""

    def around(top_rps: float, seconds: float) -> tuple[Stage, ...]:
        rates = (top_rps / over, top_rps, top_rps / over)
        lengths = (seconds * share / sum(shares) for share in shares)
        named = zip(("before", name, "after"), lengths, rates, strict=True)
        return stages(*((part, length, rate, rate) for part, length, rate in named))

    return around


PROFILES = {
    "smoke": Profile(fact=SmokeLoad, peaks=1, seconds=lambda _: 5.0, most_rps=2.0, held=True),
    "benchmark": Profile(
        fact=BenchmarkLoad,
        peaks=1,
        seconds=lambda rate: max(30.0, math.ceil(PERCENTILE_REQUESTS / rate)),
        held=True,
    ),
    "peak": Profile(
        fact=PeakLoad,
        peaks=2,
        seconds=lambda rate: max(20.0, math.ceil(PERCENTILE_REQUESTS / rate)),
        held=True,
    ),
    "step": Profile(
        fact=StepLoad, peaks=16, seconds=lambda _: 100.0, stages=_rising, until_lagging=True
    ),
    "stress": Profile(
        fact=StressLoad,
        peaks=3,
        seconds=lambda _: 110.0,
        stages=_around("overload", 3, (2, 3, 6)),
    ),
    "spike": Profile(
        fact=SpikeLoad, peaks=5, seconds=lambda _: 60.0, stages=_around("spike", 5, (4, 1, 7))
    ),
    "soak": Profile(fact=SoakLoad, peaks=1, seconds=lambda _: 1800.0, held=True),
}
"""By name; the steps of ``step`` end where the target falls behind."""


def profile(name: str) -> Profile:
    """Return the built-in profile of that name.

    Raises:
        UsageError: There is none.

    """
    if name not in PROFILES:
        near = difflib.get_close_matches(name, PROFILES, 1)
        did = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(f"no profile {name!r}", hint=f"{did}there is {', '.join(PROFILES)}")
    return PROFILES[name]
