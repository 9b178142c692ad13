"""The sum of the generators is the whole run, or one of them is lost."""

import pytest
from harness.played import LOST, share
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from readiness_kit.harness.conducting.merging import Disagreement, Seconds, joined, whole
from readiness_kit.statistics.histogram import merge

SECONDS = 4
requests = st.lists(
    st.tuples(
        st.sampled_from(["Users", "Post"]),
        st.floats(0, SECONDS, exclude_max=True),
        st.floats(0, 2) | st.just(LOST),
    ),
    max_size=30,
)


def dealt(every, workers):
    return [share(every[worker::workers], seconds=SECONDS) for worker in range(workers)]


@settings(max_examples=40)
@given(requests, st.integers(1, 4), st.randoms())
def test_the_sum_of_the_parts_is_the_whole_in_any_order(every, workers, draw):
    ticks, ended = share(every, seconds=SECONDS)
    parts = dealt(every, workers)
    seconds = Seconds(workers)
    said = [iter(ticks) for ticks, _ in parts]
    turns = [worker for worker in range(workers) for _ in range(SECONDS)]
    draw.shuffle(turns)
    assert [one for worker in turns for one in seconds.add(worker, next(said[worker]))] == ticks
    draw.shuffle(parts)
    total = whole([part for _, part in parts])
    assert total.cpu_s == pytest.approx(workers * ended.cpu_s)
    assert in_order(replace(total, cpu_s=ended.cpu_s, held=ended.held)) == in_order(ended)


def in_order(ended):
    return replace(ended, operations=tuple(sorted(ended.operations, key=lambda one: one.name)))


def test_a_second_is_complete_when_the_slowest_said_it():
    parts = dealt([("Post", t / 10, 0.01) for t in range(40)], 2)
    seconds = Seconds(2)
    for tick in parts[0][0][:3]:
        assert not list(seconds.add(0, tick))
    assert [one.number for one in seconds.add(1, parts[1][0][0])] == [1]
    assert [one.n for one in seconds.add(1, parts[1][0][1])] == [10]


def test_who_ends_early_is_not_waited_for():
    (long, _), (short, _) = dealt([("Post", t / 10, 0.01) for t in range(40)], 2)
    ended = share([("Post", t / 10, 0.01) for t in range(1, 20, 2)], seconds=2)[1]
    seconds = Seconds(2)
    assert not [one for tick in long for one in seconds.add(0, tick)]
    assert [one.n for tick in short[:2] for one in seconds.add(1, tick)] == [10, 10]
    assert [one.n for one in seconds.finish(1, ended)] == [5, 5]


def test_of_a_lost_one_the_seconds_that_it_said_stay():
    parts = dealt([("Post", t / 10, 0.01) for t in range(40)], 2)
    seconds = Seconds(2)
    for tick in parts[0][0]:
        list(seconds.add(0, tick))
    assert [one.n for one in seconds.add(1, parts[1][0][0])] == [10]
    assert [one.n for one in seconds.finish(1, None)] == [5, 5, 5]


@pytest.mark.parametrize("numbers", [[2], [1, 1], [1, 3], [1, 2, 1]])
def test_a_second_that_is_missing_or_comes_twice_is_a_disagreement(numbers):
    ticks, _ = share([], seconds=SECONDS)
    *good, bad = numbers
    seconds = Seconds(1)
    for number in good:
        assert len(list(seconds.add(0, ticks[number - 1]))) == 1
    with pytest.raises(Disagreement, match=f"second {bad} follows"):
        seconds.add(0, ticks[bad - 1])


EVERY = [("Post", t / 10, 0.01) for t in range(30)] + [("Post", 3.5, LOST)]


def blocks_of(part, n):
    return {"blocks": (*part.blocks[:-1], merge([part.blocks[-1]] * n))}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda part: {"ticks": 3}, "3 seconds were said, 4 arrived"),
        (lambda part: {"ticks": 5}, "5 seconds were said"),
        (lambda part: {"scheduled": 32}, "add up"),
        (lambda part: {"scheduled": 30}, "add up"),
        (lambda part: blocks_of(part, 0), "add up"),
        (lambda part: blocks_of(part, 2), "add up"),
        (lambda part: {"operations": ()}, "add up"),
        (lambda part: {"operations": (*part.operations, *part.operations)}, "add up"),
    ],
)
def test_counts_that_do_not_add_up_are_a_disagreement(wrong, says):
    ticks, part = share(EVERY, seconds=SECONDS)
    seconds = Seconds(1)
    for tick in ticks:
        list(seconds.add(0, tick))
    with pytest.raises(Disagreement, match=says):
        seconds.finish(0, replace(part, **wrong(part)))


def test_requests_that_no_second_showed_are_a_disagreement():
    ticks, part = share(EVERY, seconds=SECONDS)
    seconds = Seconds(1)
    for tick in [replace(ticks[0], n=ticks[0].n - 1), *ticks[1:]]:
        list(seconds.add(0, tick))
    with pytest.raises(Disagreement, match="fewer requests ended"):
        seconds.finish(0, part)


@pytest.mark.parametrize("errors", [{"unanswered": 1}, {"never_sent": 1}])
def test_what_was_never_answered_shows_in_no_second(errors):
    ticks, part = share(EVERY, seconds=SECONDS)
    seconds = Seconds(1)
    for tick in [*ticks[:3], replace(ticks[3], n=0)]:
        list(seconds.add(0, tick))
    assert not list(seconds.finish(0, replace(part, errors=errors)))


def test_of_the_guards_the_worst_counts():
    one, other = (share(EVERY, seconds=SECONDS)[1] for _ in range(2))
    worse = {
        "busiest": 0.9,
        "closed_loop": True,
        "interrupted": True,
        "lateness": one.blocks[0],
        "max_rss_bytes": 200,
        "noise_floor_ms": 2.0,
        "seconds": 2.0,
    }
    for parts in ([one, replace(other, **worse)], [replace(other, **worse), one]):
        total = whole(parts)
        assert {name: getattr(total, name) for name in worse} == worse


@pytest.mark.parametrize(
    ("parts", "held"),
    [
        ([{"held": True, "sent": 20}, {"held": True, "sent": 20}], True),
        ([{"held": True, "sent": 20}, {"held": False}], True),
        ([{"held": True, "sent": 20}, {"held": False, "sent": 20}], False),
    ],
)
def test_only_a_target_that_held_all_users_excuses_what_was_not_sent(parts, held):
    part = share(EVERY, seconds=SECONDS)[1]
    assert whole([replace(part, **changes) for changes in parts]).held is held


def test_nothing_has_no_sum():
    with pytest.raises(ValueError, match="no generator"):
        whole([])


@settings(max_examples=30)
@given(st.lists(requests, min_size=1, max_size=4))
def test_a_second_is_the_sum_of_what_its_parts_say(every):
    firsts = [share(one, seconds=SECONDS)[0][0] for one in every]
    total = joined(firsts)
    assert total.n == total.corrected.n == sum(one.n for one in firsts)
    assert total.failed == total.corrected.lost == sum(one.failed for one in firsts)
