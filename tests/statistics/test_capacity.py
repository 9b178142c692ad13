"""The capacity of queues whose capacity is known."""

import random

import pytest
from simulations import in_blocks, served, share

from readiness_kit.statistics.capacity import Capacity, NoCapacity, overload
from readiness_kit.statistics.histogram import Histogram, bin_of

CAPACITY = 400.0
SECONDS = 32


def step(draw, times, *, servers=8, poisson=False, seconds=SECONDS, capacity=CAPACITY):
    rate = times * capacity
    seen = served(
        draw, rate, seconds, servers=servers, service_s=servers / capacity, poisson=poisson
    )
    return overload(in_blocks(seen, seconds), 1.0, rate)


@pytest.mark.parametrize(
    ("servers", "times", "poisson"), [(4, 1.2, False), (8, 1.5, True), (8, 2, False)]
)
def test_the_capacity_of_a_queue_is_found_within_3_percent(servers, times, poisson):
    draw = random.Random(1)
    found = [step(draw, times, servers=servers, poisson=poisson) for _ in range(8)]
    given = [one for one in found if isinstance(one, Capacity)]
    assert len(given) >= 7
    assert share(abs(one.value_rps / CAPACITY - 1) < 0.03 for one in given) == 1
    assert share(one.low_rps <= CAPACITY <= one.high_rps for one in given) >= 0.85


def test_coverage_of_short_steps():
    draw = random.Random(4)
    found = [step(draw, 1.5, servers=2, capacity=40.0) for _ in range(60)]
    given = [one for one in found if isinstance(one, Capacity)]
    assert len(given) >= 57
    assert share(one.low_rps <= 40 <= one.high_rps for one in given) >= 0.92


def test_a_rate_the_queue_keeps_up_with_shows_no_capacity_but_a_lower_end():
    draw = random.Random(2)
    for found in [step(draw, 0.8, poisson=True) for _ in range(5)]:
        assert isinstance(found, NoCapacity)
        assert found.reason == "not_overloaded"
        assert 0.75 * CAPACITY < found.low_rps <= CAPACITY


def growing(latencies_ms, lost=0):
    return [
        Histogram(bins=(bin_of(round(ms * 1000)),), counts=(9,), max_us=round(ms * 1000), lost=lost)
        for ms in latencies_ms
    ]


def test_a_service_that_gives_way_is_uneven():
    pace = [100 + 100 * min(k, 20) + 600 * max(0, k - 20) + k % 3 for k in range(40)]
    found = overload(growing(pace), 1.0, 100)
    assert isinstance(found, NoCapacity)
    assert (found.reason, found.low_rps) == ("uneven", None)


def test_failures_end_what_can_be_used():
    latencies = [100 + 500 * k for k in range(30)]
    assert isinstance(overload(growing(latencies), 1.0, 100), Capacity)
    failing = growing(latencies[:15]) + growing(latencies[15:], lost=1)
    found = overload(failing, 1.0, 100)
    assert found == NoCapacity(reason="too_few_blocks", rate_rps=100, blocks=9, low_rps=None)
    assert overload([], 1.0, 100).reason == "too_few_blocks"


def test_exact_growth_gives_exact_capacity_in_any_unit_of_time():
    latencies = [100 + 500 * k for k in range(30)]
    found = overload(growing(latencies), 1.0, 150)
    assert found.value_rps == pytest.approx(100, rel=0.005)
    halved = overload(growing([ms / 2 for ms in latencies]), 0.5, 300)
    assert halved.value_rps == pytest.approx(2 * found.value_rps, rel=0.005)


def test_a_service_that_warms_up_shows_no_more_than_the_rate():
    found = overload(growing([9000 - 200 * k for k in range(40)]), 0.1, 100)
    assert found == NoCapacity(reason="not_overloaded", rate_rps=100, blocks=32, low_rps=100)


def test_a_step_with_failures_shows_no_lower_end():
    for steady in (
        growing([100] * 20) + growing([100], lost=1),
        growing([100], lost=1) + growing([100] * 20),
    ):
        found = overload(steady, 1.0, 100)
        assert (found.reason, found.low_rps) == ("not_overloaded", None)


def test_against_what_is_needed():
    found = Capacity(value_rps=100, low_rps=95, high_rps=105, slope=0.5)
    assert [found.against(x) for x in (95, 100, 106)] == ["over", "straddles", "under"]
