"""Charts of load tests that rise, overload or last, and of the target's own side meanwhile."""

import math
from collections.abc import Iterator
from itertools import pairwise

from readiness_kit.facts.load import Gauge, LoadRun, Second, SoakLoad, StepLoad
from readiness_kit.load_verdict.capacity import Shown, capacity_of
from readiness_kit.load_verdict.limits import ms
from readiness_kit.load_verdict.memory import RESIDENT, grown, words
from readiness_kit.load_verdict.parts import Part, parts
from readiness_kit.reports.figure import Axis, Boxes, Chart, Limit, Line
from readiness_kit.reports.look import BLUE, FAINT, GREY, INK, PURPLE
from readiness_kit.statistics.leak import Growth
from readiness_kit.target import Objectives

MB = 1e6

MOST_LINES = 8
"""Series of one gauge that are drawn; of more, those with the greatest values."""

SMALL_PX = 220

TIME = Axis("seconds since the start", least=0)
UNITS = {
    RESIDENT: "resident memory, MB",
    "cpu_cores": "cores busy",
    "host_cpu_cores": "cores of the host busy",
    "connections": "connections of the database",
    "connections_active": "connections at work",
    "connections_waiting": "connections that wait",
}
"""What the gauges measure that the kit samples itself; others are called as they are declared."""

CUMULATIVE = ("cache_hits", "cache_misses")

_LOOKS = ((BLUE, False), (PURPLE, False), (GREY, False), (INK, False))
_DASHED = tuple((colour, True) for colour, _ in _LOOKS)

Number = float | None


def step_pictures(run: StepLoad, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw throughput and latency by offered rate, with capacity and knee."""
    steps = sorted(
        (one for one in parts(run) if one.stage.from_rps == one.stage.to_rps),
        key=lambda one: one.stage.from_rps,
    )
    shown = capacity_of(run)
    x = tuple(one.stage.from_rps for one in steps)
    return (
        _throughput(steps, x, shown),
        _latency(steps, x, shown, objectives),
    )


def _throughput(steps: list[Part], x: tuple[float, ...], shown: Shown) -> Chart:
    top_rps = max(x, default=0.0)
    return Chart(
        title=shown.words.partition("; tested")[0].capitalize(),
        x=Axis("requests offered per second", least=0),
        y=Axis("good answers per second", least=0),
        lines=(
            Line("offered", x, x, GREY, dash=True),
            Line("good answers", x, tuple(one.good_rps for one in steps), BLUE),
        ),
        boxes=(_interval(shown, top_rps),) if shown.value_rps is not None else (),
        limits=tuple(_bounds(shown)),
        note=shown.words,
    )


def _interval(shown: Shown, top_rps: float) -> Boxes:
    words = f"capacity between {shown.low_rps:.1f} and {shown.high_rps:.1f}"
    ends = (shown.low_rps,), (shown.high_rps,), (0.0,), (top_rps,)
    return Boxes("capacity, 95 %", *ends, (words,), FAINT)


def _bounds(shown: Shown) -> Iterator[Limit]:
    if shown.value_rps is not None:
        yield Limit(f"capacity {shown.value_rps:.1f}", shown.value_rps, upright=True)
        return
    for name, value in (("at least", shown.low_rps), ("at most", shown.high_rps)):
        if 0 < value < math.inf:
            yield Limit(f"{name} {value:.1f}", value, upright=True)


def _latency(
    steps: list[Part], x: tuple[float, ...], shown: Shown, objectives: Objectives
) -> Chart:
    knee = shown.knee
    return Chart(
        title="No knee in latency"
        if knee is None
        else f"Latency bends at {knee.at_rps:.1f} answers a second",
        x=Axis("requests offered per second", least=0),
        y=Axis("latency, ms", log=True),
        lines=tuple(
            Line(name, x, tuple(_quantile(one, p) for one in steps), colour)
            for name, p, colour in (("P50", 0.5, GREY), ("P95", 0.95, BLUE), ("P99", 0.99, PURPLE))
        ),
        limits=(
            Limit(f"P95 limit {objectives.p95_ms:g} ms", objectives.p95_ms),
            *((Limit("knee", knee.at_rps, upright=True),) if knee is not None else ()),
        ),
        note="From the instant of being due. The knee is the step of most throughput per latency.",
    )


def overload_pictures(run: LoadRun, objectives: Objectives) -> tuple[Chart, ...]:
    """Draw good answers and P95 over time, with the stages of the schedule marked."""
    found = parts(run)
    marks = tuple(Limit(one.stage.name, one.stage.start_s, upright=True) for one in found)
    before, over = found[0] if found else None, found[1] if len(found) > 1 else None
    x = tuple(second.t_s for second in run.series)
    name = over.stage.name if over else "overload"
    return (
        Chart(
            title=_goodput(name, before, over),
            x=TIME,
            y=Axis("requests per second", least=0),
            lines=(
                Line("offered", *_schedule(found), GREY, dash=True),
                Line("good answers", x, tuple(float(s.n - s.failed) for s in run.series), BLUE),
                Line("failed", x, tuple(float(s.failed) for s in run.series), PURPLE),
            ),
            limits=marks,
        ),
        Chart(
            title=_p95(name, over),
            x=TIME,
            y=Axis("P95 from the due instant, ms", log=True),
            lines=(Line("P95 of good answers", x, tuple(map(_second_p95, run.series)), BLUE),),
            limits=(*marks, Limit(f"P95 limit {objectives.p95_ms:g} ms", objectives.p95_ms)),
            note="Gaps are seconds in which nothing came back well.",
        ),
    )


def _goodput(name: str, before: Part | None, over: Part | None) -> str:
    if before is None or over is None:
        return f"The stage {name} was not played"
    return (
        f"{over.good_rps:.1f} good answers a second in {name},"
        f" {before.good_rps:.1f} before; {over.lost:.1%} failed"
    )


def _p95(name: str, over: Part | None) -> str:
    if over is None:
        return f"The stage {name} was not played"
    accepted, every = over.accepted.whole.quantile_ms(0.95), over.whole.quantile_ms(0.95)
    if accepted is None or every is None:
        return f"In {name} nothing was accepted"
    return f"P95 in {name} {ms(accepted)} of what was accepted, failures as infinite {ms(every)}"


def _schedule(found: tuple[Part, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the corners of the offered rate."""
    ends = [
        corner
        for one in found
        for corner in (
            (one.stage.start_s, one.stage.from_rps),
            (one.stage.start_s + one.stage.seconds, one.stage.to_rps),
        )
    ]
    return tuple(t for t, _ in ends), tuple(rate for _, rate in ends)


def memory_pictures(run: SoakLoad) -> Iterator[Chart]:
    """Draw the memory of each process, the floor under it, and how fast that rises."""
    for gauge in _greatest(run.gauges_named(RESIDENT)):
        found = grown(gauge)
        samples = _samples(gauge, MB)
        yield Chart(
            title=f"{gauge.of}: {words(found)}",
            x=TIME,
            y=Axis(UNITS[RESIDENT]),
            lines=(
                Line("resident", *samples, GREY),
                *(_floor(found) if isinstance(found, Growth) else ()),
            ),
            note="A leak raises the floor: the least sample of each block, warm-up left out.",
            height_px=SMALL_PX,
        )


def _floor(found: Growth) -> Iterator[Line]:
    t_s = tuple(t for t, _ in found.floor)
    yield Line("floor", t_s, tuple(value / MB for _, value in found.floor), BLUE)
    middle = len(found.floor) // 2
    start_s, level = found.floor[middle]
    rise = tuple(level / MB + found.slope_mb_h * (t - start_s) / 3600 for t in (t_s[0], t_s[-1]))
    yield Line(f"{found.slope_mb_h:.1f} MB/h", (t_s[0], t_s[-1]), rise, PURPLE, dash=True)


def gauge_pictures(run: LoadRun, leave_out: tuple[str, ...] = ()) -> Iterator[Chart]:
    """Draw what the target's own side showed, one chart for each kind of gauge."""
    for name in dict.fromkeys(gauge.name for gauge in run.gauges):
        if name not in (*leave_out, *CUMULATIVE):
            yield _gauge(name, run.gauges_named(name))
    if run.gauges_named(CUMULATIVE[0]) and run.gauges_named(CUMULATIVE[1]):
        yield _cache(run)


def _gauge(name: str, gauges: tuple[Gauge, ...]) -> Chart:
    scale = MB if name == RESIDENT else 1.0
    title, shown = UNITS.get(name, name.replace("_", " ")), _greatest(gauges)
    top = shown[0]
    left_out = len(gauges) - len(shown)
    return Chart(
        title=f"At most {_most(top) / scale:.4g} {title} ({top.of})",
        x=TIME,
        y=Axis(title, least=0),
        lines=tuple(
            Line(gauge.of, *_samples(gauge, scale), colour, dash=dash)
            for gauge, (colour, dash) in zip(shown, (*_LOOKS, *_DASHED), strict=False)
        ),
        note=f"{left_out} more series are in the table." if left_out else "",
        height_px=SMALL_PX,
    )


def _cache(run: LoadRun) -> Chart:
    """Draw hits and misses per second from counters that only grow."""
    rates = {name: _rate(run.gauges_named(name)[0]) for name in CUMULATIVE}
    hits, misses = (_moved(run.gauges_named(name)[0]) for name in CUMULATIVE)
    asked = hits + misses
    return Chart(
        title=f"{hits / asked:.0%} of {asked:.0f} reads of the cache hit"
        if asked > 0
        else "The cache was not read",
        x=TIME,
        y=Axis("reads of the cache per second", least=0),
        lines=tuple(
            Line(name.removeprefix("cache_"), *rates[name], colour)
            for name, colour in zip(CUMULATIVE, (BLUE, PURPLE), strict=True)
        ),
        height_px=SMALL_PX,
    )


def _rate(gauge: Gauge) -> tuple[tuple[float, ...], tuple[Number, ...]]:
    t_s, values = _samples(gauge, 1.0)
    steps = [
        (late, (b - a) / (late - early) if a is not None and b is not None and b >= a else None)
        for (early, a), (late, b) in pairwise(zip(t_s, values, strict=True))
        if late > early
    ]
    return tuple(t for t, _ in steps), tuple(value for _, value in steps)


def _moved(gauge: Gauge) -> float:
    known = [value for value in _samples(gauge, 1.0)[1] if value is not None]
    return max(0.0, known[-1] - known[0]) if known else 0.0


def _samples(gauge: Gauge, scale: float) -> tuple[tuple[float, ...], tuple[Number, ...]]:
    known = [one for one in zip(gauge.t_s, gauge.values, strict=False) if math.isfinite(one[0])]
    return tuple(t for t, _ in known), tuple(
        value / scale if math.isfinite(value) else None for _, value in known
    )


def _greatest(gauges: tuple[Gauge, ...]) -> list[Gauge]:
    return sorted(gauges, key=_most, reverse=True)[:MOST_LINES]


def _most(gauge: Gauge) -> float:
    return max((value for value in gauge.values if math.isfinite(value)), default=0.0)


def _quantile(one: Part, p: float) -> Number:
    found = one.whole.quantile_ms(p)
    return found if found is not None and math.isfinite(found) else None


def _second_p95(second: Second) -> Number:
    found = second.p95_ms
    return found if found is not None and math.isfinite(found) else None
