import threading
import time
from collections import defaultdict
from dataclasses import replace

import pytest
from msgspec import structs
from webserver import Reply, secret, serve, visit

from readiness_kit.checks.security.rate_limiting import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.refusals import rate_limit
from readiness_kit.probes.refusals.rate_limit import (
    hourly_limits,
    rate_limit_burst,
    rate_limit_minute,
)
from readiness_kit.target import Application, Auth, Limits, Load, Proxy, RateLimits, Secret


class Bucket:
    """A service that limits each caller as nginx does: *rate* a second, *burst* more at once."""

    def __init__(
        self, burst=20, rate=100 / 60, status=429, per=lambda asked: asked.token, **headers
    ):
        self.burst, self.rate, self.per = burst, rate, per
        self.no = Reply(status=status, headers=headers or {"retry-after": "1"})
        self.levels, self.lock = defaultdict(lambda: (0.0, time.monotonic())), threading.Lock()

    def __call__(self, asked):
        with self.lock:
            level, then = self.levels[self.per(asked)]
            now = time.monotonic()
            level = max(0.0, level - (now - then) * self.rate)
            if level > self.burst:
                return self.no
            self.levels[self.per(asked)] = level + 1, now
        return Reply(body={"data": {"__typename": "Query"}})


@pytest.fixture
def parts(tmp_path):
    return {
        "auth": Auth(token=secret(tmp_path, "one", "one")),
        "load": Load(identities=(secret(tmp_path, "two", "two"),)),
    }


def burst(service, parts):
    with serve(service) as url:
        return CHECK.shows(rate_limit_burst.gather(visit(url, **parts)))


@pytest.mark.parametrize(
    ("service", "status", "others"),
    [
        (Bucket(), "PASS", "PASS"),
        (Bucket(**{"x-no": "1"}), "WARN", "PASS"),
        (Bucket(status=503), "WARN", "PASS"),
        (Bucket(status=500), "UNKNOWN", "UNKNOWN"),
        (Bucket(burst=40), "FAIL", "PASS"),
        (Bucket(burst=1000), "FAIL", "UNKNOWN"),
        (Bucket(burst=-1), "UNKNOWN", "FAIL"),
        (Bucket(per=lambda asked: "everybody"), "PASS", "FAIL"),
        (lambda asked: Reply(raw=b""), "UNKNOWN", "UNKNOWN"),
    ],
    ids=["good", "no-retry-after", "503", "500", "wide", "off", "closed", "shared", "dead"],
)
def test_bursts(service, status, others, parts):
    shown = burst(service, parts)
    assert (shown["burst"], shown["others_unaffected"]) == (status, others)


def test_one_identity_alone_shows_nothing_of_others(parts):
    shown = burst(Bucket(), {"auth": parts["auth"]})
    assert (shown["burst"], shown["others_unaffected"]) == ("PASS", "UNKNOWN")


@pytest.mark.parametrize(
    ("service", "status"),
    [
        (Bucket(burst=5, rate=0.1), "PASS"),
        (Bucket(burst=5, rate=0.1, **{"x-no": "1"}), "WARN"),
        (Bucket(burst=1000), "FAIL"),
        (Bucket(burst=5, rate=0.1, status=503), "UNKNOWN"),
        (lambda asked: Reply(status=429), "UNKNOWN"),
        (lambda asked: Reply(status=401), "FAIL"),
    ],
)
def test_paced_requests(service, status, parts, monkeypatch):
    monkeypatch.setattr(rate_limit, "PACED_SECONDS", 0.5)
    with serve(service) as url:
        fact = rate_limit_minute.gather(visit(url, **parts))
    assert CHECK.shows(fact)["per_minute"] == status


@pytest.mark.parametrize(("holds", "status"), [(150, "PASS"), (10_000, "FAIL")])
def test_a_high_declared_limit_is_gone_beyond(holds, status, parts, monkeypatch):
    monkeypatch.setattr(rate_limit, "PACED_SECONDS", 0.5)
    limits = Limits(rate=RateLimits(per_minute=120, burst=30))
    with serve(Bucket(burst=holds, rate=0.1)) as url:
        fact = rate_limit_minute.gather(visit(url, **parts, limits=limits, deadline_s=60))
    assert fact.planned == 180
    assert CHECK.shows(fact)["per_minute"] == status


def test_a_high_declared_burst_is_gone_beyond(parts):
    limits = Limits(rate=RateLimits(burst=100))
    with serve(Bucket(burst=100)) as url:
        fact = rate_limit_burst.gather(visit(url, **parts, limits=limits, deadline_s=60))
    assert fact.caller.sent == 122
    assert fact.caller.refused > 0


def test_a_limit_that_only_load_goes_beyond_is_not_tried(parts):
    limits = Limits(rate=RateLimits(per_minute=60_000))
    with pytest.raises(NotSeen, match="72024 requests would be needed"):
        rate_limit_minute.gather(visit("http://127.0.0.1:1", **parts, limits=limits))


def test_a_slow_service_was_not_asked_at_that_pace(parts, monkeypatch):
    monkeypatch.setattr(rate_limit, "PACED_SECONDS", 0.1)
    with serve(Bucket(burst=1000)) as url:
        fact = rate_limit_minute.gather(visit(url, **parts))
    assert CHECK.shows(fact.replace(seconds=67.0))["per_minute"] == "UNKNOWN"


def test_one_excess_does_not_make_the_next_look_small(parts, monkeypatch):
    monkeypatch.setattr(rate_limit, "PACED_SECONDS", 0.1)
    slept = []
    monkeypatch.setattr(rate_limit, "REST_S", 5000.0)
    with serve(Bucket(burst=5, rate=0.1)) as url:
        one = visit(url, **parts)
        rate_limit_minute.gather(one)
        monkeypatch.setattr(rate_limit.time, "sleep", slept.append)
        rate_limit_burst.gather(one)
        assert max(slept) > 4000, "two identities: the same caller asks again"
        slept.clear()
        third = {"admin": parts["auth"].token, "editor": Secret("env:THIRD")}
        monkeypatch.setenv("THIRD", "three")
        other = replace(one, target=structs.replace(one.target, identities=third))
        fact = rate_limit_minute.gather(other)
    assert max(slept) < 10, "three: somebody else asks, from another address"
    assert fact.caller.accepted > 1


CONF = """
http {{
  limit_req_zone $binary_remote_addr zone=api:1m rate={rate};
  server {{ location /graphql {{ {limit} proxy_pass http://127.0.0.1:1; }} }}
}}
"""


@pytest.mark.parametrize(
    ("rate", "limit", "status"),
    [
        ("16r/m", "limit_req zone=api burst=20;", "PASS"),
        ("17r/m", "limit_req zone=api;", "FAIL"),
        ("1r/s", "limit_req zone=api;", "FAIL"),
        ("16r/m", "", "FAIL"),
        ("16r/m", "limit_req zone=absent;", "UNKNOWN"),
        ("16r/m", "include absent.conf;", "UNKNOWN"),
    ],
)
def test_hourly_sum_of_nginx(rate, limit, status, tmp_path):
    file = tmp_path / "nginx.conf"
    file.write_text(CONF.format(rate=rate, limit=limit))
    here = visit("http://127.0.0.1:1", proxy=Proxy(nginx=file))
    assert CHECK.shows(hourly_limits.gather(here))["per_hour"] == status


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("APP_RATE_LIMIT_PER_HOUR=1000", "PASS"),
        ("APP_RATE_LIMIT_PER_HOUR=1001", "FAIL"),
        ("APP_RATE_LIMIT_PER_HOUR=many", "UNKNOWN"),
        ("LOGIN_RATE_LIMIT_PER_HOUR=5", "UNKNOWN"),
        ("RATE_LIMIT_PER_HOUR=5000\nAPI_RATE_LIMIT_PER_HOUR=900", "FAIL"),
        ("FRAISEQL_RATE_LIMIT_REQUESTS_PER_HOUR=1000", "UNKNOWN"),
    ],
)
def test_hour_limit_of_the_application(line, status, tmp_path):
    file = tmp_path / "api.env"
    file.write_text(line)
    here = visit("http://127.0.0.1:1", application=Application(environment_file=file))
    assert CHECK.shows(hourly_limits.gather(here))["per_hour"] == status


def test_a_declared_limit_replaces_the_checklists(tmp_path):
    file = tmp_path / "nginx.conf"
    file.write_text(CONF.format(rate="100r/m", limit="limit_req zone=api;"))
    limits = Limits(rate=RateLimits(per_hour=6000))
    here = visit("http://127.0.0.1:1", proxy=Proxy(nginx=file), limits=limits)
    assert CHECK.shows(hourly_limits.gather(here))["per_hour"] == "PASS"


def test_nothing_declared_is_not_configured():
    with pytest.raises(NotSeen) as caught:
        hourly_limits.gather(visit("http://127.0.0.1:1"))
    assert caught.value.cause == "not_configured"
