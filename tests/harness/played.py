"""What a generator says of a run whose every request is written down."""

from readiness_kit.harness.plan import Ended, Plan, Tick
from readiness_kit.harness.schedule import stages
from readiness_kit.harness.sending.recording import Record
from readiness_kit.statistics.histogram import Histogram, bin_of

LOST = None
"""Latency of a request that fails."""


def plan(*parts, **changes):
    """A plan of the stages *parts*, or of 10 s at 10 requests a second."""
    given = {
        "profile": "benchmark",
        "url": "http://127.0.0.1:1",
        "origins": (("http", "127.0.0.1", 1),),
        "stages": stages(*(parts or [("steady", 10.0, 10.0, 10.0)])),
        "block_s": 0.5,
        "users": 10,
    }
    return Plan(**{**given, **changes})


def tick(number, n=10, failed=0, **changes):
    """One second in which *n* requests ended after 1 ms, and the *failed* of them badly."""
    good = n - failed
    seen = Histogram(
        bins=(bin_of(1000),) if good else (),
        counts=(good,) if good else (),
        lost=failed,
        max_us=1000,
    )
    given = {
        "number": number,
        "t_s": float(number),
        "n": n,
        "failed": failed,
        "answered": n,
        "corrected": seen,
        "service": seen,
        "lateness": Histogram(),
    }
    return Tick(**{**given, **changes})


def share(requests, *, seconds=4, block_s=0.5, **changes):
    """Return the ticks and the last word of a generator with *requests*: (kind, due, latency)."""
    record, ticks, failed = Record(round(seconds / block_s), block_s), [], 0
    for number in range(1, seconds + 1):
        mine = [one for one in requests if number - 1 <= one[1] < number]
        for kind, due, latency_s in mine:
            if latency_s is LOST:
                record.bad(kind, due, "http_503")
            else:
                record.good(kind, due, latency_s, latency_s / 2)
        folded, before, failed = record.fold(seconds), failed, record.failed
        counts = {"n": len(mine), "failed": failed - before, "answered": len(mine)}
        ticks.append(Tick(number=number, t_s=float(number), **counts, **folded._asdict()))
    return ticks, ended(record, len(requests), ticks=seconds, seconds=seconds, **changes)


def ended(record, n, **changes):
    """Return the last word of a generator that sent *n* requests, as *record* holds them."""
    given = {
        "ticks": 0,
        "seconds": 0.0,
        "scheduled": n,
        "sent": n,
        "answered": n,
        "failed": record.failed,
        "in_time": record.in_time,
        "errors": dict(record.errors),
        "blocks": record.blocks(),
        "service": record.service(),
        "operations": record.operations(),
        "lateness": record.lateness(),
        "noise_floor_ms": 1.0,
        "busiest": 0.1,
        "held": False,
        "closed_loop": False,
        "interrupted": False,
        "cpu_s": 0.5,
        "max_rss_bytes": 100,
    }
    return Ended(**{**given, **changes})
