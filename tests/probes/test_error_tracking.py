"""Events read back from a server that lists them as Sentry's API does."""

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.probes.errors import tracker as error_tracking
from readiness_kit.probes.errors.provoked import crash_seen
from readiness_kit.target import ErrorTracking

PATH = "/api/0/projects/shop/shop/events/"


def event(key, reference="", **labels):
    labels = {"environment": "production", "release": "shop@1", **labels}
    tags = [{"key": name, "value": value} for name, value in labels.items()]
    return {"eventID": key, "title": "boom", "tags": tags, "context": {"request_id": reference}}


class Service:
    """A service that crashes, and a tracker that hears of it after some looks."""

    def __init__(self, *arriving, after=1, status=200, request_id="r-1"):
        self.listed, self.arriving = [event("old", "r-0")], list(arriving)
        self.after, self.status, self.request_id = after, status, request_id
        self.looks = self.crashes = 0

    def __call__(self, asked):
        if asked.path == "/crash":
            self.crashes += 1
            headers = {"x-request-id": self.request_id} if self.request_id else {}
            return Reply(500, {"errors": [{"message": "Internal server error"}]}, headers)
        assert asked.path == f"{PATH}?full=true"
        assert asked.token == "reader"
        assert "x-service-key" not in asked.headers
        self.looks += self.crashes
        shown = self.arriving if self.looks >= self.after else []
        return Reply(self.status, [*shown, *self.listed])


@pytest.fixture
def look(tmp_path, monkeypatch):
    monkeypatch.setattr(error_tracking, "POLL_S", 0.01)

    def look(service, *, deadline_s=20.0, tracked=True):
        with serve(service) as url:
            reader = secret(tmp_path, "reader", "reader")
            parts = {
                "identities": {"admin": secret(tmp_path, "admin", "admin-token")},
                "api": {"crash_path": "/crash", "headers": {"x-service-key": "k"}},
                "error_tracking": ErrorTracking(
                    events_url=f"{url}{PATH}" if tracked else None, token=reader
                ),
            }
            return crash_seen.gather(visit(url, deadline_s=deadline_s, **parts)).tracker

    return look


def test_the_event_of_the_error_is_found_among_others(look):
    service = Service(event("e1", "r-1"), event("e2", "r-9", environment="staging"), after=3)
    found = look(service)
    assert (service.crashes, service.looks) == (1, 3)
    assert (found.status, found.before, found.reason) == (200, 1, "")
    about = [(one.id, one.reference) for one in found.events]
    assert about == [("e1", "r-1"), ("e2", "")]
    assert (found.events[0].environment, found.events[0].release) == ("production", "shop@1")


def test_labels_may_be_missing(look):
    bare = {"eventID": "e1", "context": "r-1", "tags": [{"key": "release", "value": None}]}
    (one,) = look(Service(bare)).events
    assert (one.environment, one.release, one.reference) == ("", "", "r-1")


def test_without_a_request_id_any_new_event_counts(look):
    found = look(Service(event("e1"), request_id=""))
    assert [one.id for one in found.events] == ["e1"]


def test_waiting_ends_with_the_time(look):
    found = look(Service(event("e2", "r-9")), deadline_s=1.0)
    assert [one.reference for one in found.events] == [""]
    assert 0 < found.waited_s < 60


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_tracker_that_refuses_is_not_waited_for(look, status):
    service = Service(event("e1", "r-1"), status=status)
    found = look(service)
    assert (found.status, found.events) == (status, ())
    assert str(status) in found.reason
    assert service.looks == 1


def test_what_is_no_list_is_no_evidence(look):
    service = Service()
    service.listed = ["<html>"]
    assert look(service).reason


def test_where_nobody_says_where_to_look_nothing_is_read(look):
    assert look(Service(), tracked=False) is None
