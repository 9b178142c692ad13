import itertools

import pytest
from msgspec.structs import replace
from webserver import Reply, serve, visit

from readiness_kit.checks.infrastructure.load_balancer import CHECK, GOOD_CONFIG
from readiness_kit.probes.api.balancer import instance_answers


def one(name="a", data="same", **headers):
    return Reply(body={"data": {"me": data}}, headers=headers)


def look(balanced, *instances):
    with serve(balanced) as url, serve(instances[0]) as a, serve(instances[1]) as b:
        return instance_answers.gather(visit(url, api={"instances": (a, b)}))


def alternate(*replies):
    turn = itertools.cycle(replies)
    return lambda asked: next(turn)


@pytest.mark.parametrize(
    ("balanced", "first", "second", "status"),
    [
        (lambda _: one(), lambda _: one(), lambda _: one(), "PASS"),
        (lambda _: one(), lambda _: one(), lambda _: one(data="other"), "FAIL"),
        (lambda _: one(), lambda _: one(), alternate(one(data=1), one(data=2)), "UNKNOWN"),
        (lambda _: one(), lambda _: one(), lambda _: Reply(status=500), "UNKNOWN"),
        (lambda _: one(data=None), lambda _: one(data=None), lambda _: one(data=None), "UNKNOWN"),
        (lambda _: Reply(status=429), lambda _: one(), lambda _: one(), "UNKNOWN"),
    ],
)
def test_instances_agree_or_not(balanced, first, second, status):
    assert CHECK.shows(look(balanced, first, second))["affinity"] == status


def sticky(works):
    turn = itertools.cycle("ab")

    def answer(asked):
        cookie = asked.headers.get("cookie", "")
        name = cookie.removeprefix("route=") if cookie and works else next(turn)
        return one(**{"x-instance": name, "set-cookie": f"route={name}"})

    return answer


@pytest.mark.parametrize(("works", "status"), [(True, "PASS"), (False, "FAIL")])
def test_a_cookie_binds_or_does_not(works, status):
    fact = look(sticky(works), lambda _: one(), lambda _: one())
    assert fact.cookies == ("route",)
    assert CHECK.shows(fact)["affinity"] == status


def test_ip_hash_that_no_header_shows_is_not_seen():
    fact = look(lambda _: one(), lambda _: one(), lambda _: one())
    bound = tuple(replace(group, affinity="ip_hash") for group in GOOD_CONFIG.upstreams)
    shown = CHECK.shows(fact, GOOD_CONFIG.replace(upstreams=bound))
    assert shown["affinity"] == "UNKNOWN"
