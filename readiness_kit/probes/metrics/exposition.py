"""Reads the metrics of every process, and moves their counters by a known number of requests."""

import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from readiness_kit.errors import NotSeen
from readiness_kit.facts.metrics.exposition import (
    CountersMoved,
    MetricsExposed,
    MetricsPage,
    ProcessCounters,
    PublicMetrics,
)
from readiness_kit.probes.api.graphql import ask, bearer, plain_query
from readiness_kit.probes.logs.lines import Tail
from readiness_kit.sources import Address, Visit, source
from readiness_kit.target import origin

SENT = 20
"""Marked requests between the two readings."""

LOG_WAIT_S = 2.0
_REQUESTS = re.compile(r"(?:^|_)requests?(?:_total)?$")
_DURATIONS = re.compile(r"request.*(?:duration|latency|seconds|milliseconds)")
_FINITE = re.compile(r"[0-9.]+(?:e[-+]?[0-9]+)?")
_MILLISECONDS = re.compile(r"_(?:ms|milliseconds)$")


class Exposition(NamedTuple):
    """One answer and what it parses to."""

    page: MetricsPage
    families: tuple[Metric, ...]


@source(effect="read", asks="1 GET per process")
def metrics_exposed(visit: Visit) -> MetricsExposed:
    """Read every process once.

    Raises:
        NotSeen: Not one gave any answer.

    """
    pages = tuple(one.page for one in read_all(visit))
    if all(page.status is None for page in pages):
        raise NotSeen(
            f"no metrics endpoint answered: {pages[0].reason}",
            hint="check api.metrics_urls, and that the service is up",
        )
    return MetricsExposed(observed_at=datetime.now(UTC), pages=pages)


@source(effect="read", asks="1 or 2 GET per address and 1 per process")
def public_metrics(visit: Visit) -> PublicMetrics:
    """Ask the public face for what the scraper reads elsewhere.

    Raises:
        NotSeen: ``api.metrics_urls`` names no place apart from ``api.url``.

    """
    url, urls = visit.api.url, visit.api.metrics_urls
    apart = [one for one in urls if origin(one) != origin(url)]
    if not apart:
        raise NotSeen(
            "api.metrics_urls names no place apart from api.url",
            cause="not_configured",
            hint="name where the scraper reads the metrics of each process",
        )
    paths = dict.fromkeys(["/metrics", *(urlsplit(one).path or "/" for one in apart)])
    return PublicMetrics(
        public=tuple(
            read(visit, url.rstrip("/") + path, address).page
            for address in visit.addresses(url)
            for path in paths
        ),
        controls=tuple(read(visit, one).page for one in apart),
        observed_at=datetime.now(UTC),
    )


@source(effect="canary", asks=f"{SENT} queries and 2 GET per process", deadline_s=40)
def counters_moved(visit: Visit) -> CountersMoved:
    """Read all counters, send marked requests, read all counters again.

    Raises:
        NotSeen: A process showed no counters.

    """
    query, path = plain_query(visit), visit.api.graphql
    tail = Tail(visit.target.logs)
    before = [_counters(visit, one) for one in read_all(visit)]
    answered = sum(_send(visit, query, SENT // 2) for _ in range(2))
    after = [_counters(visit, one) for one in read_all(visit)]
    processes = tuple(_pair(*pair) for pair in zip(before, after, strict=True))
    grown = sum(one.requests_after - one.requests_before for one in processes)
    return CountersMoved(
        processes=processes,
        declared=max(len(visit.api.instances), len(visit.target.application.process_ids), 1),
        sent=SENT,
        answered=answered,
        logged=_logged(tail, path, grown),
        observed_at=datetime.now(UTC),
    )


def _send(visit: Visit, query: str, times: int) -> int:
    """Ask *times* from one address and return how often data came back."""
    headers = {**bearer(visit.token), "x-readiness-canary": visit.run_id}
    with visit.client(visit.api.url, headers=headers) as client:
        answers = [ask(client, visit.api.graphql, query).answer for _ in range(times)]
    return sum(one.answered for one in answers)


def _logged(tail: Tail, path: str, at_least: float) -> int | None:
    """Return the requests in the logs, waiting a moment for those that are on their way."""
    until = time.monotonic() + LOG_WAIT_S
    while True:
        logged = tail.requests(path)
        if logged is None or logged >= at_least or time.monotonic() > until:
            return logged
        time.sleep(0.05)


class _Counters(NamedTuple):
    url: str
    requests: float
    durations: float
    started_s: float | None


def _counters(visit: Visit, one: Exposition) -> _Counters:
    page = one.page
    if not (page.requests and page.durations):
        raise NotSeen(
            f"{page.url} shows no counter of requests with a histogram of durations",
            hint="see monitoring.application_metrics.exposed; prometheus.names can name them",
        )
    path = visit.api.graphql
    return _Counters(
        url=page.url,
        requests=counted(one.families, page.requests, path),
        durations=counted(one.families, f"{page.durations}_count", path),
        started_s=next(values(one.families, "process_start_time_seconds"), None),
    )


def _pair(before: _Counters, after: _Counters) -> ProcessCounters:
    known = before.started_s is not None and after.started_s is not None
    return ProcessCounters(
        url=before.url,
        requests_before=before.requests,
        requests_after=after.requests,
        durations_before=before.durations,
        durations_after=after.durations,
        restarted=before.started_s != after.started_s if known else None,
    )


def counted(families: Iterable[Metric], name: str, path: str) -> float:
    """Add the samples called *name*: those labelled with *path*, or all when none ever is."""
    samples = [one for family in families for one in family.samples if one.name == name]
    labelled = [one for one in samples if path in one.labels.values()]
    wanted = labelled if any("/" in "".join(one.labels.values()) for one in samples) else samples
    return float(sum(one.value for one in wanted))


def values(families: Iterable[Metric], name: str) -> Iterator[float]:
    """Yield the values of the samples called *name*."""
    return (one.value for family in families for one in family.samples if one.name == name)


def requests_counter(visit: Visit, families: Iterable[Metric]) -> str:
    """Return the name of the counter of requests in *families*, or nothing."""
    names = visit.target.prometheus.names
    found = _named(families, "counter", names.get("requests_total"), _REQUESTS)
    return found.samples[0].name if found else ""


def read_all(visit: Visit) -> list[Exposition]:
    """Read the page of every process once."""
    api = visit.api
    urls = api.metrics_urls or tuple(
        f"{one.rstrip('/')}/metrics" for one in api.instances or (api.url,)
    )
    return [read(visit, url) for url in urls]


def read(visit: Visit, url: str, address: Address | None = None) -> Exposition:
    """Read one page once; what did not go well is its ``reason``."""
    status, text, reason = None, "", ""
    try:
        with visit.client(url, address=address, paced=False) as client:
            answer = client.get(urlsplit(url).path or "/")
            status, text = answer.status_code, answer.text
    except (httpx.HTTPError, NotSeen) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
    families: tuple[Metric, ...] = ()
    if status == 200:
        families, reason = parse(text)
    return Exposition(_page(visit, url, status, families, reason), families)


def parse(text: str) -> tuple[tuple[Metric, ...], str]:
    r"""Return the families in *text*, or why it is no exposition.

    >>> parse("<html>")[1]
    'not the text format: invalid metric name:<html>'
    >>> [family.type for family in parse("# TYPE a_total counter\na_total 1\n")[0]]
    ['counter']
    """
    try:
        families = tuple(text_string_to_metric_families(text))
    except Exception as error:  # noqa: BLE001 - the parser raises whatever the text makes it
        return (), f"not the text format: {str(error)[:80]}"
    samples = any(family.samples for family in families)
    return families, "" if samples else "there are no samples"


def _page(
    visit: Visit, url: str, status: int | None, families: tuple[Metric, ...], reason: str
) -> MetricsPage:
    names = visit.target.prometheus.names
    durations = _named(families, "histogram", names.get("request_duration"), _DURATIONS)
    return MetricsPage(
        url=url,
        status=status,
        parses=any(family.samples for family in families),
        series=sum(len(family.samples) for family in families),
        requests=requests_counter(visit, families),
        durations=durations.name if durations else "",
        buckets_s=_buckets(durations) if durations else (),
        reason=reason,
    )


def _named(
    families: Iterable[Metric], kind: str, declared: str | None, meaning: re.Pattern[str]
) -> Metric | None:
    """Return the family that *declared* names, else the first of *kind* by its meaning."""
    known = [one for one in families if one.type == kind and one.samples]
    if declared:
        return next((one for one in known if one.name == declared.removesuffix("_total")), None)
    return next((one for one in known if meaning.search(one.name)), None)


def _buckets(family: Metric) -> tuple[float, ...]:
    unit = 1000.0 if _MILLISECONDS.search(family.name) else 1.0
    bounds = {one.labels["le"] for one in family.samples if "le" in one.labels}
    return tuple(sorted(float(one) / unit for one in bounds if _FINITE.fullmatch(one)))
