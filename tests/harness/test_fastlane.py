"""The fast lane against servers on loopback that say, byte by byte, what a test writes down."""

import contextlib
import gzip
import itertools
import socket
import ssl
import threading
from time import perf_counter

import gevent
import gevent.socket
import pytest
from tlsserver import authority_file, context, listen

from readiness_kit.harness.http.answers import CutShort
from readiness_kit.harness.http.heads import Unsupported
from readiness_kit.harness.http.prepared import prepare
from readiness_kit.harness.sending.fastlane import Lane

GET = prepare("GET", "localhost", "/", {})
HEAD = prepare("HEAD", "localhost", "/", {})
POST = prepare("POST", "localhost", "/", {}, b"{}")
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (len(gzip.compress(b"hello", mtime=0)), gzip.compress(b"hello", mtime=0))
)
UNTIL_END = b"HTTP/1.1 200 OK\r\n\r\nhello"


def asked(wire):
    """Read one request; nothing when the caller is gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = wire.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    _, _, length = head.partition(b"Content-Length: ")
    while len(body) < int(length or 0):
        more = wire.recv(65536)
        if not more:
            return b""
        body += more
    return data


class Server:
    """Plays one script for each connection, in their order.

    A script holds, for each request, what is sent back. None closes instead of answering.
    """

    def __init__(self, *scripts, tls=None):
        self.scripts = iter(scripts)
        self.requests = []
        self.tls = tls

    def talk(self, wire):
        if self.tls is not None:
            wire = self.tls.wrap_socket(wire, server_side=True)
        with wire:
            for reply in next(self.scripts):
                request = asked(wire)
                if not request:
                    break
                self.requests.append(request)
                if reply is None:
                    break
                for part in [reply] if isinstance(reply, bytes) else reply:
                    wire.sendall(part)


def until_stirred(lane):
    """Wait until the lane noticed something that it did not ask for."""
    until = perf_counter() + 5
    while not lane._connection.stirred and perf_counter() < until:
        gevent.sleep(0.01)
    assert lane._connection.stirred


@contextlib.contextmanager
def lane_to(server, **options):
    with listen(server.talk) as port:
        lane = Lane("127.0.0.1", port, timeout_s=options.pop("timeout_s", 5), **options)
        try:
            yield lane
        finally:
            lane.close()


@pytest.mark.parametrize(
    "reply", [GOOD, CHUNKED, [GOOD[:9], GOOD[9:]], [CHUNKED[:60], CHUNKED[60:]]]
)
def test_one_connection_serves_many_requests(reply):
    server = Server([reply] * 3)
    with lane_to(server) as lane:
        for _ in range(3):
            assert lane.ask(GET).body == b"hello"
    assert server.requests == [GET.raw] * 3
    assert lane.reconnects == 0


def test_a_connection_may_be_made_beforehand():
    server = Server([GOOD])
    with lane_to(server) as lane:
        lane.connect()
        lane.connect()
        assert lane.ask(GET).status == 200


def test_an_answer_byte_by_byte():
    with lane_to(Server([[GOOD[i : i + 1] for i in range(len(GOOD))]] * 2)) as lane:
        assert [lane.ask(GET).body for _ in range(2)] == [b"hello"] * 2


def test_an_answer_longer_than_is_taken_at_once():
    body = bytes(range(256)) * 4096
    with lane_to(
        Server([b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)])
    ) as lane:
        assert lane.ask(GET).body == body


def test_a_request_longer_than_is_sent_at_once():
    post = prepare("POST", "localhost", "/", {}, bytes(8_000_000))
    server = Server([GOOD])
    with lane_to(server) as lane:
        assert lane.ask(post).body == b"hello"


def test_answers_without_a_body():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    none = b"HTTP/1.1 204 No Content\r\n\r\n"
    with lane_to(Server([head, none, GOOD])) as lane:
        assert [lane.ask(request).body for request in (HEAD, GET, GET)] == [b"", b"", b"hello"]


def test_redirects_are_answers():
    reply = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n"
    with lane_to(Server([reply])) as lane:
        answer = lane.ask(GET)
    assert answer.status == 302
    assert dict(answer.headers)["location"] == "http://elsewhere/"


@pytest.mark.parametrize(
    "reply", [UNTIL_END, GOOD.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)]
)
def test_a_connection_that_ends_with_its_answer_is_not_used_again(reply):
    with lane_to(Server([reply], [reply])) as lane:
        assert [lane.ask(GET).body for _ in range(2)] == [b"hello"] * 2
        assert lane.reconnects == 0


@pytest.mark.parametrize("request_", [GET, POST])
def test_a_connection_closed_between_two_requests_is_replaced(request_):
    server = Server([GOOD], [GOOD])
    with lane_to(server) as lane:
        lane.ask(GET)
        until_stirred(lane)
        assert lane.ask(request_).body == b"hello"
        assert lane.reconnects == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("request_", [GET, POST])
def test_a_server_that_says_408_before_it_closes_is_no_surprise(request_):
    timed_out = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    told = threading.Event()
    first = True

    def talk(wire):
        nonlocal first
        asked(wire)
        wire.sendall(GOOD)
        if first:
            first = False
            told.wait(5)
            wire.sendall(timed_out)

    with listen(talk) as port:
        lane = Lane("127.0.0.1", port, timeout_s=5)
        lane.ask(GET)
        told.set()
        until_stirred(lane)
        assert lane.ask(request_).body == b"hello"
        lane.close()
    assert lane.reconnects == 1


def test_what_may_be_sent_twice_is_sent_twice():
    server = Server([GOOD, None], [GOOD])
    with lane_to(server) as lane:
        assert [lane.ask(GET).body for _ in range(2)] == [b"hello"] * 2
        assert lane.reconnects == 1
    assert server.requests == [GET.raw] * 3


def test_what_may_not_be_sent_twice_is_not():
    server = Server([GOOD, None], [GOOD])
    with lane_to(server) as lane:
        lane.ask(POST)
        with pytest.raises(CutShort, match="closed the connection instead of answering"):
            lane.ask(POST)
        assert lane.reconnects == 0
        assert server.requests == [POST.raw] * 2
        assert lane.ask(POST).body == b"hello"  # the next one connects again


def test_nothing_is_sent_twice_on_a_new_connection():
    server = Server([None], [GOOD])
    with lane_to(server) as lane:
        with pytest.raises(CutShort):
            lane.ask(GET)
        assert len(server.requests) == 1


def test_nothing_is_sent_twice_once_an_answer_began():
    server = Server([GOOD, GOOD[:-1]], [GOOD])
    with lane_to(server) as lane:
        lane.ask(GET)
        with pytest.raises(CutShort):
            lane.ask(GET)
        assert len(server.requests) == 2


def test_bytes_after_an_answer_are_refused():
    with (
        lane_to(Server([GOOD + GOOD])) as lane,
        pytest.raises(Unsupported, match="43 bytes after the end"),
    ):
        lane.ask(GET)


def test_bytes_between_two_answers_are_refused():
    told = threading.Event()

    def talk(wire):
        asked(wire)
        wire.sendall(GOOD)
        told.wait(5)
        wire.sendall(GOOD)
        asked(wire)

    with listen(talk) as port:
        lane = Lane("127.0.0.1", port, timeout_s=5)
        lane.ask(GET)
        told.set()
        until_stirred(lane)
        with pytest.raises(Unsupported, match="43 bytes that nobody asked for"):
            lane.ask(GET)
        assert lane.busy is None


def test_a_refused_answer_ends_the_connection():
    server = Server([b"HTTP/1.1 101 Switching Protocols\r\n\r\n"], [GOOD])
    with lane_to(server) as lane:
        with pytest.raises(Unsupported, match="status 101"):
            lane.ask(GET)
        assert lane.ask(GET).body == b"hello"


def silent(wire):
    """Take everything and say nothing."""
    while wire.recv(65536):
        pass


def half(data):
    def talk(wire):
        asked(wire)
        wire.sendall(data)
        silent(wire)

    return talk


@pytest.mark.parametrize("talk", [silent, half(GOOD[:9]), half(GOOD[:-1]), half(UNTIL_END)])
def test_time_is_limited_for_the_whole_answer(talk):
    with listen(talk) as port:
        lane = Lane("127.0.0.1", port, timeout_s=0.2)
        began = perf_counter()
        with pytest.raises(TimeoutError, match=r"no answer within 0\.2 s"):
            lane.ask(GET)
        assert perf_counter() - began >= 0.2
        assert lane.busy is None


def test_an_answer_that_trickles_is_not_waited_for_longer():
    stop = threading.Event()

    def talk(wire):
        asked(wire)
        while not stop.wait(0.02):
            wire.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    with listen(talk) as port:
        with pytest.raises(TimeoutError):
            Lane("127.0.0.1", port, timeout_s=0.2).ask(GET)
        stop.set()


def test_time_is_limited_for_sending():
    post = prepare("POST", "localhost", "/", {}, bytes(16_000_000))
    done = threading.Event()
    with listen(lambda _: done.wait(5)) as port:
        with pytest.raises(TimeoutError):
            Lane("127.0.0.1", port, timeout_s=0.2).ask(post)
        done.set()


def test_time_is_limited_for_connecting():
    with socket.socket() as full:  # its one place is taken, and it never accepts
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with contextlib.ExitStack() as taken:
            for _ in range(4):
                filler = taken.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(address)
            with pytest.raises(TimeoutError):
                Lane(*address, timeout_s=0.2).connect()


def test_time_is_limited_for_tls(tmp_path):
    with listen(silent) as port:
        lane = Lane("127.0.0.1", port, timeout_s=0.2, tls=trust(authority_file(tmp_path)))
        with pytest.raises(TimeoutError):
            lane.connect()


def test_only_the_lane_whose_time_is_over_loses_its_answer():
    """Many lanes whose answers come close to the limit: each is whole, or timed out, never mixed."""
    numbers = itertools.count()

    def talk(wire):
        while request := asked(wire):
            stop.wait(0.05 + next(numbers) % 5 * 0.02)
            name = request.split()[1]
            wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))

    stop = threading.Event()
    fates = []

    def user(number, port):
        lane = Lane("127.0.0.1", port, timeout_s=0.1)
        for turn in range(5):
            path = f"/{number}-{turn}"
            try:
                fates.append(lane.ask(prepare("GET", "a", path, {})).body == path.encode())
            except TimeoutError:
                fates.append(None)
        lane.close()

    with listen(talk) as port:
        gevent.joinall([gevent.spawn(user, number, port) for number in range(10)])
        stop.set()
    assert len(fates) == 50
    assert set(fates) == {True, None}


def test_a_lane_serves_one_greenlet():
    with listen(silent) as port:
        lane = Lane("127.0.0.1", port, timeout_s=5)
        other = gevent.spawn(lane.ask, GET)
        gevent.sleep(0.02)
        with pytest.raises(RuntimeError, match="another greenlet"):
            lane.ask(GET)
        other.kill()
        assert lane.busy is None


def test_a_target_that_is_not_there(free_port):
    with pytest.raises(ConnectionRefusedError):
        Lane("127.0.0.1", free_port, timeout_s=5).ask(GET)


def test_a_name_without_address():
    with pytest.raises(socket.gaierror):
        Lane("nowhere.invalid", 80, timeout_s=5).ask(GET)


def test_addresses_are_tried_in_their_order(monkeypatch):
    def found(host, port, family, kind):
        # nobody listens at the first; there is no way to the second
        places = [("127.0.0.2", 1), ("255.255.255.255", port), (host, port)]
        return [(socket.AF_INET, kind, 0, "", place) for place in places]

    monkeypatch.setattr(gevent.socket, "getaddrinfo", found)
    with lane_to(Server([GOOD])) as lane:
        assert lane.ask(GET).body == b"hello"


def test_the_address_from_which_is_asked():
    seen = []

    def talk(wire):
        seen.append(wire.getpeername()[0])
        asked(wire)
        wire.sendall(GOOD)

    with listen(talk) as port:
        lane = Lane("localhost", port, timeout_s=5, source_address="127.200.0.7")
        lane.ask(GET)
        lane.close()
    assert seen == ["127.200.0.7"]


@pytest.fixture
def ca(tmp_path):
    return str(authority_file(tmp_path))


def trust(ca):
    made = ssl.create_default_context(cafile=ca)
    made.options |= ssl.OP_IGNORE_UNEXPECTED_EOF  # as some distributions have it
    return made


def secure(ca, **options):
    return {"tls": trust(ca), "server_hostname": "localhost", **options}


@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("reply", [GOOD, CHUNKED, [GOOD[:9], GOOD[9:]]])
def test_tls(ca, reply, highest):
    server = Server([reply] * 3, tls=context(highest=highest))
    with lane_to(server, **secure(ca)) as lane:
        for _ in range(3):
            gevent.sleep(0.01)  # time for the tickets of TLS 1.3, which nobody waits for
            assert lane.ask(GET).body == b"hello"
    assert server.requests == [GET.raw] * 3
    assert lane.reconnects == 0


def test_tls_with_long_requests_and_answers(ca):
    body = bytes(range(256)) * 4096
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    post = prepare("POST", "localhost", "/", {}, body)
    with lane_to(Server([reply] * 2, tls=context()), **secure(ca)) as lane:
        assert [lane.ask(post).body == body for _ in range(2)] == [True, True]


def test_tls_to_an_address(ca):
    with lane_to(Server([GOOD], tls=context()), tls=trust(ca)) as lane:
        assert lane.ask(GET).body == b"hello"


@pytest.mark.parametrize("names", [("elsewhere.test",), ("127.0.0.2",)])
def test_a_certificate_for_another_name_is_refused(ca, names):
    server = Server([GOOD], tls=context(*names))
    with lane_to(server, **secure(ca)) as lane, pytest.raises(ssl.SSLCertVerificationError):
        lane.ask(GET)
    assert not server.requests


def test_an_authority_that_is_not_trusted_is_refused():
    server = Server([GOOD], tls=context())
    with lane_to(server, **secure(None)) as lane, pytest.raises(ssl.SSLCertVerificationError):
        lane.ask(GET)
    assert not server.requests


def test_a_server_without_tls_is_refused(ca):
    with lane_to(Server([GOOD]), timeout_s=0.3, **secure(ca)) as lane, pytest.raises(TimeoutError):
        lane.ask(GET)


@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("fair", [True, False])
def test_an_answer_that_ends_with_tls_is_whole_only_when_that_says_so(ca, fair, highest):
    made = context(highest=highest)

    def talk(wire):
        with made.wrap_socket(wire, server_side=True) as tls:
            asked(tls)
            tls.sendall(UNTIL_END)
            if fair:
                tls.unwrap()  # says so, and waits for the other side to do so or to close

    with listen(talk) as port:
        lane = Lane("127.0.0.1", port, timeout_s=5, **secure(ca))
        if fair:
            assert lane.ask(GET).body == b"hello"
        else:
            with pytest.raises(CutShort, match="without close_notify"):
                lane.ask(GET)


def test_a_closed_tls_connection_is_replaced(ca):
    server = Server([GOOD], [GOOD], tls=context())
    with lane_to(server, **secure(ca)) as lane:
        lane.ask(POST)
        until_stirred(lane)
        assert lane.ask(POST).body == b"hello"
        assert lane.reconnects == 1
