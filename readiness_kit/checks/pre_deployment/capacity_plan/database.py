"""The database: at the pace of the last weeks the disk has room for half a year."""

import math
from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from readiness_kit.checks.pre_deployment.capacity_plan.figures import (
    GB,
    NOON,
    days_words,
    size_words,
)
from readiness_kit.facts.papers.capacity import (
    CapacityPlan,
    DatabaseGrowth,
    PlannedDatabase,
    SizeSample,
)
from readiness_kit.facts.storage.volumes import ServiceVolumes, Volume
from readiness_kit.statistics.trend import Slope, theil_sen
from readiness_kit.verdict import Case, Cause, Finding, Grade, Move, judges

FULL, LEFT_DAYS = 0.80, 180
"""Share of the disk that counts as full, and the time until then (default)."""

LEAST_SAMPLES, LEAST_DAYS = 7, 7
"""History of the database's size that shows a slope (default)."""

CONFIDENCE = 0.90

NEAR = 0.25
"""How far the plan's projection may be from the trend's (default)."""


@judges("db_size")
def db_size(plan: CapacityPlan, growth: DatabaseGrowth, fact: ServiceVolumes) -> Iterator[Finding]:
    """At the pace of the last weeks the disk has room for half a year, and the plan knows it."""
    samples = sorted(growth.samples, key=lambda one: one.at)
    volume = fact.holding("data")
    first, last = (samples[0], samples[-1]) if samples else (None, None)
    days = (last.at - first.at) / timedelta(days=1) if first and last else 0.0
    this = Case(
        claim="db_size",
        got=f"{len(samples)} sizes of {growth.database or 'the database'} over {days:.1f} days",
        want=f"{FULL:.0%} of the disk reached in over {LEFT_DAYS} days, as the plan projects it",
        seen=[growth.at("/samples"), plan.at("/database"), fact.at("/volumes")],
        reproduce="promql: max(pg_database_size_bytes)[30d:6h]; psql -c '\\l+'",
        grade=Grade.OBSERVED,
    )
    usable = all(0 < one.size_bytes < math.inf for one in samples)
    if volume is None:
        yield this.not_seen(Cause.COULD_NOT_ASK, "the volume of the data was not seen")
    elif last is None or len(samples) < LEAST_SAMPLES or days < LEAST_DAYS or not usable:
        yield this.not_seen(
            Cause.TOO_FEW_SAMPLES, f"{LEAST_SAMPLES} sizes over {LEAST_DAYS} days are needed"
        )
    else:
        points = [((one.at - last.at) / timedelta(days=1), one.size_bytes) for one in samples]
        yield _growth(this, plan.database, volume, last, theil_sen(points, CONFIDENCE))


def _growth(
    this: Case, planned: PlannedDatabase, volume: Volume, last: SizeSample, slope: Slope
) -> Finding:
    left = FULL * (volume.used_bytes + volume.available_bytes) - volume.used_bytes
    soonest, latest = _reached(left, slope.high), _reached(left, slope.low)
    case = Case(
        claim=this.claim,
        got=f"{this.got}: {size_words(last.size_bytes)}, {size_words(slope.value)} a day, "
        f"{FULL:.0%} of {volume.mount} reached in {days_words(soonest)} to {days_words(latest)}",
        want=this.want,
        seen=this.seen,
        reproduce=this.reproduce,
        grade=this.grade,
    )
    if latest < LEFT_DAYS:
        return case.fails()
    if not soonest > LEFT_DAYS:
        return case.not_seen(Cause.TOO_FEW_SAMPLES, "a longer history makes the interval narrower")
    return case.holds(*_off_the_trend(planned, last, slope))


def _reached(left: float, per_day: float) -> float:
    """Return the days until *left* bytes are gone; ``inf`` without growth."""
    if left <= 0:
        return 0.0
    return left / per_day if per_day > 0 else math.inf


def _off_the_trend(planned: PlannedDatabase, last: SizeSample, slope: Slope) -> Iterator[str]:
    """Yield how the plan's projection misses the trend."""
    size, when = planned.projected_bytes, planned.projected_for
    if size is None or when is None or when <= last.at:
        yield "the plan projects no size for a day to come: add database.projected and its date"
        return
    trend = last.size_bytes + slope.value * ((when - last.at) / timedelta(days=1))
    if not abs(size - trend) <= NEAR * abs(trend):
        projected, shown = size_words(size), size_words(trend)
        yield f"the plan projects {projected} for {when:%Y-%m-%d}, the trend {shown}"


GROWTH = DatabaseGrowth(
    observed_at=NOON,
    database="shop",
    samples=tuple(
        SizeSample(at=NOON - timedelta(days=day), size_bytes=50.0 * GB - day * 0.1 * GB)
        for day in range(30)
    ),
)


def growing(growth: DatabaseGrowth) -> DatabaseGrowth:
    """Let the database grow by a terabyte a day."""
    first = min((one.at for one in growth.samples), default=growth.observed_at)
    return growth.replace(
        samples=tuple(
            replace(
                one, size_bytes=one.size_bytes + (one.at - first) / timedelta(days=1) * 1000 * GB
            )
            for one in growth.samples
        )
    )


def young(growth: DatabaseGrowth) -> DatabaseGrowth:
    """Leave the history of two days."""
    return growth.replace(samples=growth.samples[:2])


WORSEN: tuple[Move, ...] = (growing, young)
