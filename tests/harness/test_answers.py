"""Answers are read whole, in any pieces, as h11 reads them; what is doubtful is refused."""

import contextlib
import gzip
import itertools
import zlib

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.harness.http.answers import MOST_BODY, CutShort, decoded, reading, whole
from readiness_kit.harness.http.heads import Unsupported, read_head
from readiness_kit.harness.http.prepared import prepare

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2;a=b\r\nhe\r\n03\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n"
)
UNTIL_END = b"HTTP/1.1 200 OK\r\nServer: old\r\n\r\nhello"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def read(*pieces, to_head=False):
    """Read an answer that comes in *pieces*, after which the connection ends."""
    reader = reading(to_head=to_head)
    next(reader)
    try:
        for piece in pieces:
            if piece:
                reader.send(piece)
        reader.send(b"")
    except StopIteration as end:
        return end.value
    raise AssertionError


def by_h11(data):
    """Return status and body as h11 reads them, or None where it does not."""
    peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=100_000)
    peer.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    peer.send(h11.EndOfMessage())
    status, body = 0, b""
    try:
        peer.receive_data(data)
        peer.receive_data(b"")
        while not isinstance(event := peer.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.RemoteProtocolError:
        return None
    return None if peer.trailing_data[0] else (status, body)


@pytest.mark.parametrize("answer", [SIZED, CHUNKED, UNTIL_END, INTERIM + SIZED, INTERIM + CHUNKED])
def test_an_answer_is_the_same_wherever_it_is_split(answer):
    for first in range(len(answer) + 1):
        for second in (first, (first + len(answer)) // 2):
            got = read(answer[:first], answer[first:second], answer[second:])
            assert (got.status, got.body) == (200, b"hello")


@pytest.mark.parametrize("answer", [SIZED, CHUNKED])
def test_a_part_of_an_answer_is_never_taken_for_it(answer):
    for end in range(len(answer)):
        assert whole(answer[:end]) is None
        with pytest.raises(CutShort):
            read(answer[:end])


fields = st.lists(
    st.tuples(
        st.sampled_from(["Date", "X-A", "Set-Cookie", "Connection"]),
        st.text("abc ,=;\t", max_size=9),
    ),
    max_size=4,
)


@st.composite
def answers(draw):
    """An answer, framed in any way that is allowed."""
    body = draw(st.binary(max_size=60))
    lines = [f"{name}: {value}" for name, value in draw(fields)]
    framing = draw(st.sampled_from(["sized", "chunked", "until end"]))
    status = draw(st.sampled_from([200, 204, 301, 304, 404, 503]))
    if framing == "sized":
        lines.append(f"content-LENGTH: {len(body)}")
    if framing == "chunked" and status != 204:
        lines.append("Transfer-Encoding: Chunked")
    if status in {204, 304}:
        rest = b""
    elif framing == "chunked":
        cuts = sorted({0, *draw(st.lists(st.integers(0, len(body)), max_size=4)), len(body)})
        parts = [body[a:b] for a, b in itertools.pairwise(cuts)]
        rest = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        rest = body
    return (
        f"HTTP/1.1 {status} Reason\r\n".encode()
        + "".join(f"{line}\r\n" for line in lines).encode()
        + b"\r\n"
        + rest
    )


@given(answers(), st.lists(st.integers(0, 300), max_size=5))
def test_what_is_read_is_what_h11_reads(answer, cuts):
    cuts = sorted({0, *(min(cut, len(answer)) for cut in cuts), len(answer)})
    got = read(*(answer[a:b] for a, b in itertools.pairwise(cuts)))
    assert (got.status, got.body) == by_h11(answer)


@given(answers(), st.data())
def test_a_spoilt_answer_is_refused_or_read_as_h11_reads_it(answer, data):
    spoilt = bytearray(answer)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        until = at + data.draw(st.integers(0, 2))
        spoilt[at:until] = data.draw(
            st.one_of(st.binary(max_size=2), st.sampled_from([b"\r\n", b"\n", b":", b"0", b" "]))
        )
    try:
        got = read(bytes(spoilt))
    except (Unsupported, CutShort):
        return
    assert (got.status, got.encoded) == by_h11(bytes(spoilt))


@given(st.sampled_from([SIZED, CHUNKED, UNTIL_END]), st.binary(min_size=1, max_size=9))
def test_what_is_whole_at_once_is_what_is_read_in_pieces(answer, more):
    for data in (answer, answer + more):
        at_once = whole(data)
        if at_once is not None:
            got = read(data)
            assert (got.head, got.encoded) == (at_once.head, at_once.encoded)


REFUSED = {
    "HTTP/0.9": (b"hello", "got b'hello'"),
    "HTTP/2, its settings": (b"\0\0\x12\4\0\0\0\0\0", "got HTTP/2"),
    "HTTP/2, its preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "got HTTP/2"),
    "TLS": (b"\x15\x03\x01\0\2\2\x46", "got TLS"),
    "HTTP/1.2": (b"HTTP/1.2 200 OK\r\n\r\n", "the status line"),
    "no status": (b"HTTP/1.1 OK\r\n\r\n", "the status line"),
    "a status of two digits": (b"HTTP/1.1 20 OK\r\n\r\n", "the status line"),
    "a status that does not exist": (b"HTTP/1.1 600 OK\r\n\r\n", "the status line"),
    "101": (b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", "status 101"),
    "102": (b"HTTP/1.1 102 Processing\r\n\r\n", "status 102"),
    "two framings": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "both Transfer-Encoding and Content-Length",
    ),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length 5 and 6",
    ),
    "a list of lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", "'5, 5'"),
    "a negative length": (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "'-5'"),
    "a length with a sign": (b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", "'\\+5'"),
    "an empty length": (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "''"),
    "an endless length": (b"HTTP/1.1 200 OK\r\nContent-Length: 1%s\r\n\r\n" % (b"0" * 99), "1000"),
    "a body too long": (b"HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n", "16777217 bytes"),
    "more after the body": (SIZED + b"HTTP/1.1 200 OK\r\n", "17 bytes after the end"),
    "more after the chunks": (CHUNKED + b"x", "1 bytes after the end"),
    "a body with 204": (b"HTTP/1.1 204 No\r\nContent-Length: 1\r\n\r\nx", "1 bytes after the end"),
    "a body with 304": (b"HTTP/1.1 304 No\r\nContent-Length: 1\r\n\r\nx", "1 bytes after the end"),
    "a coded transfer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "Transfer-Encoding gzip, chunked",
    ),
    "two transfer codings": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "chunked, chunked",
    ),
    "chunks in HTTP/1.0": (
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "where none may be",
    ),
    "chunks with 204": (b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", "none may be"),
    "a chunk of no size": (CHUNKED[:47] + b"\r\n", "chunk size"),
    "a chunk of odd size": (CHUNKED[:47] + b"0x2\r\nhe\r\n", "chunk size b'0x2'"),
    "a chunk longer than said": (CHUNKED[:47] + b"2\r\nhello\r\n", "does not end after 2 bytes"),
    "chunks too long": (CHUNKED[:47] + b"1000001\r\n", "16777217 bytes"),
    "a chunk of endless size": (CHUNKED[:47] + b"1" * 5000, "4096 bytes"),
    "endless trailers": (CHUNKED[:47] + b"0\r\n" + b"A: b\r\n" * 20_000, "trailers of over"),
    "no trailers": (CHUNKED[:47] + b"0\r\nhello\r\n\r\n", "header line b'hello'"),
    "an endless head": (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000, "a head of over 65536"),
    "a head too long": (b"HTTP/1.1 200 OK\r\nA: %s\r\n\r\n" % (b"b" * 70_000), "a head of over"),
    "a folded header": (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "header line b' c'"),
    "a space before the colon": (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "header line b'A : b'"),
    "a header without colon": (b"HTTP/1.1 200 OK\r\nhello\r\n\r\n", "header line b'hello'"),
    "a bare line feed": (b"HTTP/1.1 200 OK\r\nA: b\nB: c\r\n\r\n", "header line"),
    "a zero in a header": (b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", "header line"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    data, why = REFUSED[what]
    with pytest.raises(Unsupported, match=why) as refused:
        read(data)
    assert ", wanted " in refused.value.message
    assert refused.value.hint
    with contextlib.suppress(Unsupported):
        assert whole(data) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_an_answer_to_head_has_no_body(answer):
    assert read(answer, to_head=True).body == b""


def test_two_equal_lengths_are_one():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"
    assert whole(answer).body == b"hello"


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 204 No\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: foo, Close\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_which_connections_are_used_again(head, keeps):
    assert read_head(head).keeps is keeps


def test_values_of_one_name_are_joined():
    head = read_head(b"HTTP/1.1 200 OK\r\nVary: a\r\nX: 1\r\nVARY:\t b \r\n\r\n")
    assert head.field("vary") == "a, b"
    assert head.field("none") is None


BODY = b"hello " * 100
BARE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (BODY, None),
        (BODY, "identity"),
        (gzip.compress(BODY, mtime=0), "gzip"),
        (gzip.compress(BODY, mtime=0), "X-GZIP"),
        (zlib.compress(BODY), "deflate"),
        (BARE.compress(BODY) + BARE.flush(), "deflate"),
    ],
)
def test_content_codings(body, coding):
    assert decoded(body, coding) == BODY


@pytest.mark.parametrize(
    ("body", "coding", "why"),
    [
        (b"x", "br", "Content-Encoding br"),
        (b"x", "gzip, br", "Content-Encoding gzip, br"),
        (b"hello hello", "gzip", "a broken content coding"),
        (gzip.compress(BODY, mtime=0)[:-1], "gzip", "no end of a coded body"),
        (gzip.compress(BODY, mtime=0) + b"x", "gzip", "bytes after the end of a coded body"),
        (gzip.compress(bytes(MOST_BODY + 1), mtime=0), "gzip", "16777217 bytes or more"),
    ],
)
def test_content_codings_that_are_refused(body, coding, why):
    with pytest.raises(Unsupported, match=why):
        decoded(body, coding)


def test_a_coded_body_is_decoded_when_it_is_asked_for():
    coded = gzip.compress(BODY, mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded)
    answer = whole(head + coded)
    assert answer.encoded == coded
    assert answer.body == BODY


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (("GET /", "a", "/", {}), "method"),
        (("GET\r\n", "a", "/", {}), "method"),
        (("CONNECT", "a", "/", {}), "tunnels"),
        (("GET", "a\r\nX: 1", "/", {}), "host"),
        (("GET", "user@a", "/", {}), "host"),
        (("GET", "", "/", {}), "host"),
        (("GET", "a", "", {}), "path"),
        (("GET", "a", "http://b/", {}), "path"),
        (("GET", "a", "/ HTTP/1.1\r\nX: 1\r\n", {}), "path"),
        (("GET", "a", "/é", {}), "path"),
        (("GET", "a", "/", {"A\n": "b"}), "header name"),
        (("GET", "a", "/", {"A:": "b"}), "header name"),
        (("GET", "a", "/", {"A": "b\r\nC: d"}), "value of A"),
        (("GET", "a", "/", {"A": "b\n"}), "value of A"),
        (("GET", "a", "/", {"A": "\0"}), "value of A"),
        (("GET", "a", "/", {"A": "€"}), "value of A"),
        (("POST", "a", "/", {"content-length": "3"}), "leave it out"),
        (("POST", "a", "/", {"Transfer-Encoding": "chunked"}), "leave it out"),
        (("GET", "a", "/", {"Host": "b"}), "leave it out"),
        (("POST", "a", "/", {"Expect": "100-continue"}), "not supported"),
        (("GET", "a", "/", {"Upgrade": "h2c"}), "not supported"),
    ],
)
def test_a_request_that_would_say_something_else_is_not_made(parts, why):
    with pytest.raises(ValueError, match=why):
        prepare(*parts)


def test_a_value_that_is_refused_is_not_shown():
    with pytest.raises(ValueError, match="value of Authorization") as refused:
        prepare("GET", "a", "/", {"Authorization": "secret\n"})
    assert "secret" not in str(refused.value)


def test_prepared_requests():
    post = prepare("POST", "[::1]:80", "/a?b=c", {"A": "é"}, b"body\r\n")
    assert post.raw == (
        b"POST /a?b=c HTTP/1.1\r\nHost: [::1]:80\r\nA: \xe9\r\nContent-Length: 6\r\n\r\nbody\r\n"
    )
    assert repr(post) == "Prepared(POST /a?b=c)"
    assert prepare("PUT", "a", "/", {}).raw.endswith(b"Content-Length: 0\r\n\r\n")
    assert [
        (prepare(method, "a", "/", {}).idempotent, prepare(method, "a", "/", {}).to_head)
        for method in ("GET", "HEAD", "POST", "PATCH", "PUT")
    ] == [(True, False), (True, True), (False, False), (False, False), (True, False)]
