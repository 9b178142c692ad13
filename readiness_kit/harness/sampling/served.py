"""How many requests the target itself counted while load was on."""

import dataclasses
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

from prometheus_client.metrics_core import Metric

from readiness_kit.harness.sampling.readings import Note
from readiness_kit.probes.metrics.exposition import (
    Exposition,
    counted,
    read,
    requests_counter,
    values,
)
from readiness_kit.sources import Visit

FIRST_S = 1.0
"""Longest time the first reading may take; after it, requests would be missing from the count."""

LAST_S = 4.0
"""Longest time the last reading may take: the target may still be busy."""

READERS = 8


class Served:
    """Reads the counters of every process before the schedule and after it.

    All of ``api.metrics_urls`` must tell, or nothing is said: a sum without one of them is wrong.
    The first reading is under way when the first request is due, so the count may be short by
    those that arrive within one round trip; it includes what users send at the end to clean up.
    """

    def __init__(self, visit: Visit, path: str, note: Note) -> None:
        """Count requests for *path*; left empty, those for the GraphQL endpoint, or of REST all."""
        api = visit.target.api
        self._visit = visit
        self._note = note
        self._urls = api.metrics_urls if api is not None else ()
        self._path = path or (api.graphql if api is not None and api.kind == "graphql" else "")
        asides = (api.health, api.ready, api.version) if api is not None else ()
        self._asides = {*asides, *(urlsplit(url).path for url in self._urls)}
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="load-served")
        self._before: list[Future[Exposition]] = []
        self.n: int | None = None

    def begin(self) -> None:
        """Begin the first reading, and return at once."""
        self._before = self._read(FIRST_S)

    def end(self) -> None:
        """Read again, and tell what lies between."""
        if not self._before:
            return
        after = self._read(LAST_S)
        moved = [self._moved(*pair) for pair in zip(self._urls, self._before, after, strict=True)]
        known = [n for n in moved if n is not None]
        self.n = round(sum(known)) if len(known) == len(moved) else None

    def close(self) -> None:
        """Ask nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, within_s: float) -> list[Future[Exposition]]:
        visit = dataclasses.replace(
            self._visit, fact_id="served", started=time.monotonic(), deadline_s=within_s
        )
        return [self._pool.submit(read, visit, url) for url in self._urls]

    def _moved(
        self, url: str, before: Future[Exposition], after: Future[Exposition]
    ) -> float | None:
        try:
            first, last = before.result(FIRST_S), after.result(2 * LAST_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, the load test has ended well
            self._note(f"requests counted by {url}: {type(error).__name__}: {error}")
            return None
        name = requests_counter(self._visit, last.families)
        grown = self._total(last.families, name) - self._total(first.families, name)
        reason = first.page.reason or last.page.reason
        if not reason and not name:
            reason = "it shows no counter of requests"
        if not reason and (grown < 0 or _started(first) != _started(last)):
            reason = "another process answered at the end than at the start"
        if reason:
            self._note(f"requests counted by {url}: {reason}")
        return None if reason else grown

    def _total(self, families: Iterable[Metric], name: str) -> float:
        if self._path:
            return counted(families, name, self._path)
        samples = (one for family in families for one in family.samples if one.name == name)
        return sum(one.value for one in samples if not self._asides & set(one.labels.values()))


def _started(page: Exposition) -> list[float]:
    return list(values(page.families, "process_start_time_seconds"))
