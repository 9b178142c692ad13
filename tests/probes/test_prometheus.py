import pytest
from webserver import Reply, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.metrics.prometheus import scrape_targets, seconds
from readiness_kit.target import Prometheus

URL = "http://10.0.0.5:8000/metrics"
TARGET = {
    "scrapeUrl": URL,
    "health": "up",
    "lastScrape": "2026-03-01T12:00:00.123456789Z",
    "scrapeInterval": "15s",
    "lastError": "",
    "labels": {"job": "shop"},
    "discoveredLabels": {},
}


def prometheus(*targets, now=1772366406.2):
    def answer(asked):
        assert "x-api-key" not in asked.headers
        if asked.path.startswith("/api/v1/targets"):
            return Reply(body={"status": "success", "data": {"activeTargets": list(targets)}})
        return Reply(
            body={"status": "success", "data": {"resultType": "scalar", "result": [now, "1"]}}
        )

    return answer


def gather(answer):
    with serve(answer) as url:
        api = {"metrics_urls": (URL,), "headers": {"x-api-key": "secret"}}
        return scrape_targets.gather(
            visit("http://127.0.0.1:1", prometheus=Prometheus(url=url), api=api)
        )


def test_age_is_told_by_the_clock_of_prometheus():
    (one,) = gather(prometheus(TARGET)).targets
    assert (one.url, one.job, one.health, one.interval_s) == (URL, "shop", "up", 15.0)
    assert one.age_s == 6.1


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: Reply(503, "starting"),
        lambda _: Reply(body="[" * 100_000),
        lambda _: Reply(body={"status": "error"}),
        lambda _: Reply(body=[]),
        prometheus({**TARGET, "lastScrape": "never"}),
        prometheus({**TARGET, "scrapeInterval": "often"}),
        prometheus({"health": "up"}),
    ],
)
def test_no_usable_answer_is_not_a_verdict(answer):
    with pytest.raises(NotSeen):
        gather(answer)


def test_without_prometheus_nothing_is_asked():
    with pytest.raises(NotSeen) as error:
        scrape_targets.gather(visit("http://127.0.0.1:1"))
    assert error.value.cause == "not_configured"


@pytest.mark.parametrize(
    ("text", "length"), [("15s", 15), ("1m30s", 90), ("500ms", 0.5), ("1d", 86400)]
)
def test_durations(text, length):
    assert seconds(text) == length
