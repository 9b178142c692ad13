import json
import socket

import pytest
from webserver import Reply, serve, visit

from readiness_kit.checks.application.health_endpoints import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.api.health import health_answers, read_state

READY = {"status": "ready", "checks": {"database": {"ok": True}, "cache": {"ok": True}}}


def answer(asked):
    return Reply(body={"status": "healthy"}) if asked.path == "/health" else Reply(body=READY)


def test_every_instance_is_asked():
    with serve(answer) as url, serve(answer) as other:
        fact = health_answers.gather(visit(url, api={"instances": (other,)}))
    assert [one.says for one in fact.liveness] == ["healthy", "healthy"]
    assert [one.dependencies for one in fact.readiness] == [("cache", "database")] * 2
    assert fact.liveness[1].endpoint.startswith(other)


def test_one_dead_instance_is_a_value_with_its_reason():
    with socket.socket() as taken, serve(answer) as url:
        taken.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
        fact = health_answers.gather(visit(url, api={"instances": (dead,)}))
    assert [one.status for one in fact.liveness] == [200, None]
    assert "refused" in fact.liveness[1].reason


def test_nobody_answering_is_not_a_verdict():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NotSeen, match="no health endpoint answered"):
            health_answers.gather(visit(dead))


@pytest.mark.parametrize(
    "raw", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\nhealthy"]
)
def test_a_hostile_endpoint_never_counts_as_an_answer(raw):
    with serve(lambda asked: Reply(raw=raw) if asked.path == "/health" else answer(asked)) as url:
        fact = health_answers.gather(visit(url))
    assert fact.liveness[0].status is None
    assert fact.liveness[0].reason
    assert fact.readiness[0].status == 200


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", ""),
        ("OK\n", "ok"),
        ('"UP"', "up"),
        ("[1]", ""),
        ('{"status": null}', "none"),
        ("[" * 100_000, "["[:1] * 40),
        ('{"state": "pass", "components": ["a"]}', "pass"),
    ],
)
def test_states_are_read_from_any_body(text, state):
    assert read_state(text) == (state, ())


@pytest.mark.parametrize(
    ("text", "state", "dependencies"),
    [
        ('{"healthy": true}', "healthy", ()),
        ('{"ok": false}', "not ok", ()),
        ('{"ready": true, "checks": [{"name": "db"}, 7]}', "ready", ("db",)),
        ('{"status": "UP", "ok": false, "components": {"db": {}}}', "up", ("db",)),
    ],
)
def test_states_of_other_makers_are_read(text, state, dependencies):
    assert read_state(text) == (state, dependencies)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"status": "ready", "checks": {"database": "ok", "cache": {"status": "up"}}}', "PASS"),
        ('{"checks": {"database": true, "errors": 0}}', "PASS"),
        ('{"status": "unhealthy", "checks": {"database": "down"}}', "FAIL"),
        ('{"ready": false, "checks": {"database": "down"}}', "FAIL"),
        ('{"checks": {"database": "down"}}', "WARN"),
        ('{"checks": {"database": false}}', "WARN"),
        ('{"status": "ok", "checks": [{"name": "database", "state": "timeout"}]}', "WARN"),
        ('{"status": "ok", "components": {"database": {"status": "DOWN"}}}', "WARN"),
    ],
)
def test_a_body_that_belies_its_200(body, status):
    with serve(lambda _: Reply(body=json.loads(body))) as url:
        fact = health_answers.gather(visit(url))
    assert CHECK.shows(fact)["readiness_answers"] == status
