"""The knee of queues whose knee is known."""

import math
import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulations import mean_latency, served

from readiness_kit.statistics.knee import Knee, Step, knee

CAPACITY = 400.0


def true_knee(servers):
    rates = [CAPACITY * k / 2000 for k in range(1, 2000)]
    return max(rates, key=lambda rate: rate / mean_latency(rate, servers, servers / CAPACITY))


def sweep(draw, servers, requests=2000):
    for tenth in range(2, 11):
        rate = CAPACITY * tenth / 10
        seen = served(
            draw,
            rate,
            requests / rate,
            servers=servers,
            service_s=servers / CAPACITY,
            poisson=True,
        )
        yield Step(throughput_rps=rate, latency_ms=1000 * fmean(one for _, one in seen))


def test_one_server_has_its_knee_at_half_its_capacity():
    assert true_knee(1) == pytest.approx(CAPACITY / 2, rel=0.01)


@pytest.mark.parametrize("servers", [1, 4, 16])
def test_the_true_knee_lies_beside_the_best_step(servers):
    draw = random.Random(servers)
    truth_rps = true_knee(servers)
    found = [knee(list(sweep(draw, servers))) for _ in range(8)]
    assert sum(encloses(one, truth_rps) for one in found) >= 7


def encloses(found, rate):
    return (found.low_rps or 0) <= rate <= (found.high_rps or math.inf)


curves = st.lists(
    st.builds(Step, throughput_rps=st.floats(0.1, 1e4), latency_ms=st.floats(0.1, 1e4)), max_size=12
)


@given(curves, st.randoms(use_true_random=False))
def test_the_order_of_steps_does_not_matter(steps, draw):
    shuffled = steps[:]
    draw.shuffle(shuffled)
    assert knee(shuffled) == knee(steps)


@given(curves, st.sampled_from([0.25, 2.0, 1024.0]))
def test_units_do_not_matter(steps, factor):
    slower = [
        Step(throughput_rps=one.throughput_rps, latency_ms=factor * one.latency_ms) for one in steps
    ]
    assert knee(slower) == knee(steps)


@given(curves)
def test_the_knee_lies_between_its_neighbours_among_the_steps(steps):
    found = knee(steps)
    assert (found is None) == (not steps)
    if found is not None:
        assert encloses(found, found.at_rps)
        named = {found.low_rps, found.at_rps, found.high_rps} - {None}
        assert named <= {step.throughput_rps for step in steps}


def at(*pairs):
    return [Step(throughput_rps=rate, latency_ms=ms) for rate, ms in pairs]


def test_a_knee_past_either_end_says_so():
    assert knee(at((10, 5), (20, 5), (30, 5))) == Knee(at_rps=30, low_rps=20, high_rps=None)
    assert knee(at((10, 5), (20, 50), (30, 600))) == Knee(at_rps=10, low_rps=None, high_rps=20)
    assert knee(at((10, 5), (20, 6), (30, math.inf))) == Knee(at_rps=20, low_rps=10, high_rps=30)
    assert knee(at((10, 5), (20, 6), (21, 6.3), (40, 50))) == Knee(
        at_rps=20, low_rps=10, high_rps=40
    )
    assert knee([]) is None


@pytest.mark.parametrize("bad", [(-1, 5), (math.nan, 5), (10, 0), (10, math.nan)])
def test_nonsense_is_refused(bad):
    with pytest.raises(ValueError, match="latency must be positive"):
        knee(at(bad))
