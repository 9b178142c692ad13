"""Decides, second by second, whether a run goes on."""

import math

from msgspec.structs import replace

from readiness_kit.facts.load import Stage
from readiness_kit.harness.plan import Cut, Plan, Stop, Tick
from readiness_kit.statistics.early import Limit, Watch

DOWN_S = 3
"""Seconds without any answer to requests that ended, after which the target counts as down."""

LAGGING = 0.95
"""Share of the requests due that a target answers in time unless it falls behind."""

_AHEAD_S = 0.5
_DECIDE_S = 1.6


class Conductor:
    """Sees each second of a whole run, and says what the generators are to do."""

    def __init__(self, plan: Plan) -> None:
        """Begin before the first second."""
        self.until = plan.seconds
        self.aborted: str | None = None
        """The limit whose breach was certain, in words."""

        self.down = False
        """Whether the target was down."""

        self._plan = plan
        self._watch = Watch(plan.abort_on)
        self._silent = 0
        self._good = 0
        self._stage: Stage | None = None
        self._since = (0.0, 0)

    def saw(self, tick: Tick) -> Cut | Stop | None:
        """Return what follows from one more second; None to go on."""
        self._silent = self._silent + 1 if tick.n and not tick.answered else 0
        if self._silent >= DOWN_S:
            self.down = True
            return Stop()
        self._good += tick.n - tick.failed
        broken = self._watch.add(tick.corrected)
        if broken is not None and self.aborted is None and tick.t_s + _AHEAD_S < self.until:
            self.aborted = _words(broken)
            block_s = self._plan.block_s
            return self._cut(math.ceil((tick.t_s + _AHEAD_S) / block_s) * block_s)
        return self._cut_behind(tick.t_s) if self._plan.until_lagging else None

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages that were played."""
        return tuple(
            _before(stage, self.until) for stage in self._plan.stages if stage.start_s < self.until
        )

    def _cut(self, until: float) -> Cut | None:
        if until >= self.until:
            return None
        self.until = until
        return Cut(until=until)

    def _cut_behind(self, t_s: float) -> Cut | None:
        """End the schedule with the stage in which the target falls behind."""
        stage = next((one for one in reversed(self._plan.stages) if one.start_s <= t_s), None)
        if stage is not self._stage:
            self._stage, self._since = stage, (t_s, self._good)
            return None
        if stage is None or not 0 < stage.start_s + stage.seconds - t_s < _DECIDE_S:
            return None
        began_s, before = self._since
        due = (stage.from_rps + stage.to_rps) / 2 * (t_s - began_s)
        if self._good - before < LAGGING * due:
            return self._cut(stage.start_s + stage.seconds)
        return None


def _before(stage: Stage, until: float) -> Stage:
    """Return what of *stage* comes before *until*."""
    seconds = min(stage.seconds, until - stage.start_s)
    share = seconds / stage.seconds
    return replace(
        stage, seconds=seconds, to_rps=stage.from_rps + (stage.to_rps - stage.from_rps) * share
    )


def _words(limit: Limit) -> str:
    late = "" if limit.over_ms is None else f" or take over {limit.over_ms:g} ms"
    return f"more than {limit.share:.2%} fail{late}"
