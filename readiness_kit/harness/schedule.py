"""When requests are due: an open arrival process, fixed before the run starts.

Arrivals do not wait for answers. A generator that sends its next request only after the last answer
slows down together with the target and hides the very stalls it should find ("coordinated
omission", Gil Tene).
"""

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from readiness_kit.facts.load import Stage

Arrivals = Literal["constant", "poisson", "replay"]
"""Evenly spaced; at random, like independent callers; at recorded instants."""


def stages(*parts: tuple[str, float, float, float]) -> tuple[Stage, ...]:
    """Return one stage after the other, of (name, seconds, rate at its start, rate at its end)."""
    made: list[Stage] = []
    start_s = 0.0
    for name, seconds, from_rps, to_rps in parts:
        made.append(
            Stage(name=name, start_s=start_s, seconds=seconds, from_rps=from_rps, to_rps=to_rps)
        )
        start_s += seconds
    return tuple(made)


def steady(rate_rps: float, seconds: float) -> tuple[Stage, ...]:
    """Return one stage of a constant rate."""
    return stages(("steady", seconds, rate_rps, rate_rps))


def requests_in(stage: Stage) -> int:
    """Return how many requests are due in *stage*."""
    return round((stage.from_rps + stage.to_rps) / 2 * stage.seconds)


def arrivals(
    kind: Arrivals,
    played: Iterable[Stage],
    *,
    instants: Sequence[float] = (),
    seed: int = 1,
    worker: int = 0,
    workers: int = 1,
) -> Iterator[float]:
    """Yield the instants, seconds from the start, at which *worker* of *workers* must send.

    All workers together send :func:`requests_in` requests in each stage. ``poisson`` is a Poisson
    process given that number, its density that of the rate; ``replay`` sends at the recorded
    *instants* that lie within the stages. Nothing is kept, however long the schedule is.

    Raises:
        ValueError: No such worker.

    """
    if not 0 <= worker < workers:
        raise ValueError(f"no worker {worker} among {workers}")
    draw = random.Random(seed)  # noqa: S311 - arrivals, not secrets
    every: Iterable[float] = (at for stage in played for at in _instants(kind, stage, draw))
    if kind == "replay":
        end_s = max((stage.start_s + stage.seconds for stage in played), default=0.0)
        every = (at for at in instants if at < end_s)
    return itertools.islice(every, worker, None, workers)


def _instants(kind: Arrivals, stage: Stage, draw: random.Random) -> Iterator[float]:
    n = requests_in(stage)
    counts: Iterable[float] = range(n) if kind == "constant" else _ordered(n, stage, draw)
    if stage.from_rps == stage.to_rps:
        start_s, rate_rps = stage.start_s, stage.from_rps
        yield from (start_s + count / rate_rps for count in counts)
        return
    for count in counts:
        yield stage.start_s + _reached(stage, count)


def _ordered(n: int, stage: Stage, draw: random.Random) -> Iterator[float]:
    """Yield *n* sorted uniform draws, one by one (Bentley and Saxe, 1980), in requests due."""
    total = (stage.from_rps + stage.to_rps) / 2 * stage.seconds
    left = 1.0
    for more in range(n, 0, -1):
        left *= (1.0 - draw.random()) ** (1 / more)
        yield total * (1 - left)


def _reached(stage: Stage, count: float) -> float:
    """Return when *count* requests of a stage are past: the root of from·t + slope·t²/2 = count."""
    slope = (stage.to_rps - stage.from_rps) / stage.seconds
    root = math.sqrt(max(0.0, stage.from_rps**2 + 2 * slope * count))
    return 2 * count / (stage.from_rps + root) if count else 0.0
