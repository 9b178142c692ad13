import time
from urllib.parse import parse_qs, urlsplit

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.metrics.traffic import answer_sizes, database_growth, request_peak
from readiness_kit.target import Auth, Database, Prometheus, SmokeOperation

PAGE = """\
# TYPE shop_requests_total counter
shop_requests_total{path="/a"} %d
shop_requests_total{path="/b"} 60
# TYPE process_start_time_seconds gauge
process_start_time_seconds %d
"""


def page(count, age_s):
    return lambda _: Reply(body=PAGE % (count, time.time() - age_s))


def vector(*values):
    result = [{"metric": {"instance": str(n)}, "value": [1, str(v)]} for n, v in enumerate(values)]
    return {"data": {"resultType": "vector", "result": result}}


def matrix(*series):
    result = [{"metric": {}, "values": [[t, str(v)] for t, v in one]} for one in series]
    return {"data": {"resultType": "matrix", "result": result}}


def prometheus(**answers):
    """Answer each query with what stands beside the first word that it holds."""

    def answer(asked):
        query = parse_qs(urlsplit(asked.path).query)["query"][0]
        found = next((body for word, body in answers.items() if word in query), vector())
        return Reply(body=found)

    return answer


def peak(pages, remembers):
    with serve(prometheus(**remembers)) as memory, serve(pages) as url:
        api = {"metrics_urls": (f"{url}/metrics", f"{url}/metrics")}
        return request_peak.gather(visit(url, api=api, prometheus=Prometheus(url=memory)))


def test_the_memory_of_prometheus_comes_first():
    fact = peak(
        page(100, 3600), {"max_over_time": vector(17.25), "count_over_time": vector(288 * 3)}
    )
    assert (fact.highest_rps, fact.window_s, fact.origin) == (17.25, 3 * 86_400, "prometheus")
    assert fact.counter == "shop_requests_total"


@pytest.mark.parametrize(("age_s", "expected"), [(600, 2 * 960 / 600), (10, 2 * 960 / 300)])
def test_counters_tell_a_rate_over_five_minutes_at_least(age_s, expected):
    fact = peak(page(900, age_s), {})
    assert fact.highest_rps == pytest.approx(expected, rel=0.02)
    assert fact.window_s == pytest.approx(age_s, abs=3)
    assert fact.origin == "counters"


@pytest.mark.parametrize(
    "body", ["", "# TYPE a gauge\na 1\n", "# TYPE b_requests_total counter\nb_requests_total 1\n"]
)
def test_without_counter_or_start_no_rate_is_told(body):
    with pytest.raises(NotSeen):
        peak(lambda _: Reply(body=body), {})


def grown(folder, answer):
    dsn = secret(folder, "dsn", "postgresql://a@127.0.0.1:1/shop")
    with serve(answer) as url:
        return database_growth.gather(
            visit("http://127.0.0.1:1", prometheus=Prometheus(url=url), database=Database(dsn=dsn))
        )


def test_sizes_come_in_order(tmp_path):
    fact = grown(tmp_path, prometheus(shop=matrix([(21600, 5), (0, 4)])))
    assert [one.size_bytes for one in fact.samples] == [4.0, 5.0]
    assert fact.database == "shop"
    assert grown(tmp_path, prometheus(shop=matrix())).samples == ()


@pytest.mark.parametrize("body", [matrix([(1, 1)], [(1, 1)]), matrix([(1e300, 1)]), vector(1), {}])
def test_no_history_of_one_database_is_none(tmp_path, body):
    with pytest.raises(NotSeen):
        grown(tmp_path, prometheus(shop=body))


def sized(folder, answer, memory, *queries):
    smoke = tuple(SmokeOperation(name=query, query=query) for query in queries)
    auth = Auth(token=secret(folder, "token", "t0ken"))
    with serve(memory) as watcher, serve(answer) as url:
        return answer_sizes.gather(
            visit(url, auth=auth, smoke=smoke, prometheus=Prometheus(url=watcher))
        )


def test_operations_that_change_something_are_not_asked(tmp_path):
    asked = []

    def answer(request):
        asked.append(request.query)
        return Reply(
            body={"data": {"a": "x" * 100}} if request.query == "{ a }" else {"errors": []}
        )

    fact = sized(tmp_path, answer, prometheus(max=vector(2e6)), "{ a }", "mutation { b }", "{ c }")
    assert asked == ["{ a }", "{ c }"]
    assert set(fact.answers) == {"{ a }"}
    assert fact.answers["{ a }"] > 100
    assert fact.highest_sent_bytes_per_s == 2e6


def test_without_an_answer_or_an_operation_nothing_is_known(tmp_path):
    with pytest.raises(NotSeen):
        sized(tmp_path, lambda _: Reply(503), prometheus(), "{ a }")
    with pytest.raises(NotSeen) as error:
        sized(tmp_path, lambda _: Reply(503), prometheus(), "mutation { b }")
    assert error.value.cause == "not_configured"
