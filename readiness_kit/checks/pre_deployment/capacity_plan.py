"""Capacity planning documented: figures with date and owner, and what is seen bears them out.

>>> CHECK.shows()
{'documented': 'PASS', 'rps': 'PASS', 'headroom': 'PASS', 'db_size': 'PASS', 'storage': 'PASS', \
'bandwidth': 'PASS'}
>>> CHECK.shows(without_figures(PLAN))
{'documented': 'FAIL', 'rps': 'UNKNOWN', 'headroom': 'UNKNOWN', 'db_size': 'WARN', \
'storage': 'FAIL', 'bandwidth': 'FAIL'}
>>> CHECK.shows(gives_way(STEPS))["headroom"], CHECK.shows(growing(GROWTH))["db_size"]
('FAIL', 'FAIL')
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

from msgspec.structs import replace

from readiness_kit.checks.database.backup_strategy import FOLDER, SERVER
from readiness_kit.checks.infrastructure.storage import VOLUMES
from readiness_kit.checks.performance.benchmarks import block, like
from readiness_kit.facts.backups import BackupFolder
from readiness_kit.facts.capacity import (
    AnswerSizes,
    CapacityPlan,
    DatabaseGrowth,
    PlannedDatabase,
    PlannedStorage,
    RequestPeak,
    SizeSample,
)
from readiness_kit.facts.load import Stage, StepLoad
from readiness_kit.facts.postgres import PostgresServer
from readiness_kit.facts.storage import Holds, ServiceVolumes, Volume
from readiness_kit.load_verdict import capacity_of
from readiness_kit.load_verdict.limits import reproduce, unproven
from readiness_kit.statistics.histogram import Histogram
from readiness_kit.statistics.trend import Slope, theil_sen
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

FRESH_DAYS, OLDEST_DAYS = 90, 365
"""Age of a plan that is fresh, and of one that is none any more (default)."""

HEADROOM = 2.0
"""The checklist's: peak load, twice."""

SHORT_WINDOW = timedelta(days=1)
"""History that says little of the highest rate (default)."""

FULL, LEFT_DAYS = 0.80, 180
"""Share of the disk that counts as full, and the time until then (default)."""

LEAST_SAMPLES, LEAST_DAYS = 7, 7
"""History of the database's size that shows a slope (default)."""

CONFIDENCE = 0.90
NEAR = 0.25
"""How far the plan's projection may be from the trend's (default)."""

STORAGE = (0.70, 0.85)
LINK = (0.50, 0.80)
"""Shares of what there is: up to the first there is room, beyond the second there is none."""

GB = 10**9


@judges("documented")
def documented(plan: CapacityPlan) -> Iterator[Finding]:
    """Every figure is there, and somebody has looked at them this quarter."""
    missing, made_on = plan.missing(), plan.made_on
    age_days = (plan.observed_at.date() - made_on.date()).days if made_on else 0
    dated = f"{plan.file}: of {made_on:%Y-%m-%d}" if made_on else f"{plan.file}: without date"
    parts = [dated, f"owner {plan.owner or 'nobody'}"]
    parts += [f"missing: {', '.join(missing)}"] if missing else []
    this = Case(
        claim="documented",
        got="; ".join([*parts, *plan.problems]) if plan.exists else f"{plan.file} does not exist",
        want=f"rate, sizes, storage, bandwidth, owner, and a date at most {FRESH_DAYS} days ago",
        seen=[plan.at()],
        reproduce=f"cat {plan.file}",
        grade=Grade.DOCUMENTED,
    )
    if not plan.exists or missing or plan.problems or age_days > OLDEST_DAYS:
        yield this.fails()
    elif age_days < -1:
        yield this.not_seen(Cause.UNPROVEN, "it is dated in the future")
    elif age_days > FRESH_DAYS:
        yield this.holds(f"{age_days} days old: go through the figures again")
    else:
        yield this.holds()


@judges("rps")
def rps(plan: CapacityPlan, peak: RequestPeak) -> Iterator[Finding]:
    """The plan is not below what was there already."""
    planned = plan.requests_per_second
    window = timedelta(seconds=peak.window_s) if 0 <= peak.window_s < 1e9 else timedelta()
    short = " only" if window < SHORT_WINDOW else ""
    this = Case(
        claim="rps",
        got=f"planned {_rate(planned)}; at most {peak.highest_rps:.2f} requests/s seen over five "
        f"minutes, by {peak.counter} ({peak.origin}) of the last{short} {_length(window)}",
        want="a planned rate at or above the highest seen",
        seen=[plan.at("/requests_per_second"), peak.at("/highest_rps"), peak.at("/window_s")],
        reproduce=f"promql: max_over_time((sum(rate({peak.counter}[5m])))[30d:5m])",
        grade=Grade.OBSERVED,
    )
    if not _positive(planned):
        yield this.not_seen(Cause.NOT_CONFIGURED, "the plan names no rate")
    elif planned < peak.highest_rps:
        yield this.fails()
    elif planned >= peak.highest_rps and peak.window_s >= 0:
        yield this.holds()
    else:
        yield this.not_seen(Cause.COULD_NOT_ASK)


@judges("headroom")
def headroom(plan: CapacityPlan, run: StepLoad) -> Iterator[Finding]:
    """The whole interval of the capacity lies at or above twice the planned rate."""
    planned = plan.requests_per_second
    shown = capacity_of(run)
    want = f"{HEADROOM:g} x the planned rate with 95 % confidence"
    this = Case(
        claim="headroom",
        got=f"planned {_rate(planned)}; {shown.words}",
        want=want,
        seen=[plan.at("/requests_per_second"), run.at("/blocks"), run.at("/stages")],
        reproduce=reproduce(run),
    )
    unfit = unproven("headroom", run, want)
    if not _positive(planned):
        yield this.not_seen(Cause.NOT_CONFIGURED, "the plan names no rate")
    elif unfit is not None:
        yield unfit
    elif shown.against(HEADROOM * planned) == "over":
        yield this.holds()
    elif shown.against(HEADROOM * planned) == "under":
        yield this.fails()
    else:
        yield this.not_seen(
            Cause.TOO_FEW_SAMPLES, f"offer more than {HEADROOM * planned:g} requests/s, for longer"
        )


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
        got=f"{this.got}: {_size(last.size_bytes)}, {_size(slope.value)} a day, {FULL:.0%} of "
        f"{volume.mount} reached in {_days(soonest)} to {_days(latest)}",
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
        yield f"the plan projects {_size(size)} for {when:%Y-%m-%d}, the trend {_size(trend)}"


@judges("storage")
def storage(
    plan: CapacityPlan,
    fact: ServiceVolumes,
    server: PostgresServer | None,
    folder: BackupFolder | None,
) -> Iterator[Finding]:
    """What the plan asks for, or what is there already if it is more, fits its volumes."""
    needs = _needs(plan.storage, fact, server, folder)
    places = [fact.holding(what) for what in needs]
    shares = [
        (one, *_fit(one, needs, fact, server, folder)) for one in fact.volumes if one in places
    ]
    words = [f"{one.mount}: {_size(need)} of {_size(room)}" for one, need, room in shares]
    unseen = [what for what, need in needs.items() if need > 0 and fact.holding(what) is None]
    this = Case(
        claim="storage",
        got="; ".join(words) or "no volume was seen",
        want=f"at most {STORAGE[0]:.0%} of what is free or held by the service already",
        seen=[plan.at("/storage"), fact.at("/volumes"), fact.at("/wal_archive")],
        reproduce="df -h; du -sh BACKUPS WAL_ARCHIVE",
        grade=Grade.OBSERVED,
    )
    fits = [need / room if room > 0 else math.inf for _, need, room in shares]
    if not needs:
        yield this.fails("the plan names no figure for data, WAL or backups")
    elif any(share > STORAGE[1] for share in fits):
        yield this.fails()
    elif unseen or not fits:
        yield this.not_seen(
            Cause.COULD_NOT_ASK, f"not seen on this machine: {', '.join(unseen) or 'any volume'}"
        )
    elif all(share <= STORAGE[0] for share in fits):
        yield this.holds()
    elif all(share <= STORAGE[1] for share in fits):
        yield this.holds("add space, or keep less")
    else:
        yield this.fails()


def _needs(
    planned: PlannedStorage,
    fact: ServiceVolumes,
    server: PostgresServer | None,
    folder: BackupFolder | None,
) -> dict[Holds, float]:
    """Return the bytes that each kind needs; nothing when the plan leaves one out."""
    figures = (
        planned.data_bytes,
        planned.wal_per_day_bytes,
        planned.wal_days_kept,
        planned.backup_bytes,
        planned.backups_kept,
    )
    if not all(one is not None and 0 <= one < math.inf for one in figures):
        return {}
    data, wal, days, backup, kept = (float(one or 0) for one in figures)
    archive, backups = fact.wal_archive, folder.backups if folder else ()
    a_day = archive.last_day_bytes or 0 if archive else 0
    newest = backups[0].size_bytes if backups else 0
    held = _held(fact, server, folder)
    return {
        "data": max(data, held["data"]),
        "wal_archive": max(max(wal, a_day) * days, held["wal_archive"]),
        "backups": max(max(backup, newest) * kept, held["backups"]),
    }


def _held(
    fact: ServiceVolumes, server: PostgresServer | None, folder: BackupFolder | None
) -> dict[Holds, float]:
    """Return the bytes that each kind holds now."""
    return {
        "data": float(server.database_bytes or 0) if server else 0.0,
        "wal_archive": float(fact.wal_archive.size_bytes) if fact.wal_archive else 0.0,
        "backups": float(sum(one.size_bytes for one in folder.backups)) if folder else 0.0,
    }


def _fit(
    volume: Volume,
    needs: dict[Holds, float],
    fact: ServiceVolumes,
    server: PostgresServer | None,
    folder: BackupFolder | None,
) -> tuple[float, float]:
    """Return what is needed on *volume*, and what is free there or held already."""
    held = _held(fact, server, folder)
    here = [what for what in needs if what in volume.holds]
    need = sum(needs[what] for what in here)
    return need, volume.available_bytes + sum(max(0.0, held[what]) for what in here)


@judges("bandwidth")
def bandwidth(plan: CapacityPlan, sizes: AnswerSizes | None) -> Iterator[Finding]:
    """Answers at the planned rate, or what was sent already if it is more, leave the link room."""
    planned, link = plan.requests_per_second, plan.link_bits_per_s
    each, seen = plan.bytes_per_answer, sizes.mean_bytes if sizes else None
    sent = sizes.highest_sent_bytes_per_s if sizes else None
    answer = max(float(each or 0), seen or 0.0)
    bits = max((planned or 0.0) * answer, sent or 0.0) * 8
    share = bits / link if link is not None and link > 0 else math.inf
    told = "no answer was seen" if seen is None else f"{seen:.0f} seen"
    this = Case(
        claim="bandwidth",
        got=f"{_rate(planned)} x {answer:.0f} bytes ({told}): {bits / 1e6:.2f} Mbit/s of "
        f"{(link or 0) / 1e6:.0f}",
        want=f"at most {LINK[0]:.0%} of the link",
        seen=[
            *(plan.at(f"/{one}") for one in ("bytes_per_answer", "link_bits_per_s")),
            *([sizes.at("/answers")] if sizes else []),
        ],
        reproduce=f"cat {plan.file}; curl -so /dev/null -w '%{{size_download}}' $URL",
        grade=Grade.DECLARED,
    )
    if not (_positive(planned) and _positive(each) and _positive(link)):
        yield this.fails("the plan holds no estimate of the bandwidth")
    elif share <= LINK[0]:
        yield this.holds()
    elif share <= LINK[1]:
        yield this.holds("bursts go over the average: order a faster link, or send less")
    else:
        yield this.fails()


def _positive(number: float | None) -> TypeGuard[float]:
    return number is not None and 0 < number < math.inf


def _rate(planned: float | None) -> str:
    return "no rate" if planned is None else f"{planned:g} requests/s"


def _length(window: timedelta) -> str:
    hours = window / timedelta(hours=1)
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"


def _days(days: float) -> str:
    return f"{days:.0f} days" if math.isfinite(days) else "never"


def _size(size_bytes: float) -> str:
    if not math.isfinite(size_bytes):
        return "unknown"
    unit, name = next(
        (one for one in ((1e12, "TB"), (1e9, "GB")) if abs(size_bytes) >= one[0]), (1e6, "MB")
    )
    return f"{size_bytes / unit:.1f} {name}"


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAN = CapacityPlan(
    observed_at=_NOON,
    file="capacity.yaml",
    exists=True,
    problems=(),
    made_on=datetime(2026, 2, 1, tzinfo=UTC),
    owner="ops@example.com",
    requests_per_second=20.0,
    database=PlannedDatabase(
        size_bytes=50 * GB,
        projected_bytes=68 * GB,
        projected_for=datetime(2026, 9, 1, tzinfo=UTC),
    ),
    storage=PlannedStorage(
        data_bytes=100 * GB,
        wal_per_day_bytes=20 * GB,
        wal_days_kept=7.0,
        backup_bytes=40 * GB,
        backups_kept=30,
    ),
    bytes_per_answer=20_000,
    link_bits_per_s=10**9,
)
PEAK = RequestPeak(
    observed_at=_NOON,
    highest_rps=14.2,
    window_s=30 * 86_400.0,
    origin="prometheus",
    counter="shop_http_requests_total",
)
GROWTH = DatabaseGrowth(
    observed_at=_NOON,
    database="shop",
    samples=tuple(
        SizeSample(at=_NOON - timedelta(days=day), size_bytes=50.0 * GB - day * 0.1 * GB)
        for day in range(30)
    ),
)
SIZES = AnswerSizes(
    observed_at=_NOON, answers={"orders": 12_000, "me": 400}, highest_sent_bytes_per_s=2e6
)
_RATES = (6.0, 12.0, 24.0, 48.0, 96.0)
_EACH_S = 20
STEPS = like(
    StepLoad,
    seconds=float(_EACH_S * len(_RATES)),
    stages=tuple(
        Stage(name=f"step {n + 1}", start_s=_EACH_S * n, seconds=_EACH_S, from_rps=r, to_rps=r)
        for n, r in enumerate(_RATES)
    ),
    blocks=tuple(block(20, round(r)) for r in _RATES for _ in range(_EACH_S)),
)


def outdated(plan: CapacityPlan) -> CapacityPlan:
    """Look again after two years."""
    return plan.replace(observed_at=plan.observed_at + timedelta(days=730))


def without_figures(plan: CapacityPlan) -> CapacityPlan:
    """Leave date and owner, and no figure."""
    return plan.replace(
        requests_per_second=None,
        database=PlannedDatabase(size_bytes=None, projected_bytes=None, projected_for=None),
        storage=PlannedStorage(
            data_bytes=None,
            wal_per_day_bytes=None,
            wal_days_kept=None,
            backup_bytes=None,
            backups_kept=None,
        ),
        bytes_per_answer=None,
        link_bits_per_s=None,
    )


def busier(peak: RequestPeak) -> RequestPeak:
    """See a million requests a second."""
    return peak.replace(highest_rps=max(peak.highest_rps, 1e6))


def gives_way(run: StepLoad) -> StepLoad:
    """Let every request of every step fail."""
    lost = tuple(Histogram(lost=block.n) for block in run.blocks)
    return run.replace(blocks=lost, failed=run.scheduled)


def generator_late(run: StepLoad) -> StepLoad:
    """The generator was the bottleneck."""
    return run.replace(invalid_reason="generator_late")


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


def small_volumes(fact: ServiceVolumes) -> ServiceVolumes:
    """Leave a gigabyte on every volume."""
    return fact.replace(
        volumes=tuple(
            replace(one, available_bytes=min(one.available_bytes, GB)) for one in fact.volumes
        )
    )


def thin_link(plan: CapacityPlan) -> CapacityPlan:
    """Carry it over a thousandth of the link."""
    link = plan.link_bits_per_s
    return plan if link is None else plan.replace(link_bits_per_s=link // 1000)


CHECK = Check(
    (documented, rps, headroom, db_size, storage, bandwidth),
    remedy="Write capacity.yaml: date, owner, requests_per_second, database {size, projected, "
    "projected_for}, storage {data, wal_per_day, wal_days_kept, backup, backups_kept}, bandwidth "
    "{bytes_per_answer, link}; name it as capacity, and go through it every quarter.",
    references=(
        "Beyer et al., Site Reliability Engineering (2016), chapter 18, capacity planning",
        "Sen, Estimates of the regression coefficient based on Kendall's tau (1968)",
        "Gunther, Guerrilla Capacity Planning (2007)",
    ),
    good=(PLAN, PEAK, STEPS, GROWTH, VOLUMES, SERVER, FOLDER, SIZES),
    worsen=(
        outdated,
        without_figures,
        busier,
        gives_way,
        generator_late,
        growing,
        young,
        small_volumes,
        thin_link,
    ),
    thresholds={
        "documented": "all figures; 90 days, 365 at most (default)",
        "rps": "the highest rate over five minutes that is remembered",
        "headroom": "twice the planned rate, the checklist's; 95 % interval of the capacity",
        "db_size": "80 % of the disk, 180 days, 25 % off the trend (default); 90 % interval",
        "storage": "70 % and 85 % of what is free or held already (default)",
        "bandwidth": "50 % and 80 % of the declared link (default)",
    },
)
