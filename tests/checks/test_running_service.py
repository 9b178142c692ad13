"""Boundary pairs of the items that look at the running service: facts in, statuses out."""

import pytest
from msgspec.structs import replace

from readiness_kit.checks.application import error_handling, health_endpoints, production_mode
from readiness_kit.checks.documentation import api
from readiness_kit.checks.final_verification import smoke_tests
from readiness_kit.checks.monitoring import application_metrics as metrics
from readiness_kit.checks.monitoring import structured_logging as logs
from readiness_kit.checks.performance import caching, compression
from readiness_kit.facts.errors.seen import Internal
from readiness_kit.facts.logs.lines import LogFile


def each(parts, **changes):
    return tuple(replace(one, **changes) for one in parts)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"elapsed_ms": 1000.0}, "PASS"),
        ({"elapsed_ms": 1000.1}, "WARN"),
        ({"elapsed_ms": 5000.0}, "WARN"),
        ({"elapsed_ms": 5000.1}, "FAIL"),
        ({"elapsed_ms": float("nan")}, "FAIL"),
        ({"says": "degraded"}, "WARN"),
        ({"says": "broken"}, "FAIL"),
        ({"status": 503}, "FAIL"),
        ({"status": 429}, "FAIL"),
        ({"status": None}, "FAIL"),
    ],
)
def test_liveness(changes, status):
    fact = health_endpoints.GOOD
    one_bad = (*fact.liveness[:1], *each(fact.liveness[1:], **changes))
    assert (
        health_endpoints.CHECK.shows(fact.replace(liveness=one_bad))["liveness_answers"] == status
    )


def test_where_nothing_is_an_error_nothing_was_provoked():
    fact = error_handling.ERRORS
    calm = each(fact.faults, status=200, errors=False, data=True)
    shown = error_handling.CHECK.shows(fact.replace(faults=calm))
    assert (shown["client_faults_answered"], shown["internals_hidden"]) == ("FAIL", "UNKNOWN")
    upset = each(fact.faults, status=500, errors=False)
    assert error_handling.CHECK.shows(fact.replace(faults=upset))["internals_hidden"] == "PASS"


def test_an_answer_to_another_question_is_no_introspection():
    fact = production_mode.EXPLORATION
    other = each(fact.anonymous, status=200, filled=("me",), errors=())
    shown = production_mode.CHECK.shows(fact.replace(anonymous=other))
    assert shown["exploration_closed"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("modes", "on", "status"),
    [
        ({"FRAISEQL_MODE": "production"}, (), "PASS"),
        ({"FRAISEQL_MODE": "Production"}, (), "FAIL"),
        ({"FRAISEQL_MODE": "prod"}, (), "FAIL"),
        ({"FRAISEQL_MODE": "production", "FRAISEQL_ENVIRONMENT": "testing"}, (), "FAIL"),
        ({}, (), "FAIL"),
        ({"FRAISEQL_MODE": "production"}, ("DEBUG",), "FAIL"),
    ],
)
def test_environment(modes, on, status):
    fact = production_mode.START
    changed = fact.replace(environments=each(fact.environments, modes=modes, switches_on=on))
    assert production_mode.CHECK.shows(changed)["environment_named"] == status


@pytest.mark.parametrize(
    ("page", "status"),
    [
        ({"status": 403}, "PASS"),
        ({"status": 200, "shows": "other"}, "PASS"),
        ({"status": 301}, "UNKNOWN"),
        ({"status": 429}, "UNKNOWN"),
        ({"status": 502}, "UNKNOWN"),
        ({"status": None}, "UNKNOWN"),
        ({"status": 200, "shows": "html"}, "UNKNOWN"),
        ({"status": 200, "shows": "tool"}, "FAIL"),
    ],
)
def test_pages(page, status):
    fact = production_mode.EXPLORATION
    changed = fact.replace(pages=(*fact.pages[:-1], *each(fact.pages[-1:], **page)))
    assert production_mode.CHECK.shows(changed)["exploration_closed"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": 499}, "PASS"),
        ({"status": 500}, "FAIL"),
        ({"status": 200, "errors": True}, "PASS"),
        ({"status": 200, "errors": False}, "FAIL"),
        ({"status": 200, "errors": True, "data": True}, "FAIL"),
        ({"status": None}, "FAIL"),
        ({"elapsed_ms": 5000.1}, "FAIL"),
        ({"status": 429}, "UNKNOWN"),
        ({"request_id": False}, "WARN"),
    ],
)
def test_client_faults(changes, status):
    fact = error_handling.ERRORS
    changed = fact.replace(faults=(*fact.faults[:-1], *each(fact.faults[-1:], **changes)))
    assert error_handling.CHECK.shows(changed)["client_faults_answered"] == status


@pytest.mark.parametrize(
    ("answer", "crash", "status"),
    [
        ({}, {}, "PASS"),
        ({}, {"traced_by_id": False}, "WARN"),
        ({}, {"traced_by_id": False, "traced_by_time": False}, "FAIL"),
        ({"internals": (Internal("path", "/usr/lib/x"),)}, {}, "FAIL"),
        ({"status": 404}, {}, "UNKNOWN"),
        ({"status": 200, "errors": False}, {}, "UNKNOWN"),
    ],
)
def test_crash(answer, crash, status):
    fact = error_handling.CRASH
    crashes = [replace(one, answer=replace(one.answer, **answer), **crash) for one in fact.crashes]
    shown = error_handling.CHECK.shows(fact.replace(crashes=tuple(crashes)))
    assert shown["unhandled_errors_generic"] == status


@pytest.mark.parametrize(
    ("requests", "durations", "logged", "status"),
    [
        (20, 20, 20, "PASS"),
        (20, 20, 19, "FAIL"),
        (19, 20, 30, "FAIL"),
        (20, 19, 30, "FAIL"),
        (30, 30, 30, "PASS"),
        (31, 30, 30, "FAIL"),
        (20, 20, None, "UNKNOWN"),
        (-5, 20, 30, "FAIL"),
        (float("nan"), 20, 30, "FAIL"),
    ],
)
def test_counters(requests, durations, logged, status):
    fact = metrics.MOVED
    moved = each(fact.processes, requests_after=100.0 + requests, durations_after=100.0 + durations)
    shown = metrics.CHECK.shows(fact.replace(processes=moved, logged=logged))
    assert shown["counters_move"] == status


def test_counters_that_cannot_be_settled():
    fact = metrics.MOVED
    still = each(fact.processes, requests_after=100.0)
    unknown = [
        fact.replace(answered=19),
        fact.replace(processes=still, declared=2),
        fact.replace(processes=each(fact.processes, restarted=True)),
        fact.replace(processes=each(still, requests_after=3.0, restarted=None)),
    ]
    assert [metrics.CHECK.shows(one)["counters_move"] for one in unknown] == ["UNKNOWN"] * 4


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"age_s": 30.0}, "PASS"),
        ({"age_s": 30.1}, "WARN"),
        ({"age_s": 75.0}, "WARN"),
        ({"age_s": 75.1}, "FAIL"),
        ({"health": "down"}, "FAIL"),
        ({"health": "unknown"}, "UNKNOWN"),
        ({"health": "unknown", "age_s": 1e9}, "UNKNOWN"),  # never scraped yet
        ({"url": "http://10.0.0.6:8000/metrics"}, "FAIL"),
        ({"interval_s": 0.0}, "FAIL"),
    ],
)
def test_scrapes(changes, status):
    fact = metrics.TARGETS
    assert (
        metrics.CHECK.shows(fact.replace(targets=each(fact.targets, **changes)))["scraped"]
        == status
    )


@pytest.mark.parametrize(
    ("lines", "objects", "leading", "status"),
    [
        (100, 99, 0, "PASS"),
        (1000, 989, 0, "FAIL"),
        (1000, 989, 11, "WARN"),
        (100, 95, 5, "WARN"),
        (100, 94, 6, "FAIL"),
        (49, 49, 0, "UNKNOWN"),
        (50, 50, 0, "PASS"),
    ],
)
def test_json_lines(lines, objects, leading, status):
    file = LogFile(name="a", lines=lines, json_lines=objects, leading_plain=leading)
    assert logs.CHECK.shows(logs.SAMPLE.replace(files=(file,)))["json_lines"] == status


@pytest.mark.parametrize(
    ("key", "missing", "status"),
    [
        ("user_id", 4, "PASS"),
        ("user_id", 5, "FAIL"),
        ("request_id", 4, "PASS"),
        ("request_id", 5, "WARN"),
    ],
)
def test_required_keys(key, missing, status):
    changed = logs.SAMPLE.replace(missing={**logs.SAMPLE.missing, key: missing})
    assert logs.CHECK.shows(changed)["required_keys"] == status


@pytest.mark.parametrize(
    ("hits", "misses", "status"),
    [
        (800, 200, "PASS"),
        (799, 201, "WARN"),
        (300, 700, "WARN"),
        (299, 701, "FAIL"),
        (1, 998, "PASS"),
    ],
)
def test_share_of_hits(hits, misses, status):
    changed = caching.USE.replace(lifetime_hits=hits, lifetime_misses=misses)
    assert caching.CHECK.shows(changed)["repeated_reads_hit"] == status


@pytest.mark.parametrize(
    ("read", "counter", "status"),
    [
        ({"statements": 1}, True, "FAIL"),
        ({"hits": 0}, True, "FAIL"),
        ({"statements": None}, True, "UNKNOWN"),
        ({}, False, "UNKNOWN"),
        ({"answered": False}, True, "UNKNOWN"),
    ],
)
def test_repeated_reads(read, counter, status):
    fact = caching.USE
    changed = fact.replace(reads=each(fact.reads, **read), counter_moves=counter)
    assert caching.CHECK.shows(changed)["repeated_reads_hit"] == status


@pytest.mark.parametrize(
    ("seen_after_s", "stale", "accepted_s", "status"),
    [
        (0.1, 0, 0.0, "PASS"),
        (0.1, 1, 0.0, "FAIL"),
        (5.0, 1, 5.0, "WARN"),
        (5.1, 1, 5.0, "FAIL"),
        (None, 3, 5.0, "FAIL"),
    ],
)
def test_writes(seen_after_s, stale, accepted_s, status):
    write = replace(
        caching.USE.write, seen_after_s=seen_after_s, reads_stale=stale, accepted_delay_s=accepted_s
    )
    assert caching.CHECK.shows(caching.USE.replace(write=write))["writes_invalidate"] == status


@pytest.mark.parametrize(
    ("ttls", "status"), [((300.0,), "PASS"), ((300.1,), "WARN"), ((float("nan"),), "UNKNOWN")]
)
def test_expiry(ttls, status):
    assert caching.CHECK.shows(caching.EXPIRY.replace(ttls_s=ttls))["entries_expire"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"plain_bytes": 1001, "sent_bytes": 1000}, "PASS"),
        ({"plain_bytes": 1000, "sent_bytes": 10}, "UNKNOWN"),
        ({"sent_bytes": 4000}, "FAIL"),
        ({"equal": None}, "UNKNOWN"),
        ({"equal": False}, "FAIL"),
        ({"status": 503}, "UNKNOWN"),
        ({"encoding": "br"}, "FAIL"),
    ],
)
def test_compression(changes, status):
    fact = compression.OFFER.replace(answers=each(compression.OFFER.answers[:1], **changes))
    assert compression.CHECK.shows(fact) == {"large_answers_encoded": status}


@pytest.mark.parametrize(("bare", "status"), [(5, "PASS"), (6, "FAIL")])
def test_described(bare, status):
    one = api.LIVE.elements[0]
    many = tuple(
        replace(one, coordinate=f"T{n}", description="" if n < bare else "x") for n in range(100)
    )
    assert api.CHECK.shows(api.LIVE.replace(elements=many))["fields_described"] == status


def test_an_undocumented_field_is_a_difference():
    fewer = api.DOCUMENTED.replace(elements=api.DOCUMENTED.elements[1:])
    assert api.CHECK.shows(fewer)["matches_live_schema"] == "FAIL"


def test_smoke():
    fact, show = smoke_tests.ROUNDS, smoke_tests.CHECK.shows
    lost = each(fact.answers, answer=replace(fact.answers[0].answer, status=None, filled=()))
    assert show(fact.replace(rounds=2)) == {"operations": "UNKNOWN"}
    assert show(fact.replace(answers=fact.answers[1:])) == {"operations": "UNKNOWN"}
    assert show(fact.replace(answers=lost, health=each(fact.health, status=None))) == {
        "operations": "UNKNOWN"
    }
    assert show(fact.replace(answers=lost)) == {"operations": "FAIL"}
