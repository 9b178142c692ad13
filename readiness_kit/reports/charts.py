"""What to show of a fact: charts for the kinds that have a shape, tables for all others.

A title says the finding ("P95 212 ms, limit 500 ms"). A new kind registers with
``@pictures.register``; one without a picture of its own is shown as tables.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from functools import singledispatch

from readiness_kit.contents import SECTIONS
from readiness_kit.facts import Fact
from readiness_kit.facts.backups.folder import BackupFolder
from readiness_kit.facts.drills.degradation import DegradationDrill
from readiness_kit.facts.drills.failover import FailoverDrill
from readiness_kit.facts.drills.readiness import ReadinessDrill
from readiness_kit.facts.drills.recovery import ArchiveRecovery, PointInTimeRecovery
from readiness_kit.facts.drills.restore import RestoreDrill
from readiness_kit.facts.load import LoadRun, SoakLoad, SpikeLoad, StepLoad, StressLoad
from readiness_kit.facts.papers.parts import RecoveryPapers
from readiness_kit.facts.records.drills import DrillRecords
from readiness_kit.load_verdict.memory import RESIDENT
from readiness_kit.reports.age_charts import backups_picture, drills_picture, papers_picture
from readiness_kit.reports.drill_charts import degradation_pictures, readiness_pictures
from readiness_kit.reports.figure import Axis, Boxes, Chart, Limit, Line
from readiness_kit.reports.load_charts import (
    gauge_pictures,
    memory_pictures,
    overload_pictures,
    step_pictures,
)
from readiness_kit.reports.look import BLUE, GREY, MARKS, PURPLE
from readiness_kit.reports.recovery_charts import (
    failover_picture,
    loss_picture,
    pitr_picture,
    restore_picture,
)
from readiness_kit.results import ItemResult
from readiness_kit.statistics.histogram import Histogram, edges_us
from readiness_kit.target import Objectives
from readiness_kit.verdict import Status

BINS = 60
"""Most bars of a histogram: neighbouring bins are joined until there are no more."""

NINES = (*(p / 100 for p in range(100)), 0.992, 0.995, 0.998, 0.999, 0.9995, 0.9999)

Number = float | None


@singledispatch
def pictures(fact: Fact, objectives: Objectives) -> tuple[Chart, ...]:
    """Return the charts of *fact*, its limits taken from *objectives*; none for most kinds."""
    del fact, objectives
    return ()


@pictures.register
def load_pictures(run: LoadRun, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw one load test: over time, as a distribution, by percentile, its rates and gauges."""
    return (
        latency_over_time(run, objectives),
        percentile_curve(run, objectives),
        latency_histogram(run, objectives),
        rates(run),
        *gauge_pictures(run),
    )


@pictures.register
def step(run: StepLoad, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw rising steps: throughput and latency by offered rate, then over time."""
    return (
        *step_pictures(run, objectives),
        latency_over_time(run, objectives),
        rates(run),
        *gauge_pictures(run),
    )


@pictures.register
def overload(run: StressLoad | SpikeLoad, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw overload and what follows it."""
    return (
        *overload_pictures(run, objectives),
        percentile_curve(run, objectives),
        *gauge_pictures(run),
    )


@pictures.register
def soak(run: SoakLoad, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw a long test: its memory first."""
    return (
        *memory_pictures(run),
        latency_over_time(run, objectives),
        percentile_curve(run, objectives),
        rates(run),
        *gauge_pictures(run, leave_out=(RESIDENT,)),
    )


@pictures.register
def degradation(drill: DegradationDrill, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw calls through faults of cache and database."""
    del objectives
    return degradation_pictures(drill)


@pictures.register
def readiness(drill: ReadinessDrill, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw health and readiness through the loss of the database."""
    del objectives
    return readiness_pictures(drill)


@pictures.register
def restored(drill: RestoreDrill, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw a restore by its phases."""
    del objectives
    return (restore_picture(drill),)


@pictures.register
def lost(drill: ArchiveRecovery, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw a recovery of all that the archive had."""
    del objectives
    return (loss_picture(drill),)


@pictures.register
def to_a_moment(drill: PointInTimeRecovery, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw a recovery to a moment."""
    del objectives
    return (pitr_picture(drill),)


@pictures.register
def kept(folder: BackupFolder, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw the backups over time."""
    del objectives
    return (backups_picture(folder),)


@pictures.register
def written(papers: RecoveryPapers, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw the documents of recovery by age."""
    del objectives
    return (papers_picture(papers),)


@pictures.register
def on_record(records: DrillRecords, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw the drills on record over time."""
    del objectives
    return (drills_picture(records),)


@pictures.register
def failed_over(drill: FailoverDrill, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw a failover by what was done."""
    del objectives
    return (failover_picture(drill),)


def latency_over_time(run: LoadRun, objectives: Objectives) -> Chart:
    """Draw the corrected percentiles second by second, objectives as lines."""
    x = tuple(second.t_s for second in run.series)
    series: tuple[tuple[str, Callable[[int], Number], str], ...] = (
        ("P50", lambda at: run.series[at].p50_ms, GREY),
        ("P95", lambda at: run.series[at].p95_ms, BLUE),
        ("P99", lambda at: run.series[at].p99_ms, PURPLE),
    )
    p95 = run.corrected.quantile_ms(0.95)
    return Chart(
        title=f"P95 {_ms(p95)}, limit {objectives.p95_ms:g} ms ({run.corrected.n} requests)",
        x=Axis("seconds since the start", least=0),
        y=Axis("latency from the due instant, ms", least=0),
        lines=tuple(
            Line(name, x, tuple(_finite(value(at)) for at in range(len(x))), colour)
            for name, value, colour in series
        ),
        limits=(
            Limit(f"P95 limit {objectives.p95_ms:g} ms", objectives.p95_ms),
            Limit(f"P99 limit {objectives.p99_ms:g} ms", objectives.p99_ms),
        ),
        note="Corrected: measured from the instant a request was due, so waiting counts.",
    )


def latency_histogram(run: LoadRun, objectives: Objectives) -> Chart:
    """Draw how often each latency occurred, on a logarithmic axis."""
    histogram = run.corrected
    bars = tuple(_bars(histogram))
    over = histogram.share_over(objectives.p95_ms)
    return Chart(
        title=f"{over:.2%} of {histogram.n} requests took longer than {objectives.p95_ms:g} ms",
        x=Axis("latency from the due instant, ms", log=True),
        y=Axis("requests", least=0),
        boxes=(
            Boxes(
                name="requests",
                x0=tuple(bar[0] for bar in bars),
                x1=tuple(bar[1] for bar in bars),
                y0=(0.0,) * len(bars),
                y1=tuple(float(bar[2]) for bar in bars),
                labels=tuple(f"{a:.3g} to {b:.3g} ms: {n} requests" for a, b, n in bars),
            ),
        ),
        limits=(Limit(f"P95 limit {objectives.p95_ms:g} ms", objectives.p95_ms, upright=True),),
        note=f"{histogram.lost} failed or unanswered requests are beyond the right edge."
        if histogram.lost
        else "",
    )


def percentile_curve(run: LoadRun, objectives: Objectives) -> Chart:
    """Draw latency against percentile, corrected beside service time, the tail stretched."""
    corrected, service = run.corrected, run.service
    # One over the share that is slower: 2 is the median, 10 is P90, 1000 is P99.9.
    x = tuple(1 / (1 - p) for p in NINES if p < 1 - 1 / max(2, corrected.n))
    due, sent = corrected.quantile_ms(0.99), service.quantile_ms(0.99)
    return Chart(
        title=f"P99 {_ms(due)} from the due instant, {_ms(sent)} from sending",
        x=Axis("one request in N is slower (10 = P90, 100 = P99, 1000 = P99.9)", log=True),
        y=Axis("latency, ms", log=True),
        lines=(
            Line("corrected", x, tuple(_quantile(corrected, 1 - 1 / one) for one in x), BLUE),
            Line(
                "service", x, tuple(_quantile(service, 1 - 1 / one) for one in x), GREY, dash=True
            ),
        ),
        limits=(Limit(f"P99 limit {objectives.p99_ms:g} ms", objectives.p99_ms),),
        note="Where the two part, requests waited for a stalled target before they were sent.",
    )


def rates(run: LoadRun) -> Chart:
    """Draw the offered and the achieved rate."""
    x = tuple(second.t_s for second in run.series)
    good = tuple(float(second.n - second.failed) for second in run.series)
    return Chart(
        title=f"{run.achieved_rps:.1f} good answers a second of {run.offered_rps:.1f} offered, "
        f"{run.failed} failed",
        x=Axis("seconds since the start", least=0),
        y=Axis("requests per second", least=0),
        lines=(
            Line("good answers", x, good, BLUE),
            Line("failed", x, tuple(float(second.failed) for second in run.series), PURPLE),
        ),
        limits=(Limit(f"offered {run.offered_rps:g}", run.offered_rps),),
        height_px=240,
    )


def item_map(items: tuple[ItemResult, ...]) -> Chart:
    """Draw every item as a square in the row of its section, by status."""
    sections = tuple(dict.fromkeys(item.section for item in items))
    places = {
        item.id: (float(column), float(sections.index(section)))
        for section, group in itertools.groupby(items, key=lambda one: one.section)
        for column, item in enumerate(group)
    }
    stands = {status: [one for one in items if one.status is status] for status in Status}
    passing = sum(one.status is Status.PASS for one in items)
    red = len(stands[Status.FAIL])
    return Chart(
        title=f"{passing} of {len(items)} items pass, {red} fail, "
        f"{len(stands[Status.UNKNOWN])} are unknown",
        x=Axis("items, in the order of the checklist"),
        y=Axis("", names=tuple(SECTIONS.get(one, one) for one in sections)),
        boxes=tuple(_squares(status, found, places) for status, found in stands.items() if found),
        height_px=100 + 28 * len(sections),
    )


def _squares(
    status: Status, items: list[ItemResult], places: dict[str, tuple[float, float]]
) -> Boxes:
    mark = MARKS[status]
    found = [places[item.id] for item in items]
    return Boxes(
        name=mark.word,
        x0=tuple(x + 0.55 for x, _ in found),
        x1=tuple(x + 1.45 for x, _ in found),
        y0=tuple(y - 0.42 for _, y in found),
        y1=tuple(y + 0.42 for _, y in found),
        labels=tuple(f"{item.title}: {mark.word}" for item in items),
        colour=mark.colour,
        symbol=mark.symbol,
    )


def _bars(histogram: Histogram) -> Iterator[tuple[float, float, int]]:
    """Yield left and right edge in milliseconds, and count, equally wide on a log axis."""
    edges = [(*edges_us(one), n) for one, n in zip(histogram.bins, histogram.counts, strict=True)]
    if not edges:
        return
    least, most = max(1, edges[0][0]), max(2, edges[-1][1] + 1)
    width = max(math.log(most / least) / BINS, math.log(1.02))
    groups: dict[int, int] = {}
    for low, high, n in edges:
        at = int(math.log(max(1, (low + high) / 2) / least) / width) if high > least else 0
        groups[at] = groups.get(at, 0) + n
    for at, n in sorted(groups.items()):
        left = least * math.exp(at * width)
        yield left / 1000, left * math.exp(width) / 1000, n


def _quantile(histogram: Histogram, p: float) -> Number:
    return _finite(histogram.quantile_ms(max(p, 1e-9)))


def _finite(value: Number) -> Number:
    return value if value is not None and math.isfinite(value) else None


def _ms(value: Number) -> str:
    if value is None:
        return "not measured"
    return f"{value:.3g} ms" if math.isfinite(value) else "beyond every limit"


def all_pictures(facts: Iterable[Fact], objectives: Objectives) -> Iterator[Chart]:
    """Yield the charts of all *facts*."""
    for fact in facts:
        yield from pictures(fact, objectives)
