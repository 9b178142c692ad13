"""What went over the wire so far: the highest request rate, the growth of the data, the bytes."""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from readiness_kit.errors import NotSeen
from readiness_kit.facts.papers.capacity import AnswerSizes, DatabaseGrowth, RequestPeak, SizeSample
from readiness_kit.probes.api.graphql import ask, bearer, changes, plain_queries
from readiness_kit.probes.database.session import parameters
from readiness_kit.probes.metrics.exposition import Exposition, read_all, values
from readiness_kit.probes.metrics.prometheus import api_client, history, instant
from readiness_kit.sources import Visit, source
from readiness_kit.target import SmokeOperation

DAYS = 30
"""How far back Prometheus is asked."""

SPAN_S = 300
"""Time over which a rate is a rate: short bursts do not count as load."""

_INSIDE = "lo|docker.*|veth.*|br-.*"
"""Network devices whose bytes do not leave the machine."""

_METRIC = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")


@source(effect="read", asks="1 GET per process, 2 GET of Prometheus", deadline_s=30)
def request_peak(visit: Visit) -> RequestPeak:
    """Ask Prometheus for the highest rate, else the counters of the processes.

    Raises:
        NotSeen: Neither tells.

    """
    pages = read_all(visit)
    name = next((one.page.requests for one in pages if one.page.requests), "")
    if not _METRIC.fullmatch(name):
        raise NotSeen(
            "no process shows a counter of requests",
            hint="see monitoring.application_metrics.exposed; prometheus.names can name it",
        )
    remembered = _remembered(visit, name)
    highest_rps, window_s = remembered or _counted(pages, time.time())
    return RequestPeak(
        observed_at=datetime.now(UTC),
        highest_rps=round(highest_rps, 3),
        window_s=round(window_s),
        origin="prometheus" if remembered else "counters",
        counter=name,
    )


def _remembered(visit: Visit, name: str) -> tuple[float, float] | None:
    """Return the highest rate that Prometheus knows and how far back it looks, if it knows any."""
    past = f"(sum(rate({name}[5m])))[{DAYS}d:5m]"
    try:
        with api_client(visit) as client:
            highest = list(instant(client, f"max_over_time({past})").values())
            steps = list(instant(client, f"count_over_time({past})").values())
    except NotSeen:
        return None
    return (highest[0], steps[0] * SPAN_S) if highest and steps else None


def _counted(pages: list[Exposition], now_s: float) -> tuple[float, float]:
    """Return the rate since the processes started, no shorter than a span, and since when.

    Raises:
        NotSeen: A process tells no count, or not since when it counts.

    """
    rate_rps, ages_s = 0.0, []
    for one in pages:
        started_s = next(values(one.families, "process_start_time_seconds"), None)
        if not one.page.requests or started_s is None:
            raise NotSeen(
                f"{one.page.url} does not show both its requests and its start",
                hint="expose process_start_time_seconds beside the counter of requests",
            )
        age_s = max(now_s - started_s, SPAN_S)
        rate_rps += sum(values(one.families, one.page.requests)) / age_s
        ages_s.append(now_s - started_s)
    return rate_rps, max(0.0, min(ages_s))


@source(effect="read", asks="1 GET of Prometheus: the size of the database over 30 days")
def database_growth(visit: Visit) -> DatabaseGrowth:
    """Ask Prometheus for the size of the database, as postgres_exporter tells it.

    Raises:
        NotSeen: No Prometheus is configured, or it gave no answer.

    """
    name = parameters(visit.database.dsn).get("dbname", "")
    query = f"max(pg_database_size_bytes{{datname={json.dumps(name)}}})[{DAYS}d:6h]"
    with api_client(visit) as client:
        past = history(client, query)
    try:
        samples = [
            SizeSample(at=datetime.fromtimestamp(t_s, UTC), size_bytes=value)
            for t_s, value in sorted(past)
        ]
    except (ValueError, OverflowError) as error:
        raise NotSeen(f"Prometheus tells times that are none: {error}") from error
    return DatabaseGrowth(observed_at=datetime.now(UTC), database=name, samples=tuple(samples))


@source(
    effect="read", asks="1 query per declared operation that changes nothing, 1 GET of Prometheus"
)
def answer_sizes(visit: Visit) -> AnswerSizes:
    """Ask every declared operation that changes nothing once, and Prometheus for what was sent.

    Raises:
        NotSeen: No such operation is declared, or not one was answered.

    """
    sizes: dict[str, int] = {}
    with visit.client(visit.api.url, headers=bearer(visit.token)) as client:
        for one in _operations(visit):
            reply = ask(client, visit.api.graphql, one.query, one.variables)
            if reply.answer.answered:
                sizes[one.name] = len(reply.body)
    if not sizes:
        raise NotSeen("not one declared operation was answered", hint="see smoke in readiness.yaml")
    return AnswerSizes(
        observed_at=datetime.now(UTC),
        answers=sizes,
        highest_sent_bytes_per_s=_sent(visit),
    )


def _operations(visit: Visit) -> Iterator[SmokeOperation]:
    declared = [one for one in visit.target.smoke if not changes(one.query)]
    if visit.api.kind == "graphql" and declared:
        yield from declared
        return
    for query in plain_queries(visit):
        yield SmokeOperation(name=query[:60], query=query)


def _sent(visit: Visit) -> float | None:
    """Return the most that a machine of the service sent; None when Prometheus does not know."""
    urls = visit.api.instances or (visit.api.url,)
    hosts = "|".join(sorted({re.escape(urlsplit(url).hostname or "") for url in urls}))
    chosen = (
        f"device!~{json.dumps('lo|docker.*|veth.*|br-.*')},instance=~{json.dumps(f'({hosts}):.*')}"
    )
    sent = f"sum by (instance) (rate(node_network_transmit_bytes_total{{{chosen}}}[5m]))"
    with contextlib.suppress(NotSeen), api_client(visit) as client:
        found = instant(client, f"max(max_over_time(({sent})[{DAYS}d:5m]))")
        return next(iter(found.values()), None)
    return None
