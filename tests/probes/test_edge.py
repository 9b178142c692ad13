import socket

import pytest
from webserver import Reply, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.api.edge import edge_seen, marks, origin_seen


@pytest.mark.parametrize(
    ("headers", "providers"),
    [
        ({"cf-ray": "8f-AMS", "server": "cloudflare"}, {"cloudflare"}),
        ({"via": "1.1 abc.cloudfront.net (CloudFront)"}, {"cloudfront"}),
        ({"x-served-by": "cache-ams21-AMS"}, {"fastly"}),
        ({"x-served-by": "web-3"}, set()),
        ({"via": "1.1 google"}, {"google"}),
        ({"x-cdn": "Imperva"}, {"imperva"}),
        ({"server": "nginx", "via": "1.1 varnish"}, set()),
    ],
)
def test_marks_name_their_provider(headers, providers):
    assert {provider for provider, _ in marks(headers)} == providers


def test_an_answer_on_this_host_is_not_of_the_internet():
    with serve(lambda _: Reply(headers={"CF-Ray": "8f"})) as url:
        (answer,) = edge_seen.gather(visit(url, api={"edge": "Cloudflare"})).answers
    assert (answer.providers, answer.marks) == (("cloudflare",), ("cf-ray",))
    assert answer.status == 200
    assert not answer.public


def test_silence_is_a_value_with_its_reason(free_address):
    (answer,) = edge_seen.gather(visit(free_address)).answers
    assert answer.status == 0
    assert answer.reason


def test_an_open_and_a_closed_origin(free_address):
    with serve(lambda _: Reply()) as url:
        opened = origin_seen.gather(visit(url, api={"origin": url}))
        closed = origin_seen.gather(visit(url, api={"origin": free_address}))
        lost = origin_seen.gather(visit(free_address, api={"origin": free_address}))
    assert [one.door for one in opened.doors] == ["open"]
    assert [one.door for one in closed.doors] == ["refused"]
    assert (opened.control_status, closed.control_status, lost.control_status) == (200, 200, 0)


def test_without_an_origin_nothing_is_tried():
    with pytest.raises(NotSeen) as error:
        origin_seen.gather(visit("http://127.0.0.1:1"))
    assert error.value.cause == "not_configured"


@pytest.fixture
def free_address():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
