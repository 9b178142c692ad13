"""The visit: the one door to the target, and what it keeps out."""

import contextlib
import http.server
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from readiness_kit import sources
from readiness_kit.errors import NotSeen
from readiness_kit.sources import Pacer, Visit
from readiness_kit.target import Api, Auth, Target


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    seen: list[tuple[str, str, dict[str, str]]]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.client_address[0], dict(self.headers)))
        with contextlib.suppress(OSError):
            getattr(self, f"answer_{self.path[1:].partition('?')[0]}", self.answer_ok)()

    def answer_ok(self) -> None:
        self.reply(200, b"fine")

    def answer_redirect(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer_huge(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 40))
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 65536)

    def answer_drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1000):
            self.wfile.write(b"x")
            time.sleep(0.02)

    def answer_reset(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as one:
        one.seen = []
        threading.Thread(
            target=one.serve_forever, daemon=True, kwargs={"poll_interval": 0.01}
        ).start()
        yield one
        one.shutdown()


def visit_to(url: str, deadline_s: float = 5.0) -> Visit:
    target = Target(schema=1, name="t", environment="sandbox", api=Api(url=url))
    return Visit(target, "run-1", "some_fact", deadline_s, Pacer(80))


@pytest.fixture
def url(server: Server) -> str:
    server.seen.clear()
    return f"http://127.0.0.1:{server.server_address[1]}"


def test_every_request_carries_the_run_and_is_counted(server, url):
    visit = visit_to(url)
    with visit.client(url) as client:
        assert client.get("/ok").text == "fine"
    (path, address, headers) = server.seen[0]
    assert path == "/ok"
    assert address.startswith("127.")
    assert address != "127.0.0.1", "a visit calls from an address of its own"
    assert "run-1" in {name.lower(): value for name, value in headers.items()}["user-agent"]
    assert visit.meter.counts() == {"bytes": 4.0, "http_requests": 1.0}


def test_two_clients_are_two_callers(server, url):
    visit = visit_to(url)
    for _ in range(2):
        with visit.client(url) as client:
            client.get("/ok")
    assert len({address for _, address, _ in server.seen}) == 2


def test_a_token_goes_where_the_service_wants_it(server, url):
    api, auth = Api(url=url, address_families=("ipv4",)), Auth(header="X-Api-Key")
    target = Target(schema=1, name="shop", environment="staging", api=api, auth=auth)
    visit = Visit(target, "run-1", "some_fact", 5.0, Pacer(100_000))
    with visit.client(url, headers={"authorization": "Bearer k-1"}) as client:
        client.get("/ok")
    with visit.client(url) as client:
        client.get("/ok")
    known, stranger = ({k.lower(): v for k, v in sent.items()} for _, _, sent in server.seen)
    assert (known["x-api-key"], "authorization" in known) == ("k-1", False)
    assert "x-api-key" not in stranger


def test_redirects_are_not_followed(server, url):
    with visit_to(url).client(url) as client:
        assert client.get("/redirect").status_code == 302
    assert len(server.seen) == 1


def test_a_host_that_the_target_does_not_name_is_never_asked(server, url):
    visit = visit_to(url)
    other = f"http://localhost:{server.server_address[1]}"
    with pytest.raises(NotSeen, match="not named"), visit.client(other):
        pass
    with visit.client(url) as client:
        for there in (f"{other}/ok", "https://127.0.0.1/ok", "http://127.0.0.2:80/ok"):
            with pytest.raises(NotSeen, match="not named"):
                client.get(there)
    assert server.seen == []


def test_proxies_and_netrc_of_the_environment_are_ignored(server, url, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with visit_to(url).client(url) as client:
        assert client.get("/ok").status_code == 200
    assert "authorization" not in {name.lower() for name in server.seen[0][2]}


def test_an_endless_answer_is_cut_off(url):
    visit = visit_to(url)
    with visit.client(url) as client, pytest.raises(NotSeen, match="longer than"):
        client.get("/huge")


def test_a_dripping_answer_ends_at_the_deadline(url):
    visit = visit_to(url, deadline_s=0.4)
    began = time.monotonic()
    with visit.client(url) as client, pytest.raises((NotSeen, httpx.TimeoutException)):
        client.get("/drip")
    assert time.monotonic() - began < 2


def test_a_reset_is_an_error_not_an_answer(url):
    with visit_to(url).client(url) as client, pytest.raises(httpx.HTTPError):
        client.get("/reset")


def test_a_target_that_is_not_there(free_port):
    url = f"http://127.0.0.1:{free_port}"
    with visit_to(url).client(url) as client, pytest.raises(httpx.ConnectError):
        client.get("/")


def test_a_name_that_does_not_resolve():
    url = "http://no-such-host.invalid"
    with pytest.raises(NotSeen, match="does not resolve"):
        visit_to(url).addresses(url)


def test_what_is_absent_is_not_configured():
    visit = Visit(Target(schema=1, name="t", environment="sandbox"), "r", "f", 1, Pacer(80))
    for part in ("api", "database", "cache", "token"):
        with pytest.raises(NotSeen) as caught:
            getattr(visit, part)
        assert caught.value.cause == "not_configured"


def test_the_pacer_lets_a_burst_through_and_then_the_rate():
    pacer = Pacer(per_minute=60, burst=3)
    delays = [pacer.delay_s() for _ in range(6)]
    assert delays[:3] == [0, 0, 0]
    assert delays[3:] == pytest.approx([1, 2, 3], abs=0.1)


def test_a_pace_that_leaves_no_time_is_said_at_once(url, monkeypatch):
    monkeypatch.setattr(sources, "BURST", 1)
    visit = visit_to(url, deadline_s=1.0)
    slow = Pacer(per_minute=1, burst=1)
    monkeypatch.setattr(sources, "Pacer", lambda *_: slow)
    with visit.client(url) as client:
        client.get("/ok")
        with pytest.raises(NotSeen, match="requests_per_minute"):
            client.get("/ok")
