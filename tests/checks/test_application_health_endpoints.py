"""Readiness follows the database: bands, boundary pairs, and what was not seen."""

import pytest
from msgspec.structs import replace

from readiness_kit.checks.application.health_endpoints import CHECK, DRILL, Poll, judge_drill

CLAIM = "readiness_follows_database"


def shown(drill) -> str:
    return CHECK.shows(drill)[CLAIM]


def timeline(off_s: float, on_s: float, *, cut: float = 12, last: float = 60, **change):
    """Ready until *off_s* after the cut at 1 s, then 503 until *on_s* after mending."""
    (database, _) = DRILL.outages
    mended = 1 + cut
    polls = []
    for tenth in range(int(last * 10)):
        at = tenth / 10
        off = 1 + off_s - 0.05 <= at < mended + on_s - 0.05
        one = Poll(place=DRILL.places[0], endpoint="ready", at_s=at, elapsed_ms=0.0, status=200)
        polls += [replace(one, status=503) if off else one, replace(one, endpoint="health")]
    return DRILL.replace(
        outages=(replace(database, since_s=1.0, mending_s=mended, until_s=mended),),
        polls=tuple(polls),
        cache_declared=False,
        **change,
    )


@pytest.mark.parametrize(
    ("off_s", "on_s", "status"),
    [
        (0.0, 0.0, "PASS"),
        (10.0, 30.0, "PASS"),
        (10.1, 0.0, "FAIL"),
        (0.0, 30.1, "FAIL"),
        (30.0, 0.0, "FAIL"),
        (0.0, 100.0, "FAIL"),
    ],
)
def test_times(off_s, on_s, status):
    assert shown(timeline(off_s, on_s)) == status


def changed(endpoint, change, *, at=lambda _: True):
    return DRILL.replace(
        polls=tuple(
            replace(one, **change(one)) if one.endpoint == endpoint and at(one.at_s) else one
            for one in DRILL.polls
        )
    )


@pytest.mark.parametrize(
    ("drill", "status"),
    {
        "as it should be": (DRILL, "PASS"),
        "500 while it is cut": (
            changed("ready", lambda one: {"status": 500 if one.status == 503 else 200}),
            "WARN",
        ),
        "404 while it is cut": (
            changed("ready", lambda one: {"status": 404 if one.status == 503 else 200}),
            "FAIL",
        ),
        "hangs at 5.0 s": (
            changed("ready", lambda _: {"elapsed_ms": 5000.0}, at=lambda at: at > 12),
            "PASS",
        ),
        "hangs over 5.0 s": (changed("ready", lambda _: {"elapsed_ms": 5000.1}), "FAIL"),
        "still waiting when it was mended": (
            changed(
                "ready", lambda _: {"status": 200, "elapsed_ms": 600.0}, at=lambda at: at == 5.5
            ),
            "PASS",
        ),
        "no answer at all": (
            changed("ready", lambda _: {"status": None}, at=lambda at: 3 < at < 4),
            "FAIL",
        ),
        "one refusal of liveness": (
            changed("health", lambda _: {"status": 503}, at=lambda at: 3 < at < 4),
            "FAIL",
        ),
        "liveness fails after mending": (
            changed("health", lambda _: {"status": 500}, at=lambda at: at > 14),
            "FAIL",
        ),
        "ready again while still cut": (
            changed("ready", lambda _: {"status": 200}, at=lambda at: 5 < at < 6),
            "FAIL",
        ),
        "off with the cache": (
            changed("ready", lambda _: {"status": 503}, at=lambda at: 9 < at < 12),
            "WARN",
        ),
        "off with a cache that it needs": (
            changed("ready", lambda _: {"status": 503}, at=lambda at: 9 < at < 12).replace(
                cache_required=True
            ),
            "PASS",
        ),
        "not back after the cache": (
            changed("ready", lambda _: {"status": 503}, at=lambda at: at > 9),
            "FAIL",
        ),
        "never ready before": (
            changed("ready", lambda _: {"status": 503}, at=lambda at: at < 2),
            "UNKNOWN",
        ),
        "nobody polled liveness while it was cut": (
            DRILL.replace(
                polls=tuple(
                    one for one in DRILL.polls if one.endpoint == "ready" or not 2 <= one.at_s < 6
                )
            ),
            "UNKNOWN",
        ),
        "the cache was not cut": (DRILL.replace(outages=DRILL.outages[:1]), "UNKNOWN"),
        "there is no cache": (
            DRILL.replace(outages=DRILL.outages[:1], cache_declared=False),
            "PASS",
        ),
        "only the cache was cut": (DRILL.replace(outages=DRILL.outages[1:]), "UNKNOWN"),
        "nothing polled": (DRILL.replace(polls=()), "UNKNOWN"),
        "no place": (DRILL.replace(places=()), "UNKNOWN"),
        "a place without polls": (DRILL.replace(places=(*DRILL.places, "another")), "UNKNOWN"),
    }.values(),
)
def test_bands(drill, status):
    assert shown(drill) == status


def test_it_says_what_was_seen():
    (finding,) = judge_drill(DRILL)
    assert finding.got == (
        "https://api.example.com at 192.0.2.1:443: off after 0.5 s 503, back after 1.5 s"
        " (30 polls in 15 s)"
    )
