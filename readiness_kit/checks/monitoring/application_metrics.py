"""Application metrics: exposed by every process, true, scraped, and not for the public.

>>> CHECK.shows()  # doctest: +NORMALIZE_WHITESPACE
{'exposed': 'PASS', 'counters_move': 'PASS', 'not_public': 'PASS', 'scraped': 'PASS'}
>>> CHECK.shows(without_buckets(EXPOSED))["exposed"]
'WARN'
>>> CHECK.shows(counters_stand_still(MOVED))["counters_move"]
'FAIL'
>>> CHECK.shows(MOVED.replace(logged=None))["counters_move"]
'UNKNOWN'
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.metrics.exposition import (
    CountersMoved,
    MetricsExposed,
    MetricsPage,
    ProcessCounters,
    PublicMetrics,
)
from readiness_kit.facts.metrics.prometheus import ScrapeTarget, ScrapeTargets
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

BUCKETS_S = (0.1, 0.5, 1.0)
"""Bounds without which the checklist's objectives cannot be read from the histogram."""

MANY_SERIES = 10_000
CLOSED = frozenset({401, 403, 404})
FRESH_INTERVALS = 2.0
STALE_INTERVALS = 5.0


@judges("exposed")
def judge_exposed(seen: MetricsExposed) -> Iterator[Finding]:
    """Every process exposes a counter of requests and a histogram of their durations."""
    bad = [one for one in seen.pages if not _exposes(one)]
    weak = [advice for one in seen.pages for advice in _weaknesses(one)]
    case = Case(
        claim="exposed",
        got="; ".join(_words(one) for one in seen.pages) or "no process was asked",
        want="every process: a counter of requests, and a histogram of durations with buckets at "
        f"{', '.join(f'{bound:g}' for bound in BUCKETS_S)} s",
        seen=[MetricsExposed.at(f"/pages/{n}") for n in range(len(seen.pages))],
        reproduce=f"curl -sS {seen.pages[0].url if seen.pages else '$METRICS_URL'}",
    )
    if not seen.pages:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif bad:
        yield case.fails("serve prometheus_client's exposition at /metrics of each process")
    else:
        yield case.holds(*dict.fromkeys(weak))


def _exposes(one: MetricsPage) -> bool:
    return one.status == 200 and one.parses and bool(one.requests) and bool(one.durations)


def _weaknesses(one: MetricsPage) -> Iterator[str]:
    if any(not any(math.isclose(bound, have) for have in one.buckets_s) for bound in BUCKETS_S):
        yield "add buckets at 0.1, 0.5 and 1 s: objectives are read at a bucket's bound"
    if not 0 < one.series <= MANY_SERIES:
        yield f"more than {MANY_SERIES} series: a label has too many values"


@judges("counters_move")
def judge_counters(seen: CountersMoved) -> Iterator[Finding]:
    """All counters together grow by what was sent, and by no more than what happened."""
    requests = sum(one.requests_after - one.requests_before for one in seen.processes)
    durations = sum(one.durations_after - one.durations_before for one in seen.processes)
    logged = "unknown" if seen.logged is None else str(seen.logged)
    case = Case(
        claim="counters_move",
        got=f"{seen.answered} of {seen.sent} requests answered; counters of {len(seen.processes)} "
        f"processes grew by {requests:g}, histograms by {durations:g}; {logged} requests logged",
        want=f"both grow by {seen.sent} or more, and by no more than the logs hold",
        seen=[
            CountersMoved.at("/processes"),
            CountersMoved.at("/answered"),
            CountersMoved.at("/logged"),
        ],
        reproduce="curl -sS $METRICS_URL | grep requests_total; send 20 requests; again",
    )
    if seen.sent < 1 or seen.answered < seen.sent or not seen.processes:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif any(one.restarted is False and not _rises(one) for one in seen.processes):
        yield case.fails("a counter that falls without a restart, or is no number, is made up")
    elif any(one.restarted or not _rises(one) for one in seen.processes):
        yield case.not_seen(Cause.COULD_NOT_ASK, "a process has restarted meanwhile: run again")
    elif min(requests, durations) < seen.sent:
        yield _too_few(case, seen)
    elif seen.logged is None:
        yield case.not_seen(Cause.UNPROVEN, "add logs.application: it bounds the growth from above")
    elif max(requests, durations) > seen.logged:
        yield case.fails("counters that grow by more than what happened are made up")
    else:
        yield case.holds()


def _too_few(case: Case, seen: CountersMoved) -> Finding:
    """Tell a counter that does not count from a process that was not asked."""
    if len(seen.processes) < max(seen.declared, 1):
        return case.not_seen(Cause.COULD_NOT_ASK, "add every process to api.metrics_urls")
    return case.fails("count every request; without prometheus_client FraiseQL makes numbers up")


def _rises(one: ProcessCounters) -> bool:
    pairs = (
        (one.requests_before, one.requests_after),
        (one.durations_before, one.durations_after),
    )
    return all(0 <= before <= after < math.inf for before, after in pairs)


@judges("not_public")
def judge_public(seen: PublicMetrics) -> Iterator[Finding]:
    """What the scraper reads is not told at the public address."""
    shown = [one for one in seen.public if one.status == 200 and one.parses]
    unclear = [one for one in seen.public if one.status not in CLOSED and one not in shown]
    control = bool(seen.controls) and all(one.status == 200 and one.parses for one in seen.controls)
    case = Case(
        claim="not_public",
        got="; ".join(_words(one) for one in seen.public) or "the public face was not asked",
        want="401, 403 or 404 at the public address, while the scraper's address shows them",
        seen=[PublicMetrics.at("/public"), PublicMetrics.at("/controls")],
        reproduce="curl -sS -o /dev/null -w '%{http_code}' $URL/metrics",
    )
    if shown:
        yield case.fails("answer 404 for the metrics path at the edge")
    elif not seen.public or not control or unclear:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    else:
        yield case.holds()


@judges("scraped")
def judge_scraped(seen: ScrapeTargets) -> Iterator[Finding]:
    """Prometheus scrapes each process, and did so just now."""
    by_url = {one.url: one for one in seen.targets}
    found = [by_url[url] for url in seen.declared if url in by_url]
    missing = [url for url in seen.declared if url not in by_url]
    case = Case(
        claim="scraped",
        got="; ".join([*map(_scrape, found), *(f"{url}: not scraped" for url in missing)])
        or "no process is declared",
        want=f"each of {len(seen.declared)} processes up, scraped in the last "
        f"{FRESH_INTERVALS:g} intervals",
        seen=[ScrapeTargets.at("/targets"), ScrapeTargets.at("/declared")],
        reproduce="curl -sS '$PROMETHEUS/api/v1/targets?state=active'",
        grade=Grade.OBSERVED,
    )
    late = max((_intervals(one) for one in found if one.health == "up"), default=0.0)
    if not seen.declared:
        yield case.not_seen(Cause.NOT_CONFIGURED, "add api.metrics_urls as the scraper reads them")
    elif missing or any(one.health == "down" for one in found) or late > STALE_INTERVALS:
        yield case.fails("add every process to scrape_configs, and see the target's last error")
    elif any(one.health != "up" for one in found):
        yield case.not_seen(Cause.TOO_FEW_SAMPLES, "a target has not been scraped yet")
    elif late > FRESH_INTERVALS:
        yield case.holds("scrapes are late: see prometheus_target_interval_length_seconds")
    else:
        yield case.holds()


def _intervals(one: ScrapeTarget) -> float:
    """Return the age of the last scrape in intervals; what is no time is infinitely old."""
    if not (math.isfinite(one.age_s) and math.isfinite(one.interval_s)):
        return math.inf
    return one.age_s / one.interval_s if one.interval_s > 0 and one.age_s >= 0 else math.inf


def _scrape(one: ScrapeTarget) -> str:
    return f"{one.url} {one.health}, scraped {one.age_s:g} s ago" + f" ({one.error})" * bool(
        one.error
    )


def _words(one: MetricsPage) -> str:
    if one.status != 200 or not one.parses:
        return f"{one.url}: {one.status or 'no answer'} {one.reason}".strip()
    names = f"{one.requests or 'no counter'}, {one.durations or 'no histogram'}"
    return f"{one.url}: {one.series} series, {names}"


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_URL = "http://10.0.0.5:8000/metrics"
_PAGE = MetricsPage(
    url=_URL,
    status=200,
    parses=True,
    series=120,
    requests="fraiseql_http_requests_total",
    durations="fraiseql_http_request_duration_seconds",
    buckets_s=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
EXPOSED = MetricsExposed(observed_at=_NOW, pages=(_PAGE, _PAGE))
MOVED = CountersMoved(
    observed_at=_NOW,
    processes=(
        ProcessCounters(
            url=_URL,
            requests_before=100.0,
            requests_after=123.0,
            durations_before=100.0,
            durations_after=123.0,
            restarted=False,
        ),
    ),
    declared=1,
    sent=20,
    answered=20,
    logged=23,
)
PUBLIC = PublicMetrics(
    observed_at=_NOW,
    public=(replace(_PAGE, url="https://api.example.com/metrics", status=404, parses=False),),
    controls=(_PAGE,),
)
TARGETS = ScrapeTargets(
    observed_at=_NOW,
    declared=(_URL,),
    targets=(
        ScrapeTarget(job="shop", url=_URL, health="up", age_s=6.0, interval_s=15.0, error=""),
    ),
)


def without_buckets(seen: MetricsExposed) -> MetricsExposed:
    """Keep the last bucket only."""
    return seen.replace(pages=tuple(replace(one, buckets_s=(2.5,)) for one in seen.pages))


def without_histogram(seen: MetricsExposed) -> MetricsExposed:
    """Expose no durations."""
    return seen.replace(pages=tuple(replace(one, durations="") for one in seen.pages))


def counters_stand_still(seen: CountersMoved) -> CountersMoved:
    """Let no counter grow."""
    still = (
        replace(one, requests_after=one.requests_before, durations_after=one.durations_before)
        for one in seen.processes
    )
    return seen.replace(processes=tuple(still))


def counters_run_away(seen: CountersMoved) -> CountersMoved:
    """Let the counters grow by a million more."""
    far = (replace(one, requests_after=one.requests_after + 1e6) for one in seen.processes)
    return seen.replace(processes=tuple(far))


def logs_unread(seen: CountersMoved) -> CountersMoved:
    """Read no log."""
    return seen.replace(logged=None)


def metrics_public(seen: PublicMetrics) -> PublicMetrics:
    """Show metrics to everybody."""
    return seen.replace(public=tuple(replace(one, status=200, parses=True) for one in seen.public))


def scraper_shows_none(seen: PublicMetrics) -> PublicMetrics:
    """Let the scraper's address show nothing either."""
    return seen.replace(controls=tuple(replace(one, parses=False) for one in seen.controls))


def target_down(seen: ScrapeTargets) -> ScrapeTargets:
    """Take every target down."""
    return seen.replace(targets=tuple(replace(one, health="down") for one in seen.targets))


def target_missing(seen: ScrapeTargets) -> ScrapeTargets:
    """Scrape nothing."""
    return seen.replace(targets=())


CHECK = Check(
    (judge_exposed, judge_counters, judge_public, judge_scraped),
    remedy="Serve prometheus_client's exposition from every process at an address of its own, let "
    "Prometheus scrape each of them, and answer 404 for it at the edge.",
    references=(
        "Prometheus: Metric and label naming",
        "Prometheus: Histograms and summaries",
        "Prometheus HTTP API: Targets",
    ),
    good=(EXPOSED, MOVED, PUBLIC, TARGETS),
    worsen=(
        without_buckets,
        without_histogram,
        counters_stand_still,
        counters_run_away,
        logs_unread,
        metrics_public,
        scraper_shows_none,
        target_down,
        target_missing,
    ),
    thresholds={
        "exposed": "counter and histogram; buckets at 0.1, 0.5 and 1 s, at most 10000 series",
        "counters_move": "growth of 20 or more, and no more than the requests in the logs",
        "not_public": "401, 403 or 404",
        "scraped": "up, last scrape at most 2 intervals ago; 5 with a warning",
    },
)
