"""Memory and processor time of the application, seen from the nearest place there is."""

import contextlib
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from readiness_kit.errors import NotSeen
from readiness_kit.harness.sampling import readings
from readiness_kit.harness.sampling.readings import Lives, Note, Rates, Reading, Sample, Sampler
from readiness_kit.probes.host.machine import process_id
from readiness_kit.probes.metrics.exposition import parse, values
from readiness_kit.probes.metrics.prometheus import api_client, instant
from readiness_kit.sources import Visit

LOOK_AROUND = 10
"""Samples after which the children of a process are sought again: it reads the process table."""

ANSWER_S = 2.0
"""Longest wait for one page of metrics."""

RESIDENT = "process_resident_memory_bytes"
CPU = "process_cpu_seconds_total"
STARTED = "process_start_time_seconds"


def application(visit: Visit, note: Note) -> Iterator[Sampler]:
    """Yield what tells memory and processor time of the application: the nearest that there is."""
    target, files = visit.target, visit.target.application.process_ids
    if any(map(_runs, files)):
        yield from (_ProcessFile(file).open for file in files)
        return
    if files:
        note(f"no process of application.process_ids runs on this host: {_short(files[0])}, …")
    if target.api is not None and target.api.metrics_urls:
        yield from (_MetricsPage(url).open for url in target.api.metrics_urls)
    elif target.prometheus.url is not None and (whose := _whose(visit)):
        yield _ScrapedProcesses(*whose).open
    else:
        note(
            "memory and processor time of the application: readiness.yaml names neither "
            "application.process_ids nor api.metrics_urls, nor what Prometheus knows them by: "
            "prometheus.names.requests_total or api.instances"
        )


class _ProcessFile:
    """The process that a file names, with its children."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextlib.contextmanager
    def open(self, _: Visit) -> Iterator[Sample]:
        yield _ProcessTree(self._file).sample


class _ProcessTree:
    """One process and its children, as long as it lives."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._head = self._named()
        self._children: list[psutil.Process] = []
        self._used_s: dict[psutil.Process, float] = {}
        self._then = -math.inf
        self._samples = 0

    def sample(self) -> Iterator[Reading]:
        """Add up memory and processor time; memory that children share counts for each."""
        if self._samples % LOOK_AROUND == 0 and self._head.is_running():
            self._look_around()
        self._samples += 1
        resident = 0
        used_s: dict[psutil.Process, float] = {}
        for one in (self._head, *self._children):
            with contextlib.suppress(psutil.Error):
                resident += one.memory_info().rss
                times = one.cpu_times()
                used_s[one] = times.user + times.system
        if self._head not in used_s or not resident or not self._head.is_running():
            raise NotSeen(f"process of {_short(self._file)} is gone")
        yield Reading("resident_bytes", self._of, float(resident))
        now = time.monotonic()
        if now - self._then < readings.SHORTEST_S:
            return
        grown_s = [s - self._used_s[one] for one, s in used_s.items() if one in self._used_s]
        if grown_s:
            yield Reading("cpu_cores", self._of, sum(grown_s) / (now - self._then))
        self._used_s, self._then = used_s, now

    @property
    def _of(self) -> str:
        return f"process {self._head.pid}"

    def _look_around(self) -> None:
        if self._samples and self._file.is_file() and self._named() != self._head:
            raise NotSeen(f"{_short(self._file)} names another process than before")
        with contextlib.suppress(psutil.Error):
            self._children = self._head.children(recursive=True)

    def _named(self) -> psutil.Process:
        try:
            return psutil.Process(process_id(self._file))
        except (NotSeen, psutil.Error) as error:
            raise NotSeen(f"process of {_short(self._file)} is gone") from error


class _MetricsPage:
    """Memory and processor time as a process tells them of itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lives = Lives()
        self._rates = Rates()

    @contextlib.contextmanager
    def open(self, visit: Visit) -> Iterator[Sample]:
        with visit.client(self._url, paced=False, timeout_s=ANSWER_S) as client:
            yield lambda: self._sample(client)

    def _sample(self, client: httpx.Client) -> Iterator[Reading]:
        try:
            answer = client.get(urlsplit(self._url).path or "/")
        except httpx.HTTPError as error:
            raise NotSeen(f"{self._url}: {type(error).__name__}: {error}") from error
        now = time.monotonic()
        # a page may have thousands of lines, and the parser takes its time for each
        wanted = (RESIDENT, CPU, STARTED)
        lines = (line for line in answer.text.splitlines() if line.startswith(wanted))
        families, reason = parse("\n".join(lines) + "\n")
        if answer.status_code != 200 or reason:
            raise NotSeen(f"{self._url}: status {answer.status_code}, and no {RESIDENT}")
        of = self._lives.of(self._url, next(values(families, STARTED), None))
        for resident in values(families, RESIDENT):
            yield Reading("resident_bytes", of, resident)
        for used_s in values(families, CPU):
            cores = self._rates.rate(of, used_s, now)
            if cores is not None:
                yield Reading("cpu_cores", of, cores)


class _ScrapedProcesses:
    """Memory and processor time as Prometheus has them."""

    def __init__(self, labels: str, joined: str) -> None:
        self._queries = {
            "started": f"{STARTED}{labels}{joined}",
            "resident_bytes": f"{RESIDENT}{labels}{joined}",
            "cpu_cores": f"rate({CPU}{labels}[1m]){joined}",
        }
        self._lives = Lives()

    @contextlib.contextmanager
    def open(self, visit: Visit) -> Iterator[Sample]:
        with api_client(visit) as client:
            yield lambda: self._sample(client)

    def _sample(self, client: httpx.Client) -> Iterator[Reading]:
        found = {name: instant(client, query) for name, query in self._queries.items()}
        started = found.pop("started")
        if not found["resident_bytes"]:
            raise NotSeen(f"Prometheus has no {RESIDENT} of the application")
        for name, series in found.items():
            for labels, value in series.items():
                yield Reading(name, self._lives.of(labels, started.get(labels)), value)


def _whose(visit: Visit) -> tuple[str, str] | None:
    """Return what tells the application's processes from others that Prometheus scrapes."""
    target = visit.target
    if target.api is not None and target.api.instances:
        places = (re.escape(urlsplit(url).netloc) for url in target.api.instances)
        return f"{{instance=~`{'|'.join(places)}`}}", ""
    counter = target.prometheus.names.get("requests_total")
    if counter is None:
        return None
    return "", f" and on (job, instance) {counter.removesuffix('_total')}_total"


def _runs(file: Path) -> bool:
    try:
        return process_id(file) > 0
    except NotSeen:
        return False


def _short(file: Path) -> str:
    return "/".join(file.parts[-2:])
