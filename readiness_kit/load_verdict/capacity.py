"""What a run of rising steps shows of the capacity."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from readiness_kit.facts.load import StepLoad
from readiness_kit.load_verdict.parts import Part, parts
from readiness_kit.statistics import capacity, usl
from readiness_kit.statistics import knee as knees

FAILING = 0.05
"""Share of a step's requests that fail, from which on its rate is above the capacity (default)."""

MISFIT = 0.1
"""Typical relative error from which on the steps follow no scaling law (default)."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What rising steps show of the capacity, requests a second."""

    value_rps: float | None
    """The estimate; None where no step was overloaded in a way that tells."""

    low_rps: float
    """The capacity is this much at least; 0 when nothing is known."""

    high_rps: float
    """It is this much at most; ``inf`` where no step reached it."""

    tested_rps: float
    """Highest rate that was offered; 0 without any step."""

    knee: knees.Knee | None
    """Where more load begins to cost more than it brings; None without steps."""

    scaling: usl.Scaling | usl.TooFew
    """The Universal Scalability Law of the steps: for words, the interval does not rest on it."""

    def against(self, needed_rps: float) -> Literal["under", "over", "straddles"]:
        """Return where the whole interval lies: under what is needed, at or over it, or both."""
        if self.low_rps >= needed_rps:
            return "over"
        return "under" if self.high_rps < needed_rps else "straddles"

    @property
    def words(self) -> str:
        """The interval, the knee and the law in words."""
        low, high = f"{self.low_rps:.1f}", f"{self.high_rps:.1f}"
        if self.value_rps is not None:
            found = f"capacity {self.value_rps:.1f} requests/s [{low} to {high}]"
        elif math.isfinite(self.high_rps):
            found = f"capacity between {low} and {high} requests/s"
        else:
            found = f"capacity at least {low} requests/s: no step reached it"
        knee = f"; knee at {self.knee.at_rps:.1f}" if self.knee is not None else ""
        return f"{found}; tested up to {self.tested_rps:.1f}{knee}{_law(self.scaling)}"


def capacity_of(run: StepLoad) -> Shown:
    """Return what the steps of *run* show of the capacity; whether it is valid is not asked here.

    The steps are read from the highest down, to the first that tells: an overloaded one gives the
    interval, one that was kept up with a lower end. A step above it of which 5 % failed bounds the
    capacity from above, for a service that refuses what it cannot do has no queue that grows.
    """
    steps = [one for one in parts(run) if one.stage.from_rps == one.stage.to_rps]
    steps.sort(key=lambda one: one.stage.from_rps)
    value_rps, low_rps, high_rps = _interval(steps, run.block_s)
    return Shown(
        value_rps=value_rps,
        low_rps=low_rps,
        high_rps=high_rps,
        tested_rps=steps[-1].stage.from_rps if steps else 0.0,
        knee=knees.knee(list(_knee_steps(steps))),
        scaling=usl.fit(list(_usl_steps(steps))),
    )


def _interval(steps: list[Part], block_s: float) -> tuple[float | None, float, float]:
    high_rps = math.inf
    for step in reversed(steps):
        rate_rps = step.stage.from_rps
        found = capacity.overload(step.blocks, block_s, rate_rps)
        if isinstance(found, capacity.Capacity):
            return found.value_rps, found.low_rps, min(found.high_rps, high_rps)
        if found.low_rps is not None:
            return None, found.low_rps, high_rps
        if step.lost >= FAILING:
            high_rps = rate_rps
    return None, 0.0, high_rps


def _knee_steps(steps: list[Part]) -> Iterator[knees.Step]:
    for step in steps:
        mean_ms = step.mean_ms
        if mean_ms is not None and mean_ms > 0 and step.good_rps >= 0:
            yield knees.Step(throughput_rps=step.good_rps, latency_ms=mean_ms)


def _usl_steps(steps: list[Part]) -> Iterator[usl.Step]:
    for step in _knee_steps(steps):
        concurrency = step.throughput_rps * step.latency_ms / 1000
        if 0 < concurrency < math.inf:
            yield usl.Step(concurrency=concurrency, throughput_rps=step.throughput_rps)


def _law(scaling: usl.Scaling | usl.TooFew) -> str:
    if isinstance(scaling, usl.TooFew):
        return f"; no scaling law from {scaling.steps} steps, {scaling.needed} needed"
    law = scaling.law
    if not scaling.misfit <= MISFIT:
        return f"; the steps follow no scaling law: typical error {scaling.misfit:.0%}"
    return (
        f"; scaling law with {law.contention:.1%} contention and {law.coherency:.2%} coherency,"
        f" typical error {scaling.misfit:.1%}: at most {scaling.capacity_rps:.1f}"
    )
