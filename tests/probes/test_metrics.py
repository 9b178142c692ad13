import json

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.metrics.exposition import (
    counters_moved,
    metrics_exposed,
    parse,
    public_metrics,
)
from readiness_kit.target import Auth, Logs, Prometheus

PAGE = """\
# TYPE shop_http_requests_total counter
shop_http_requests_total{endpoint="/graphql",status="200"} %(n)d
shop_http_requests_total{endpoint="/health",status="200"} %(health)d
# TYPE shop_http_request_duration_seconds histogram
shop_http_request_duration_seconds_bucket{endpoint="/graphql",le="0.1"} %(n)d
shop_http_request_duration_seconds_bucket{endpoint="/graphql",le="1.0"} %(n)d
shop_http_request_duration_seconds_bucket{endpoint="/graphql",le="+Inf"} %(n)d
shop_http_request_duration_seconds_count{endpoint="/graphql"} %(n)d
shop_http_request_duration_seconds_sum{endpoint="/graphql"} 1.0
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1700000000
"""


class Shop:
    """Counts and logs requests; *lie* is added to every reading."""

    def __init__(self, log=None, lie=0, counts=True):
        self.n, self.read, self.log, self.lie, self.counts = 0, 0, log, lie, counts

    def __call__(self, asked):
        if asked.path == "/metrics":
            self.read += 1
            return Reply(body=PAGE % {"n": self.n + self.lie * self.read, "health": 7 * self.read})
        self.n += self.counts
        if self.log:
            line = {"endpoint": "/graphql", "duration": 0.1, "status": 200}
            with self.log.open("a") as file:
                file.write(json.dumps(line) + "\n")
        return Reply(body={"data": {"me": 1}})


def parts(tmp_path, url):
    auth = Auth(token=secret(tmp_path, "token", "t0ken"), protected="{ me }")
    return {"auth": auth, "api": {"metrics_urls": (f"{url}/metrics",)}, "deadline_s": 20}


def moved(tmp_path, shop):
    shop.log = tmp_path / "app.jsonl"
    shop.log.write_text("")
    with serve(shop) as url:
        logs = Logs(application=(shop.log,))
        return counters_moved.gather(visit(url, logs=logs, **parts(tmp_path, url)))


def test_counters_of_the_endpoint_grow_by_what_was_sent(tmp_path):
    fact = moved(tmp_path, Shop())
    (one,) = fact.processes
    assert one.requests_after - one.requests_before == 20
    assert one.durations_after - one.durations_before == 20
    assert one.restarted is False
    assert (fact.sent, fact.answered, fact.logged) == (20, 20, 20)


def test_made_up_counters_are_seen_beside_the_log(tmp_path):
    (one,) = moved(tmp_path, Shop(lie=500)).processes
    assert one.requests_after - one.requests_before == 520


def test_counters_that_do_not_count(tmp_path):
    (one,) = moved(tmp_path, Shop(counts=False)).processes
    assert one.requests_after == one.requests_before


def test_a_log_that_was_rotated_bounds_nothing(tmp_path):
    shop = Shop()

    def rotating(asked):
        if shop.n == 10:
            shop.log.rename(shop.log.with_suffix(".1"))
        return shop(asked)

    shop.log = tmp_path / "app.jsonl"
    shop.log.write_text("")
    with serve(rotating) as url:
        logs = Logs(application=(shop.log,))
        fact = counters_moved.gather(visit(url, logs=logs, **parts(tmp_path, url)))
    assert fact.logged is None


def test_families_are_found_by_meaning_or_by_name(tmp_path):
    with serve(Shop()) as url:
        (page,) = metrics_exposed.gather(visit(url, **parts(tmp_path, url))).pages
        named = Prometheus(names={"requests_total": "other_total"})
        (other,) = metrics_exposed.gather(
            visit(url, prometheus=named, **parts(tmp_path, url))
        ).pages
    assert page.requests == "shop_http_requests_total"
    assert page.durations == "shop_http_request_duration_seconds"
    assert page.buckets_s == (0.1, 1.0)
    assert other.requests == ""


@pytest.mark.parametrize("text", ["<html>", '{"a": 1}', "", "a{", "\0", "# TYPE a counter"])
def test_what_is_no_exposition_never_parses(tmp_path, text):
    with serve(lambda _: Reply(body=text)) as url:
        (page,) = metrics_exposed.gather(visit(url, **parts(tmp_path, url))).pages
    assert not page.parses
    assert page.reason
    assert parse(text)[1] == page.reason


def test_the_public_face_is_asked_where_the_scraper_does_not_read(tmp_path):
    with serve(Shop()) as inner, serve(lambda _: Reply(404)) as url:
        fact = public_metrics.gather(visit(url, **parts(tmp_path, inner)))
        assert [one.status for one in fact.public] == [404]
        assert fact.controls[0].parses
        with pytest.raises(NotSeen) as error:
            public_metrics.gather(visit(url, **parts(tmp_path, url)))
    assert error.value.cause == "not_configured"
