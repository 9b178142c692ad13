"""When requests are due: an open arrival process, fixed before the run starts.

Arrivals do not wait for answers. A generator that sends its next request only after the last answer
slows down together with the target and hides the very stalls it should find ("coordinated
omission", Gil Tene).
"""

import random
from typing import Literal

Arrivals = Literal["constant", "poisson"]


def arrivals(
    kind: Arrivals,
    rate_rps: float,
    seconds: float,
    *,
    seed: int = 1,
    worker: int = 0,
    workers: int = 1,
) -> list[float]:
    """Return the instants, seconds from the start, at which *worker* of *workers* must send.

    All workers together send ``round(rate_rps * seconds)`` requests. ``poisson`` is a Poisson
    process given that number, so its instants are sorted uniform draws.
    """
    if not 0 <= worker < workers:
        raise ValueError(f"no worker {worker} among {workers}")
    total = round(rate_rps * seconds)
    if kind == "constant":
        return [index / rate_rps for index in range(worker, total, workers)]
    draw = random.Random(seed)  # noqa: S311 - arrivals, not secrets
    return sorted(draw.uniform(0, seconds) for _ in range(total))[worker::workers]
