"""Worlds of known truth: memory that grows or does not, queues of known capacity."""

import heapq
import math
from itertools import pairwise

from readiness_kit.statistics.histogram import Recorder

SAMPLE_S = 5.0
MB = 1e6


def wander(draw, n, memory, sigma):
    """An autoregressive process around 0."""
    at = draw.gauss(0, sigma / math.sqrt(1 - memory**2))
    for _ in range(n):
        at = memory * at + draw.gauss(0, sigma)
        yield at


def resident(draw, n=360, *, mb_h=0.0, memory=0.8, sigma=1.0, saw=(), warm_up=None, cap=None):
    """Resident memory around 300 MB: samples of (seconds, bytes).

    *saw* is (period in samples, height in MB), *warm_up* (MB, time constant in samples), *cap* the
    sample at which a cache of 30 MB is full.
    """
    period, height = saw or (1, 0)
    missing, constant = warm_up or (0, 1)
    for k, noise in enumerate(wander(draw, n, memory, sigma)):
        cache = 30 * min(1, k / cap) if cap else 0
        level = 300 + cache + k % period / period * height - missing * math.exp(-k / constant)
        yield k * SAMPLE_S, (level + mb_h * k * SAMPLE_S / 3600 + noise) * MB


def served(draw, rate, seconds, *, servers, service_s, poisson=False, backlog=0):
    """Yield (due, latency), seconds, of each arrival at an M/M/c queue or, evenly due, D/M/c.

    *rate* is a number or a function of time. *backlog* arrivals wait at time 0 already.
    """
    rate_at = rate if callable(rate) else lambda _: rate
    free, t = [0.0] * servers, 0.0
    for _ in range(backlog):
        heapq.heappush(free, heapq.heappop(free) + draw.expovariate(1 / service_s))
    while t < seconds:
        end = max(heapq.heappop(free), t) + draw.expovariate(1 / service_s)
        heapq.heappush(free, end)
        yield t, end - t
        t += draw.expovariate(rate_at(t)) if poisson else 1 / rate_at(t)


def share(outcomes):
    """Return the share of true outcomes."""
    outcomes = list(outcomes)
    return sum(outcomes) / len(outcomes)


def rises(values):
    """Return whether no value is below the one before."""
    return all(a <= b for a, b in pairwise(values))


def in_blocks(seen, seconds, block_s=1.0):
    """Return histograms of the latencies *seen*, (due, latency), by the block they were due in."""
    made = [Recorder() for _ in range(round(seconds / block_s))]
    for t, latency_s in seen:
        made[min(len(made) - 1, int(t / block_s))].record(latency_s)
    return [one.histogram() for one in made]


def mean_latency(rate, servers, service_s):
    """Return the mean latency of an M/M/c queue, by Erlang's formula, seconds."""
    busy = rate * service_s
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = busy * blocked / (k + busy * blocked)
    waits = blocked / (1 - busy / servers * (1 - blocked))
    return service_s * (1 + waits / (servers - busy))
