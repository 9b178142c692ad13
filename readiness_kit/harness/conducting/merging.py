"""Several generators, one run: their seconds and their shares add up exactly, or one is lost."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from readiness_kit.harness.plan import Ended, Kind, Tick
from readiness_kit.statistics.histogram import Histogram, merge


class Disagreement(Exception):
    """What a generator says contradicts what it said before."""


class Seconds:
    """Joins the ticks of *workers* generators, second by second."""

    def __init__(self, workers: int) -> None:
        """Await all of them."""
        self._ticks: list[list[Tick]] = [[] for _ in range(workers)]
        self._open = set(range(workers))
        self._joined = 0

    def add(self, worker: int, tick: Tick) -> Iterator[Tick]:
        """Take one generator's second and yield every second that is complete now.

        Raises:
            Disagreement: A second is missing or comes twice.

        """
        ticks = self._ticks[worker]
        if tick.number != len(ticks) + 1:
            raise Disagreement(f"second {tick.number} follows second {len(ticks)}")
        ticks.append(tick)
        return self._complete()

    def finish(self, worker: int, ended: Ended | None) -> Iterator[Tick]:
        """Await no more of a generator; without its last word it is lost.

        Raises:
            Disagreement: Its seconds or its counts do not add up.

        """
        self._open.discard(worker)
        if ended is not None:
            _agree(ended, self._ticks[worker])
        return self._complete()

    def _complete(self) -> Iterator[Tick]:
        while True:
            number = self._joined
            if any(len(self._ticks[worker]) <= number for worker in self._open):
                return
            there = [ticks[number] for ticks in self._ticks if len(ticks) > number]
            if not there:
                return
            self._joined += 1
            yield joined(there)


def joined(ticks: Sequence[Tick]) -> Tick:
    """Return the sum of one second's ticks."""
    return Tick(
        number=ticks[0].number,
        t_s=max(tick.t_s for tick in ticks),
        n=sum(tick.n for tick in ticks),
        failed=sum(tick.failed for tick in ticks),
        answered=sum(tick.answered for tick in ticks),
        corrected=merge(tick.corrected for tick in ticks),
        service=merge(tick.service for tick in ticks),
        lateness=merge(tick.lateness for tick in ticks),
    )


def whole(parts: Sequence[Ended]) -> Ended:
    """Return the sum of the generators' shares; of their guards, the worst.

    Raises:
        ValueError: There is no share.

    """
    if not parts:
        raise ValueError("no generator said what it saw")
    errors: Counter[str] = Counter()
    for part in parts:
        errors.update(part.errors)
    return Ended(
        ticks=max(part.ticks for part in parts),
        seconds=min(part.seconds for part in parts),
        scheduled=sum(part.scheduled for part in parts),
        sent=sum(part.sent for part in parts),
        answered=sum(part.answered for part in parts),
        failed=sum(part.failed for part in parts),
        in_time=sum(part.in_time for part in parts),
        errors=dict(errors.most_common()),
        blocks=_side_by_side([part.blocks for part in parts]),
        service=merge(part.service for part in parts),
        operations=_by_name(parts),
        lateness=max((part.lateness for part in parts), key=_p99),
        noise_floor_ms=max(part.noise_floor_ms for part in parts),
        busiest=max(part.busiest for part in parts),
        held=all(part.held or part.sent == part.scheduled for part in parts),
        closed_loop=any(part.closed_loop for part in parts),
        interrupted=any(part.interrupted for part in parts),
        cpu_s=sum(part.cpu_s for part in parts),
        max_rss_bytes=max(part.max_rss_bytes for part in parts),
    )


def _agree(ended: Ended, ticks: Sequence[Tick]) -> None:
    if ended.ticks != len(ticks):
        raise Disagreement(f"{ended.ticks} seconds were said, {len(ticks)} arrived")
    left = ended.errors.get("unanswered", 0) + ended.errors.get("never_sent", 0)
    counts = {
        "scheduled": ended.scheduled,
        "in blocks": sum(block.n for block in ended.blocks),
        "by kind of request": sum(kind.corrected.n for kind in ended.operations),
    }
    if len(set(counts.values())) > 1:
        raise Disagreement(f"counts do not add up: {counts}")
    if not ended.interrupted and sum(tick.n for tick in ticks) + left < ended.scheduled:
        raise Disagreement("fewer requests ended second by second than in all")


def _side_by_side(blocks: Sequence[tuple[Histogram, ...]]) -> tuple[Histogram, ...]:
    return tuple(merge(row) for row in zip_longest(*blocks, fillvalue=Histogram()))


def _by_name(parts: Sequence[Ended]) -> tuple[Kind, ...]:
    kinds: dict[str, list[Kind]] = {}
    for part in parts:
        for kind in part.operations:
            kinds.setdefault(kind.name, []).append(kind)
    found = [
        Kind(
            name=name,
            corrected=merge(kind.corrected for kind in same),
            service=merge(kind.service for kind in same),
        )
        for name, same in kinds.items()
    ]
    return tuple(sorted(found, key=lambda kind: (-kind.corrected.n, kind.name)))


def _p99(lateness: Histogram) -> float:
    return lateness.quantile_ms(0.99) or 0.0
