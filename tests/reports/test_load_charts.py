"""Charts of rising, overloading and lasting load: titles say the finding, gaps stay gaps."""

import math
import xml.etree.ElementTree as ET

import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from readiness_kit.checks.performance.benchmarks import GOOD, block, like
from readiness_kit.checks.performance.load_test import SOAK, STRESS, leaking
from readiness_kit.facts.load import Gauge, Second, SoakLoad, SpikeLoad, Stage, StepLoad, StressLoad
from readiness_kit.reports import charts
from readiness_kit.reports.interactive import figure
from readiness_kit.reports.svg import svg
from readiness_kit.target import Objectives

CAPACITY = 100.0
STEP_S = 20


def second(t_s, n):
    ms = dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"), 20.0)
    own = {f"service_{name}": value for name, value in ms.items()}
    return Second(t_s=float(t_s), n=n, failed=0, lateness_p99_ms=1.0, **ms, **own)


def rising(*rates):
    """Return steps at *rates*; over the capacity, latency grows as the queue does."""
    stages, blocks, series = [], [], []
    for at, rate in enumerate(rates):
        stages.append(
            Stage(
                name=f"step {at + 1}",
                start_s=at * STEP_S,
                seconds=STEP_S,
                from_rps=rate,
                to_rps=rate,
            )
        )
        for k in range(STEP_S):
            grown_s = max(0.0, rate / CAPACITY - 1) * (k + 0.5)
            blocks.append(block(round(20 + 1000 * grown_s) + k % 3, int(rate)))
            series.append(second(len(series) + 1, int(min(rate, CAPACITY))))
    return like(StepLoad, stages=tuple(stages), blocks=tuple(blocks), series=tuple(series))


STEPS = rising(20.0, 40.0, 60.0, 80.0, 150.0)
SPIKE = like(
    SpikeLoad,
    stages=tuple(replace(x, name=x.name.replace("overload", "spike")) for x in STRESS.stages),
    blocks=STRESS.blocks,
    series=STRESS.series,
)


def gauge(name, of, *values):
    return Gauge(name=name, of=of, t_s=tuple(map(float, range(len(values)))), values=values)


GAUGES = GOOD.replace(
    gauges=(
        gauge("cpu_cores", "process 1", 0.5, 0.75, math.nan),
        gauge("cpu_cores", "process 2", 1.5, 1.25, 1.0),
        gauge("replicas", "prometheus", 2.0, 3.0, 3.0),
        gauge("cache_hits", "cache", 100.0, 190.0, 190.0),
        gauge("cache_misses", "cache", 10.0, 15.0, 20.0),
    )
)
SHOWN = [STEPS, rising(20.0, 40.0), STRESS, SPIKE, SOAK, leaking(SOAK), GAUGES]


def drawn(run):
    return charts.pictures(run, Objectives(peak_rps=20))


def titles(run):
    return [one.title for one in drawn(run)]


def test_steps_say_the_capacity_and_the_knee():
    throughput, latency = drawn(STEPS)[:2]
    assert throughput.title.startswith("Capacity 1")
    assert [one.name for one in throughput.boxes] == ["capacity, 95 %"]
    assert throughput.boxes[0].x0[0] <= CAPACITY <= throughput.boxes[0].x1[0]
    assert latency.title == "Latency bends at 80.0 answers a second"
    assert [limit.name for limit in latency.limits] == ["P95 limit 500 ms", "knee"]


def test_steps_that_never_overload_say_a_lower_end():
    throughput = drawn(rising(20.0, 40.0))[0]
    assert throughput.title.startswith("Capacity at least 40.0")
    assert throughput.boxes == ()


@pytest.mark.parametrize(("run", "name"), [(STRESS, "overload"), (SPIKE, "spike")])
def test_overload_is_marked_and_both_ways_of_counting_failures_are_said(run, name):
    goodput, p95 = drawn(run)[:2]
    assert goodput.title == f"40.0 good answers a second in {name}, 20.0 before; 33.3% failed"
    assert [limit.name for limit in goodput.limits] == ["before", name, "after"]
    assert "of what was accepted, failures as infinite never" in p95.title
    assert goodput.lines[0].y == (20.0, 20.0, 60.0, 60.0, 20.0, 20.0)


def test_memory_says_the_leak_and_draws_its_floor():
    chart = drawn(leaking(SOAK))[0]
    assert chart.title.startswith("process 4711: leaks 10")
    assert [line.name for line in chart.lines][:2] == ["resident", "floor"]
    assert chart.lines[2].name.endswith("MB/h")
    assert "no leak" in titles(SOAK)[0]
    assert "At most 12 connections of the database (database)" in titles(SOAK)


def test_each_kind_of_gauge_has_one_chart():
    assert titles(GAUGES)[4:] == [
        "At most 1.5 cores busy (process 2)",
        "At most 3 replicas (prometheus)",
        "90% of 100 reads of the cache hit",
    ]
    cores, _, cache = drawn(GAUGES)[4:]
    assert [line.name for line in cores.lines] == ["process 2", "process 1"]
    assert cores.lines[1].y == (0.5, 0.75, None)
    assert cache.lines[0].y == (90.0, 0.0)


def test_a_counter_that_starts_anew_leaves_a_gap():
    back = GAUGES.replace(
        gauges=(
            gauge("cache_hits", "cache", 100.0, 5.0, 10.0),
            gauge("cache_misses", "cache", 0.0, 0.0, 0.0),
        )
    )
    assert drawn(back)[-1].lines[0].y == (None, 5.0)
    assert titles(back)[-1] == "The cache was not read"


@pytest.mark.parametrize("run", SHOWN, ids=lambda run: run.profile)
def test_both_drawings_show_every_chart(run):
    go = pytest.importorskip("plotly.graph_objects")
    for chart in drawn(run):
        root = ET.fromstring(svg(chart))
        assert root.find("{http://www.w3.org/2000/svg}title").text == chart.title
        made = figure(chart)
        assert len(go.Figure(data=made["data"], layout=made["layout"]).data) == len(
            chart.lines
        ) + len(chart.boxes)


@pytest.mark.parametrize("kind", [StepLoad, StressLoad, SpikeLoad, SoakLoad])
def test_nothing_measured_is_drawn_as_such(kind):
    empty = like(kind, stages=(), blocks=(), series=())
    for chart in drawn(empty):
        ET.fromstring(svg(chart))
        figure(chart)


@pytest.mark.parametrize("run", [STEPS, STRESS, SOAK, GAUGES], ids=lambda run: run.profile)
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=strategies.st.data())
def test_odd_facts_are_drawn_all_the_same(run, data):
    for chart in drawn(data.draw(strategies.near(run))):
        assert chart.title
        svg(chart)
        figure(chart)
