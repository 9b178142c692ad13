"""What becomes of requests: appended on the hot path, folded into histograms once a second."""

from array import array
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from readiness_kit.harness.plan import Kind
from readiness_kit.statistics.histogram import Histogram, merge
from readiness_kit.statistics.tally import Tally, histogram_of

OPERATIONS = 40
"""Kinds of requests that are told apart; the rest is :data:`OTHER`."""

OTHER = "(other)"
LOST = float("inf")


class Folded(NamedTuple):
    """What ended since the last fold."""

    corrected: Histogram
    service: Histogram
    lateness: Histogram


class Record:
    """Everything a generator saw, of one size however long the run is."""

    def __init__(self, blocks: int, block_s: float) -> None:
        """Keep *blocks* apart, each of *block_s* seconds of schedule."""
        self._block_s = block_s
        self._n_blocks = blocks
        self._blocks = Tally(blocks)
        self._operations = {OTHER: 0}
        self._corrected = Tally(OPERATIONS + 1)
        self._service = Tally(OPERATIONS + 1)
        self._lateness = Tally(1)
        self._due = array("d")
        self._corrected_s = array("d")
        self._service_s = array("d")
        self._kinds = array("q")
        self._late_s = array("d")
        self._spoiled: list[tuple[str, float, float, float]] = []
        self.failed = self.in_time = 0
        self.errors: Counter[str] = Counter()

    def good(self, name: str, due: float, corrected_s: float, service_s: float) -> None:
        """Record a good answer to a request due at *due*."""
        self._kinds.append(self._operations.get(name) or self._operation(name))
        self._due.append(due)
        self._corrected_s.append(corrected_s)
        self._service_s.append(service_s)

    def bad(self, name: str, due: float, kind: str) -> None:
        """Record a request that failed: it is worse than any other."""
        self.failed += 1
        self.errors[kind] += 1
        self.good(name, due, LOST, LOST)

    def spoil(
        self, name: str, due: float, corrected_s: float, service_s: float, *, kind: str
    ) -> None:
        """Turn a good answer, recorded before with the same figures, into a failure."""
        self.failed += 1
        self.errors[kind] += 1
        self._spoiled.append((name, due, corrected_s, service_s))

    def late(self, seconds: float) -> None:
        """Record by how much the generator itself was late."""
        self._late_s.append(seconds)

    def fold(self, until: float) -> Folded:
        """Fold what was appended; good answers before *until* are in time."""
        due, corrected_s, service_s, kinds = self._taken()
        self._blocks.add(self._block_of(due), corrected_s)
        self._corrected.add(kinds, corrected_s)
        self._service.add(kinds, service_s)
        self.in_time += int(np.count_nonzero(due + corrected_s <= until))
        self._take_back(until)
        late_s = np.frombuffer(self._late_s, np.float64)
        self._late_s = array("d")
        self._lateness.add(np.zeros(len(late_s), np.int64), late_s)
        return Folded(histogram_of(corrected_s), histogram_of(service_s), histogram_of(late_s))

    def cut(self, blocks: int) -> None:
        """Keep the first *blocks* only: the schedule ends with them."""
        self._n_blocks = blocks

    def blocks(self) -> tuple[Histogram, ...]:
        """Return the corrected latency, by block of the schedule."""
        return tuple(self._blocks.histogram(row) for row in range(self._n_blocks))

    def service(self) -> Histogram:
        """Return the service time of all requests."""
        return merge(self._service.histogram(row) for row in self._operations.values())

    def operations(self) -> tuple[Kind, ...]:
        """Return both clocks, by kind of request."""
        return tuple(
            Kind(
                name=name,
                corrected=self._corrected.histogram(row),
                service=self._service.histogram(row),
            )
            for name, row in self._operations.items()
            if row or self._corrected.histogram(row).n
        )

    def lateness(self) -> Histogram:
        """Return how late the generator itself was."""
        return self._lateness.histogram(0)

    def _block_of(self, due: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.clip((due / self._block_s).astype(np.int64), 0, self._n_blocks - 1)

    def _take_back(self, until: float) -> None:
        for name, due, corrected_s, service_s in self._spoiled:
            row = self._operations.get(name, 0)
            self._blocks.spoil(int(self._block_of(np.array([due]))[0]), corrected_s)
            self._corrected.spoil(row, corrected_s)
            self._service.spoil(row, service_s)
            self.in_time -= due + corrected_s <= until
        self._spoiled.clear()

    def _operation(self, name: str) -> int:
        if len(self._operations) > OPERATIONS:
            return self._operations.get(name, 0)
        return self._operations.setdefault(name, len(self._operations))

    def _taken(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        due, corrected_s, service_s = (
            np.frombuffer(one, np.float64)
            for one in (self._due, self._corrected_s, self._service_s)
        )
        kinds = np.frombuffer(self._kinds, np.int64)
        self._due, self._corrected_s, self._service_s = array("d"), array("d"), array("d")
        self._kinds = array("q")
        return due, corrected_s, service_s, kinds
