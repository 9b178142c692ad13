"""The sandbox's tracker, spoken to by Sentry's own client and by strangers."""

import gzip
import json
import logging
import threading

import httpx
import pytest
import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration

from readiness_kit.sandbox.tracker import ENVELOPE_PATH, EVENTS_PATH, KEPT, Tracker

KEY, TOKEN = "0123456789abcdef" * 2, "reader"
EVENT = {"event_id": "e1", "level": "error", "environment": "production", "extra": {"id": "r-1"}}


@pytest.fixture
def tracker():
    server = Tracker(0, KEY, TOKEN)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(tracker):
    url = f"http://127.0.0.1:{tracker.server_port}"
    with httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def listed(client, token=TOKEN, path=EVENTS_PATH):
    return client.get(path, headers={"authorization": f"Bearer {token}"})


def send(client, *items, key=KEY, path=ENVELOPE_PATH, pack=lambda body: body, **headers):
    lines = ["{}", *(line for head, body in items for line in (json.dumps(head), json.dumps(body)))]
    auth = {"x-sentry-auth": f"Sentry sentry_version=7, sentry_key={key}"}
    body = pack("\n".join(lines).encode())
    return client.post(path, content=body, headers={**auth, **headers}).status_code


def test_an_event_of_the_real_client_is_listed_with_its_labels(tracker, client):
    sentry_sdk.init(
        dsn=f"http://{KEY}@127.0.0.1:{tracker.server_port}/1",
        environment="production",
        release="shop@1.2.3",
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration()],
    )
    try:
        logging.getLogger("shop").error("unexpected", extra={"request_id": "r-1"})
        sentry_sdk.flush(5)
    finally:
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)
    (event,) = listed(client).json()
    labels = {one["key"]: one["value"] for one in event["tags"]}
    assert labels["environment"] == "production"
    assert labels["release"] == "shop@1.2.3"
    assert event["context"]["request_id"] == "r-1"


def test_other_items_are_passed_over_and_lengths_are_kept_to(client):
    body = json.dumps(EVENT)
    items = [({"type": "session"}, {}), ({"type": "event", "length": len(body)}, EVENT)]
    assert send(client, *items) == 200
    assert (
        send(client, ({"type": "event"}, EVENT), pack=gzip.compress, **{"content-encoding": "gzip"})
        == 200
    )
    assert [one["eventID"] for one in listed(client).json()] == ["e1", "e1"]


def test_strangers_neither_send_nor_read(client):
    item = ({"type": "event"}, EVENT)
    assert send(client, item, key="f" * 32) == 403
    assert send(client, item, path="/api/2/envelope/") == 403
    assert listed(client, "other").status_code == 401
    assert listed(client, path="/api/0/projects/other/other/events/").status_code == 404
    assert listed(client).json() == []


@pytest.mark.parametrize("body", [b"{}\n{", b"{}\n[]\n", b'{}\n{"type": "event"}\n{'])
def test_what_is_no_envelope_is_refused(client, body):
    headers = {"x-sentry-auth": f"sentry_key={KEY}"}
    assert client.post(ENVELOPE_PATH, content=body, headers=headers).status_code == 400
    assert listed(client).json() == []


def test_the_last_events_are_kept(client):
    for number in range(3):
        send(client, *[({"type": "event"}, {**EVENT, "event_id": f"{number}"})] * (KEPT // 2))
    found = listed(client).json()
    assert len(found) == KEPT
    assert found[0]["eventID"] == "2"
