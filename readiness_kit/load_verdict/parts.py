"""Parts of a load test: a stage, or a share of one, with what was seen in it."""

import math
from typing import NamedTuple

from msgspec.structs import replace

from readiness_kit.facts.load import LoadRun, Second, Stage
from readiness_kit.statistics.histogram import Histogram, edges_us, merge


class Part(NamedTuple):
    """A stretch of the schedule, with what was seen in it."""

    stage: Stage
    blocks: tuple[Histogram, ...]
    seconds: tuple[Second, ...]

    @property
    def whole(self) -> Histogram:
        """Corrected latency of all requests due in it."""
        return merge(self.blocks)

    @property
    def lost(self) -> float:
        """Share of the requests due in it that failed; 0 when none was due."""
        return self.whole.lost / self.whole.n if self.whole.n else 0.0

    @property
    def good_rps(self) -> float:
        """Good answers that came back per second."""
        good = sum(one.n - one.failed for one in self.seconds)
        return good / len(self.seconds) if self.seconds else 0.0

    @property
    def mean_ms(self) -> float | None:
        """Mean latency from the instant of being due; ``inf`` where some failed."""
        whole = self.whole
        if not whole.n:
            return None
        if whole.lost:
            return math.inf
        spans = ((*edges_us(at), n) for at, n in zip(whole.bins, whole.counts, strict=True))
        return sum((low + high) / 2 * n for low, high, n in spans) / whole.n / 1000

    @property
    def accepted(self) -> "Part":
        """The same without the requests that failed."""
        return self._replace(blocks=tuple(replace(block, lost=0) for block in self.blocks))

    def share(self, name: str, first: int, end: int, of: int) -> "Part":
        """Return its parts *first* to *end* of *of* equal ones: ``share("late half", 1, 2, 2)``."""
        stage, n, m = self.stage, len(self.blocks), len(self.seconds)
        return Part(
            replace(
                stage,
                name=name,
                start_s=stage.start_s + stage.seconds * first / of,
                seconds=stage.seconds * (end - first) / of,
            ),
            self.blocks[n * first // of : n * end // of],
            self.seconds[m * first // of : m * end // of],
        )


def parts(run: LoadRun) -> tuple[Part, ...]:
    """Return the stages of *run* that have a length and a rate, with what was seen in them."""
    return tuple(
        Part(stage, run.blocks_of(stage), run.seconds_of(stage))
        for stage in run.stages
        if all(0 < one < math.inf for one in (run.block_s, stage.seconds, stage.from_rps))
        and 0 <= stage.start_s < math.inf
    )


def part(run: LoadRun, name: str) -> Part | None:
    """Return the stage of that name, or None when it was not played."""
    return next((one for one in parts(run) if one.stage.name == name), None)


def steady(run: LoadRun) -> tuple[float, float]:
    """Return the longest time at one rate, seconds, and that rate; 0 and 0 without any."""
    stages = [one.stage for one in parts(run) if one.stage.from_rps == one.stage.to_rps]
    return max(((one.seconds, one.from_rps) for one in stages), default=(0.0, 0.0))


def whole(run: LoadRun) -> Part:
    """Return all of *run* as one part."""
    rate_rps = run.offered_rps
    stage = Stage(
        name="whole", start_s=0.0, seconds=run.seconds, from_rps=rate_rps, to_rps=rate_rps
    )
    return Part(stage, run.blocks, run.series)
