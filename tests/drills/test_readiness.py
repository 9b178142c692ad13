"""The drill against a real server whose database is a file."""

from pathlib import Path

import pytest
import webserver
from webserver import Asked, Reply, secret, serve

from readiness_kit.checks.application.health_endpoints import CHECK
from readiness_kit.drills import readiness
from readiness_kit.errors import NotSeen
from readiness_kit.facts.drills.readiness import ReadinessDrill
from readiness_kit.sources import Visit
from readiness_kit.target import Cache, Drills, Fault


class Service:
    """Ready as long as no file lies where its fault would be."""

    def __init__(self, folder: Path, needs: tuple[str, ...] = ("database",)) -> None:
        self.folder, self.needs = folder, needs

    def answer(self, asked: Asked) -> Reply:
        gone = [one for one in self.needs if (self.folder / f"cut_{one}").exists()]
        return Reply(503 if gone and asked.path == "/ready" else 200)

    def fault(self, name: str) -> Fault:
        mark = str(self.folder / name)
        return Fault(do=("touch", mark), undo=("rm", "-f", mark))

    def visit(self, url: str, *, cache: bool = True, **more) -> Visit:
        names = ("cut_database", "cut_cache")
        drills = Drills(**{name: self.fault(name) for name in names}, **more)
        found = Cache(url=secret(self.folder, "url", "redis://x")) if cache else None
        return webserver.visit(url, deadline_s=120, drills=drills, cache=found)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("STAYS_OFF_S", "CACHE_CUT_S", "PERIOD_S", "_STEP_S"):
        monkeypatch.setattr(readiness, name, 0.05)


def held(service: Service, **more) -> ReadinessDrill:
    with serve(service.answer) as url:
        return readiness.readiness_drill.gather(service.visit(url, **more))


def test_a_service_that_follows_its_database_passes(tmp_path):
    drill = held(Service(tmp_path))
    assert [one.fault for one in drill.outages] == ["cut_database", "cut_cache"]
    assert CHECK.shows(drill)["readiness_follows_database"] == "PASS"
    assert not list(tmp_path.glob("cut_*"))


def test_one_that_needs_its_cache_too_is_warned(tmp_path):
    drill = held(Service(tmp_path, ("database", "cache")))
    assert CHECK.shows(drill)["readiness_follows_database"] == "WARN"


def test_one_that_lies_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(readiness, "TURN_OFF_S", 0.3)
    drill = held(Service(tmp_path, ()), cache=False)
    assert [one.fault for one in drill.outages] == ["cut_database"]
    assert CHECK.shows(drill)["readiness_follows_database"] == "FAIL"


def test_one_that_is_not_ready_before_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(readiness, "TIMEOUT_S", 0.3)
    service = Service(tmp_path)
    (tmp_path / "cut_database").touch()
    with pytest.raises(NotSeen, match="not ready before"):
        held(service)


def test_without_the_means_nothing_is_cut(tmp_path):
    service = Service(tmp_path)
    with serve(service.answer) as url:
        visit = webserver.visit(url, drills=Drills())
        with pytest.raises(NotSeen, match=r"no drills\.cut_database") as raised:
            readiness.readiness_drill.gather(visit)
    assert raised.value.cause == "not_configured"
