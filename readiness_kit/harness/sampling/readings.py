"""What one sample is, and how processes and their rates are told apart over many."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple

from readiness_kit.sources import Visit

SHORTEST_S = 0.3
"""Shortest time over which a rate is told: processor time comes in steps of 10 ms."""


class Reading(NamedTuple):
    """One value; name and owner as in :class:`readiness_kit.facts.load.Gauge`."""

    name: str
    of: str
    value: float


Sample = Callable[[], Iterable[Reading]]
Sampler = Callable[[Visit], AbstractContextManager[Sample]]
"""Opens what it needs for as long as it is entered, and yields what takes one sample.

Where either raises NotSeen, it is left, and entered again at the next instant.
"""

Note = Callable[[str], None]


class Lives:
    """Tells the lives of restarted processes apart, so that one series is one process."""

    def __init__(self) -> None:
        """Know of none."""
        self._known: dict[str, list[float | None]] = {}

    def of(self, place: str, started: float | None) -> str:
        """Return a name for the process at *place* that began at *started*.

        >>> lives = Lives()
        >>> [lives.of("api", started) for started in (1.0, 1.0, 7.0, 1.0)]
        ['api', 'api', 'api #2', 'api']
        """
        lives = self._known.setdefault(place, [])
        if started not in lives:
            lives.append(started)
        number = lives.index(started) + 1
        return place if number == 1 else f"{place} #{number}"


class Rates:
    """Turns what only grows into a rate."""

    def __init__(self) -> None:
        """Know of nothing."""
        self._known: dict[str, tuple[float, float]] = {}

    def rate(self, of: str, grown: float, now: float) -> float | None:
        """Return the growth per second since the last rate; None at first, and after a fall.

        >>> rates = Rates()
        >>> [rates.rate("api", *seen) for seen in ((5.0, 10.0), (7.0, 14.0), (0.1, 15.0))]
        [None, 0.5, None]
        """
        before = self._known.get(of)
        if before is not None and now - before[1] < SHORTEST_S:
            return None
        self._known[of] = (grown, now)
        if before is None or grown < before[0]:
            return None
        return (grown - before[0]) / (now - before[1])
