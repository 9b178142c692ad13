"""Graceful degradation: bands, boundary pairs, and what was not seen."""

import pytest
from msgspec.structs import replace

from readiness_kit.checks.application.graceful_degradation import CHECK, GOOD
from readiness_kit.target import Objectives

CUT_CACHE, HOLE_CACHE, CUT_DATABASE, HOLE_DATABASE = GOOD.breaks


def shown(drill, claim: str) -> str:
    return CHECK.shows(drill)[claim]


def within(*breaks):
    return lambda one: any(cut.since_s <= one.at_s < cut.until_s for cut in breaks)


def changed(where, **change):
    """GOOD with *change* in the calls that *where* chooses."""
    return GOOD.replace(
        calls=tuple(replace(one, **change) if where(one) else one for one in GOOD.calls)
    )


def some(where, n: int):
    """Choose the first *n* of what *where* chooses."""
    chosen = [id(one) for one in GOOD.calls if where(one)][:n]
    return lambda one: id(one) in chosen


def slow_refusals(n: int, elapsed_ms: float = 101.0):
    """Of the refusals without a database, the first *n* are slow, all others quick."""
    needs = lambda one: one.outcome == "refused"  # noqa: E731
    quick = changed(needs, elapsed_ms=5.0)
    chosen = {
        one.at_s
        for cut in (CUT_DATABASE, HOLE_DATABASE)
        for one in [x for x in GOOD.calls if needs(x) and within(cut)(x)][:n]
    }
    return GOOD.replace(
        calls=tuple(
            replace(one, elapsed_ms=elapsed_ms) if one.at_s in chosen and needs(one) else one
            for one in quick.calls
        )
    )


@pytest.mark.parametrize(
    ("slow", "elapsed_ms", "processes", "status"),
    [
        (0, 101.0, 1, "PASS"),
        (150, 100.0, 1, "PASS"),  # a refusal in 100 ms is quick
        (10, 101.0, 1, "PASS"),
        (150, 101.0, 1, "FAIL"),  # to the end
        (110, 101.0, 1, "FAIL"),  # opened after 110 of 150
        (140, 101.0, 2, "FAIL"),
    ],
)
def test_a_breaker_opens_after_ten_failures(slow, elapsed_ms, processes, status):
    drill = slow_refusals(slow, elapsed_ms).replace(processes=processes)
    assert shown(drill, "breaker") == status


def test_calls_under_way_when_it_opens_count_for_nothing():
    # 3 s of calls each take 3 s, so all of them begin before the first has failed.
    drill = slow_refusals(15, 3000.0)
    assert shown(drill, "breaker") == "PASS"


def test_a_breaker_that_still_tries_is_one():
    refusals = [one.at_s for one in GOOD.calls if one.outcome == "refused"]
    tries = set(refusals[::5])
    drill = changed(lambda one: one.at_s in tries and one.outcome == "refused", elapsed_ms=3000.0)
    assert shown(drill, "breaker") == "PASS"


def test_one_process_without_a_breaker_is_not_sure():
    refusals = [one.at_s for one in GOOD.calls if one.outcome == "refused"]
    half = set(refusals[::2])
    drill = changed(lambda one: one.at_s in half and one.outcome == "refused", elapsed_ms=3000.0)
    assert shown(drill, "breaker") in ("FAIL", "UNKNOWN")


def waits_for_the_cache(elapsed_ms: float):
    return changed(within(HOLE_CACHE), elapsed_ms=elapsed_ms)


@pytest.mark.parametrize(("elapsed_ms", "status"), [(120.0, "PASS"), (120.1, "FAIL")])
def test_waiting_for_the_cache_on_every_call_is_no_breaker(elapsed_ms, status):
    # 20 ms is what they take without a fault
    assert shown(waits_for_the_cache(elapsed_ms), "breaker") == status


def asked_again(after_s: float):
    """The cache is asked again so many seconds after the first fault of it was mended."""
    until_s = CUT_CACHE.until_s
    held = next(one.lookups for one in GOOD.lookups if one.at_s == until_s - 1)
    return GOOD.replace(
        breaks=(replace(CUT_CACHE, watched_until_s=until_s + 70), *GOOD.breaks[2:]),
        lookups=tuple(
            replace(one, lookups=held) if until_s <= one.at_s < until_s + after_s else one
            for one in GOOD.lookups
        ),
    )


@pytest.mark.parametrize(("after_s", "status"), [(60.0, "UNKNOWN"), (61.0, "FAIL"), (90, "FAIL")])
def test_the_cache_is_taken_back_within_a_minute(after_s, status):
    # UNKNOWN, not PASS, for want of the black hole that had to make room
    assert shown(asked_again(after_s), "breaker") == status


def test_a_database_that_is_not_taken_back_fails():
    gone = changed(lambda one: one.at_s >= HOLE_DATABASE.until_s, outcome="refused", status=503)
    assert shown(gone, "breaker") == "FAIL"


@pytest.mark.parametrize(
    ("bad", "status"),
    [(0, "PASS"), (1, "PASS"), (2, "UNKNOWN"), (11, "UNKNOWN"), (12, "FAIL"), (600, "FAIL")],
)
def test_share_of_good_answers_without_the_cache(bad, status):
    drill = changed(some(within(CUT_CACHE, HOLE_CACHE), bad), outcome="refused", status=500)
    assert shown(drill, "fallback") == status


@pytest.mark.parametrize(
    ("elapsed_ms", "status"),
    [(40.0, "PASS"), (40.1, "WARN"), (500.0, "WARN"), (500.1, "FAIL")],
)
def test_speed_without_the_cache(elapsed_ms, status):
    drill = changed(within(CUT_CACHE), elapsed_ms=elapsed_ms)
    assert shown(drill, "fallback") == status


@pytest.mark.parametrize(
    ("slow", "status"), [(7, "PASS"), (8, "UNKNOWN"), (22, "UNKNOWN"), (24, "WARN")]
)
def test_close_to_twice_as_slow_is_not_sure(slow, status):
    drill = changed(some(within(CUT_CACHE), slow), elapsed_ms=50.0)
    assert shown(drill, "fallback") == status


def test_the_objective_is_the_target_s_own():
    drill = changed(within(CUT_CACHE), elapsed_ms=60.0)
    assert CHECK.shows(drill, Objectives(p95_ms=50.0))["fallback"] == "FAIL"


def test_too_few_calls_before_are_no_comparison():
    few = GOOD.replace(calls=tuple(one for one in GOOD.calls if not 7 < one.at_s < 40))
    assert shown(few, "fallback") == "UNKNOWN"


def test_a_cache_that_is_asked_all_the_same_was_not_cut():
    asked = GOOD.replace(
        lookups=tuple(replace(one, lookups=int(10 * one.at_s)) for one in GOOD.lookups)
    )
    for claim in ("fallback", "breaker"):
        assert shown(asked, claim) == "UNKNOWN"


def test_a_cache_that_nobody_asks_is_not_missed():
    idle = GOOD.replace(lookups=tuple(replace(one, lookups=7) for one in GOOD.lookups))
    for claim in ("fallback", "breaker"):
        assert shown(idle, claim) == "UNKNOWN"


def test_a_cache_that_tells_nothing_proves_nothing():
    for claim in ("fallback", "breaker"):
        assert shown(GOOD.replace(lookups=()), claim) == "UNKNOWN"


def refused(one) -> bool:
    return one.outcome == "refused"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "PASS"),
        ({"retry": False}, "WARN"),
        ({"elapsed_ms": 5000.0}, "PASS"),
        ({"elapsed_ms": 5000.1}, "FAIL"),
        ({"status": 200}, "PASS"),  # errors in a 200 are GraphQL's way
        ({"status": 500}, "PASS"),  # with errors
        ({"status": 503, "errors": False}, "PASS"),
        ({"status": 502, "errors": False}, "FAIL"),
        ({"internal": "psycopg"}, "FAIL"),
        ({"outcome": "empty", "status": 200}, "FAIL"),
        ({"outcome": "lost", "status": None}, "FAIL"),
    ],
)
def test_how_the_loss_of_the_database_is_answered(change, status):
    assert shown(changed(refused, **change), "database_loss_answered") == status
    if status == "FAIL":
        assert shown(changed(some(refused, 1), **change), "database_loss_answered") == "FAIL"


def test_answers_from_the_cache_do_not_show_the_loss():
    kept = changed(refused, outcome="good", status=200)
    assert shown(kept, "database_loss_answered") == "UNKNOWN"
    assert shown(kept, "cache") == "UNKNOWN"
    assert shown(kept, "breaker") == "UNKNOWN"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "PASS"),
        ({"mark": ""}, "WARN"),
        ({"same": False}, "FAIL"),
        ({"answered": False, "status": 503, "same": False}, "FAIL"),
        ({"answered": False, "status": None}, "FAIL"),
    ],
)
def test_kept_answers(change, status):
    first, *others = GOOD.reads
    assert shown(GOOD.replace(reads=(replace(first, **change), *others)), "cache") == status


def test_no_kept_answer_is_none():
    assert shown(GOOD.replace(reads=()), "cache") == "UNKNOWN"
    assert shown(GOOD.replace(reads=GOOD.reads[:1]), "cache") == "UNKNOWN"


def test_without_a_cache_only_the_database_is_judged():
    drill = GOOD.replace(breaks=GOOD.breaks[2:], cache_declared=False, lookups=(), reads=())
    shows = CHECK.shows(drill)
    assert shows["database_loss_answered"] == "PASS"
    assert shows["fallback"] == "UNKNOWN"
