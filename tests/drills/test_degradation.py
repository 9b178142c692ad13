"""The drill against a real service and a real cache whose faults are files."""

import contextlib
import threading
from pathlib import Path

import httpx
import pytest
import webserver
from folders import passable
from webserver import Asked, Reply, secret, serve

from readiness_kit.checks.application.graceful_degradation import CHECK
from readiness_kit.drills import cached, degradation, steady
from readiness_kit.drills.cached import mark
from readiness_kit.drills.steady import told
from readiness_kit.errors import NotSeen
from readiness_kit.sources import Visit
from readiness_kit.target import (
    Auth,
    Cache,
    CacheCanary,
    Drills,
    Fault,
    FreshRead,
    Limits,
    Secret,
    SmokeOperation,
)

FAULTS = ("cut_cache", "blackhole_cache", "cut_database", "blackhole_database")
FRESH = "query Page($n: Int!) { page(n: $n) { id } }"
KEPT = "{ kept { id } }"
UNAVAILABLE = {"data": None, "errors": [{"message": "try again shortly"}]}


class Service:
    """Answers from its cache where it can, from its database where it must."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refusal = Reply(503, UNAVAILABLE, {"retry-after": "2"})
        self.ask_cache = lambda: None
        self.seen: set[int] = set()
        self.lock = threading.Lock()

    def broken(self, part: str) -> bool:
        return any((self.folder / name).exists() for name in FAULTS if name.endswith(part))

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/ready":
            return Reply(503 if self.broken("database") else 200)
        if not self.broken("cache"):
            with self.lock:
                self.ask_cache()
        if asked.query == FRESH:
            self.seen.add(asked.variables["n"])
            if self.broken("database"):
                return self.refusal
            return Reply(200, {"data": {"page": [{"id": 1}]}})
        return Reply(200, {"data": {"kept": [{"id": 1}]}}, {"x-cache": "HIT"})

    def visit(self, url: str, cache: Cache | None) -> Visit:
        faults = {
            name: Fault(
                do=("touch", str(self.folder / name)), undo=("rm", "-f", str(self.folder / name))
            )
            for name in FAULTS
        }
        return webserver.visit(
            url,
            deadline_s=120,
            drills=Drills(**faults, fresh_read=FreshRead(query=FRESH, values=7)),
            smoke=(SmokeOperation(name="kept", query=KEPT),),
            auth=Auth(token=secret(self.folder, "token", "t")),
            limits=Limits(requests_per_minute=600),
            cache=cache,
        )


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(steady, "RATE_RPS", 50.0)
    monkeypatch.setattr(degradation, "CALLS", 100)
    monkeypatch.setattr(degradation, "DATABASE_CALLS", 60)
    monkeypatch.setattr(degradation, "DATABASE_S", 1.2)
    monkeypatch.setattr(degradation, "_STEP_S", 0.02)
    monkeypatch.setattr(cached, "PERIOD_S", 0.1)


@pytest.fixture
def service(tmp_path):
    return Service(tmp_path)


def test_a_service_without_a_cache_is_seen_through_the_loss_of_its_database(service):
    with serve(service.answer) as url:
        drill = degradation.degradation_drill.gather(service.visit(url, None))
    assert [one.fault for one in drill.breaks] == ["cut_database", "blackhole_database"]
    shows = CHECK.shows(drill)
    assert shows["database_loss_answered"] == "PASS"
    assert (shows["fallback"], shows["cache"]) == ("UNKNOWN", "UNKNOWN")
    assert service.seen == set(range(7))
    assert not [name for name in FAULTS if (service.folder / name).exists()]
    assert {one.outcome for one in drill.calls} == {"good", "refused"}


@pytest.mark.live
def test_a_service_that_degrades_gracefully_passes(service, tmp_path):
    import redis

    from readiness_kit.servers.account import unprivileged
    from readiness_kit.servers.ports import free_ports
    from readiness_kit.servers.valkey import Valkey

    home = passable(tmp_path) / "valkey"
    home.mkdir()
    (port,) = free_ports(1)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            Valkey(home, account=unprivileged(), port=port, password="v").start()
        )
        server.wait_until(server.listening)
        client = stack.enter_context(redis.Redis(port=port, password="v"))
        service.ask_cache = lambda: client.get("key")
        cache = Cache(
            url=secret(service.folder, "url", f"redis://:v@127.0.0.1:{port}/0"),
            canary=CacheCanary(read=KEPT),
        )
        url = stack.enter_context(serve(service.answer))
        drill = degradation.degradation_drill.gather(service.visit(url, cache))
    assert [one.fault for one in drill.breaks] == list(FAULTS)
    shows = CHECK.shows(drill)
    assert shows["database_loss_answered"] == "PASS"
    assert shows["cache"] == "PASS"
    (finding,) = CHECK.judges[0](drill)
    assert not [word for word in finding.advice if "asked all the same" in word]
    assert {one.mark for one in drill.reads} == {"x-cache: HIT"}
    assert len(drill.reads) == 2 * cached.READS


def test_a_service_that_is_not_well_before_is_left_alone(service):
    service.answer = lambda _: Reply(500)
    with (
        serve(service.answer) as url,
        pytest.raises(NotSeen, match="before anything was broken"),
    ):
        degradation.degradation_drill.gather(service.visit(url, None))


def test_a_query_that_is_never_answered_is_left_out(service):
    answer = service.answer
    service.answer = lambda asked: Reply(500) if asked.query == KEPT else answer(asked)
    with serve(service.answer) as url:
        drill = degradation.degradation_drill.gather(service.visit(url, None))
    assert drill.left_out == (KEPT,)
    assert {one.query for one in drill.calls} == {1}
    assert CHECK.shows(drill)["database_loss_answered"] == "PASS"


def test_a_fault_that_is_not_declared_stops_the_drill_before_it_begins(service):
    with serve(service.answer) as url:
        visit = service.visit(url, Cache(url=Secret("env:NONE")))
        drills = Drills(cut_database=visit.target.drills.cut_database)
        plain = webserver.visit(url, drills=drills)
        with pytest.raises(NotSeen, match=r"drills\.blackhole_database") as raised:
            degradation.degradation_drill.gather(plain)
    assert raised.value.cause == "not_configured"


def response(status: int, body: object, headers: dict[str, str] | None = None) -> httpx.Response:
    if isinstance(body, str):
        return httpx.Response(status, text=body, headers=headers)
    return httpx.Response(status, json=body, headers=headers)


ERROR = {"errors": [{"message": "no"}]}


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (response(200, {"data": {"a": [1]}}), ("good", False, False, "")),
        (response(200, {"data": {"a": []}}), ("empty", False, False, "")),
        (response(200, {"data": {"a": None}}), ("empty", False, False, "")),
        (response(200, {"data": {}}), ("empty", False, False, "")),
        (response(200, {"data": {"a": 1}, **ERROR}), ("refused", True, False, "")),
        (response(200, "<html>"), ("refused", False, False, "")),
        (response(503, "busy", {"retry-after": "1"}), ("refused", False, True, "")),
        (response(503, ERROR), ("refused", True, False, "")),
        (
            response(200, {"errors": [{"message": "no", "extensions": {"retryAfter": 2}}]}),
            ("refused", True, True, ""),
        ),
        (
            response(500, {"errors": [{"message": "psycopg.OperationalError: x"}]}),
            ("refused", True, False, "psycopg"),
        ),
        (response(200, {"errors": "no"}), ("refused", True, False, "")),
        (None, ("lost", False, False, "")),
    ],
)
def test_what_an_answer_says(answer, wanted):
    call = told(answer)
    assert (call.outcome, call.errors, call.retry, call.internal) == wanted
    assert call.status == (answer.status_code if answer else None)


@pytest.mark.parametrize(
    ("headers", "declared", "wanted"),
    [
        ({}, "", ""),
        ({"age": "12"}, "", "age: 12"),
        ({"x-cache": "HIT"}, "", "x-cache: HIT"),
        ({"x-cache": "STALE"}, "", "x-cache: STALE"),
        ({"x-cache": "MISS"}, "", ""),
        ({"x-kept": "yes"}, "", ""),
        ({"x-kept": "yes"}, "X-Kept", "x-kept: yes"),
    ],
)
def test_what_marks_an_answer_as_kept(headers, declared, wanted):
    assert mark(httpx.Headers(headers), declared) == wanted
