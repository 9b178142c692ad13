"""What a profile asks of a target: declared over built-in, within ceilings, never guessed."""

import itertools
from pathlib import Path

import pytest

from readiness_kit.errors import NotSeen, UsageError
from readiness_kit.facts.load import BenchmarkLoad
from readiness_kit.harness.conducting.planning import plan_for
from readiness_kit.harness.conducting.profiles import PROFILES
from readiness_kit.harness.plan import Order
from readiness_kit.harness.runs import benchmark
from readiness_kit.target import AbortOn, Api, Load, LoadProfile, Objectives, Target

SHOP = Target(
    schema=1,
    name="shop",
    environment="staging",
    api=Api(url="http://127.0.0.1:8080", instances=("http://127.0.0.1:8081",)),
    objectives=Objectives(peak_rps=20),
    load=Load(scenario=Path("load/locustfile.py"), max_rps=200, max_users=100, max_seconds=60),
)


def shop(**changes):
    import msgspec

    return msgspec.structs.replace(SHOP, **changes)


def test_benchmark_offers_the_peak_long_enough_for_p99():
    plan = plan_for(SHOP, "benchmark")
    assert (plan.top_rps, plan.seconds, plan.users) == (20, 40, 50)
    assert plan.origins == (("http", "127.0.0.1", 8080),)
    assert plan.loopback
    assert plan.scenario == "load/locustfile.py"
    assert benchmark.fact is BenchmarkLoad
    assert benchmark.effect == "load"


def test_the_command_line_beats_the_file_and_the_file_the_profile():
    load = Load(
        scenario=Path("x.py"),
        profiles={"benchmark": LoadProfile(rate_rps=30, users=70)},
        max_users=100,
    )
    plan = plan_for(shop(load=load), "benchmark", LoadProfile(rate_rps=10, seconds=5))
    assert (plan.top_rps, plan.seconds, plan.users) == (10, 5, 70)


@pytest.mark.parametrize(
    "shape", [LoadProfile(rate_rps=201), LoadProfile(seconds=61), LoadProfile(users=101)]
)
def test_no_ceiling_can_be_passed(shape):
    with pytest.raises(UsageError, match=r"more than load\.max_"):
        plan_for(SHOP, "benchmark", shape)


@pytest.mark.parametrize(
    ("target", "key"),
    [
        (shop(api=None), "api"),
        (shop(objectives=Objectives()), "objectives.peak_rps"),
        (shop(load=Load()), "load.scenario"),
    ],
)
def test_what_is_not_configured_is_not_guessed(target, key):
    with pytest.raises(NotSeen, match=key) as caught:
        plan_for(target, "benchmark")
    assert caught.value.cause == "not_configured"


def test_a_url_must_be_one_the_target_names():
    plan = plan_for(SHOP, "benchmark", url="http://127.0.0.1:8081/a?b=1")
    assert (plan.url, plan.path, plan.scenario) == ("http://127.0.0.1:8081", "/a?b=1", None)
    assert plan.origins == (("http", "127.0.0.1", 8081),)
    with pytest.raises(UsageError, match="not on a host"):
        plan_for(SHOP, "benchmark", url="http://127.0.0.2:8080/")


def test_an_unknown_profile_names_the_known_ones():
    with pytest.raises(UsageError, match="benchmark"):
        plan_for(SHOP, "bench")


def test_an_order_never_shows_its_tokens():
    assert "planted" not in repr(Order(plan=plan_for(SHOP, "benchmark"), tokens=("planted",)))


@pytest.mark.parametrize(
    ("profile", "top_rps", "seconds", "users", "parts"),
    [
        ("smoke", 2, 5, 10, 1),
        ("benchmark", 20, 40, 50, 1),
        ("peak", 40, 20, 100, 1),
        ("step", 200, 100, 500, 10),  # sixteen times the peak is beyond the ceiling
        ("stress", 60, 110, 150, 3),
        ("spike", 100, 60, 250, 3),
        ("soak", 20, 1800, 50, 1),
    ],
)
def test_each_profile_follows_from_the_peak(profile, top_rps, seconds, users, parts):
    load = Load(scenario=Path("x.py"), max_rps=200, max_users=500, max_seconds=1800)
    plan = plan_for(shop(load=load), profile)
    assert (plan.top_rps, plan.seconds, plan.users) == pytest.approx((top_rps, seconds, users))
    assert len(plan.stages) == parts
    for one, following in itertools.pairwise(plan.stages):
        assert following.start_s == pytest.approx(one.start_s + one.seconds)
        # a block never straddles two stages
        assert following.start_s / plan.block_s == pytest.approx(
            round(following.start_s / plan.block_s)
        )


def test_steps_start_low_and_rise_by_one_factor():
    rates = [stage.from_rps for stage in plan_for(SHOP, "step", LoadProfile(seconds=60)).stages]
    assert rates[0] == pytest.approx(200 / 16)
    assert {round(b / a, 6) for a, b in itertools.pairwise(rates)} == {round(16 ** (1 / 9), 6)}


def test_only_what_must_hold_ends_early_and_only_unless_forbidden():
    load = Load(scenario=Path("x.py"), max_users=5000)
    for profile in PROFILES:
        held = profile in {"smoke", "benchmark", "peak", "soak"}
        assert bool(plan_for(shop(load=load), profile).abort_on) is held
    patient = Load(scenario=Path("x.py"), profiles={"benchmark": LoadProfile(abort_on=AbortOn())})
    assert plan_for(shop(load=patient), "benchmark").abort_on == ()
