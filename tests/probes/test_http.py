import ssl

import pytest
from tlsserver import authority_file, context, listen
from webserver import Reply, serve, visit

from readiness_kit.checks.security import headers, tls
from readiness_kit.checks.security.headers import example
from readiness_kit.errors import NotSeen
from readiness_kit.probes.api.http import answer_headers, plain_http

SENT = {name: values[0] for name, values in example.SENT.items()}


def https(reply):
    """A talk that answers every request on one TLS connection with *reply*."""
    made = context()

    def talk(wire):
        with made.wrap_socket(wire, server_side=True) as secure:
            while b"\r\n\r\n" in secure.recv(65536):
                secure.sendall(reply)

    return talk


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def look(https_port, http_url, tmp_path):
    ca = authority_file(tmp_path)
    return plain_http.gather(
        visit(f"https://localhost:{https_port}", api={"http_url": http_url, "ca": ca})
    )


def plain(reply, tmp_path):
    """Ask plain HTTP that answers with *reply*, beside an HTTPS that works."""
    with listen(https(OK)) as port, serve(lambda asked: reply(port)) as url:
        return look(port, url.replace("127.0.0.1", "localhost"), tmp_path)


@pytest.mark.parametrize(
    ("status", "location", "shown"),
    [
        (301, "https://localhost:{port}/", "PASS"),
        (308, "https://localhost:{port}/", "PASS"),
        (302, "https://localhost:{port}/", "WARN"),
        (301, "https://localhost:1/", "FAIL"),
        (301, "https://evil.example:{port}/", "FAIL"),
        (301, "http://localhost:{port}/", "FAIL"),
        (301, "", "FAIL"),
        (301, "https://[", "FAIL"),
        (200, "", "FAIL"),
        (404, "", "FAIL"),
        (429, "", "UNKNOWN"),
        (503, "", "UNKNOWN"),
    ],
)
def test_what_plain_http_does_is_judged(status, location, shown, tmp_path):
    fact = plain(
        lambda port: Reply(status=status, headers={"location": location.format(port=port)}),
        tmp_path,
    )
    assert fact.https_answered
    assert tls.CHECK.shows(fact)["http_redirects"] == shown


def test_a_closed_port_counts_only_beside_a_living_https(free_port, tmp_path):
    with listen(https(OK)) as port:
        fact = look(port, f"http://localhost:{free_port}", tmp_path)
    assert {one.outcome for one in fact.answers} == {"port_closed"}
    assert tls.CHECK.shows(fact)["http_redirects"] == "PASS"
    assert tls.CHECK.shows(fact.replace(https_answered=False))["http_redirects"] == "UNKNOWN"


def test_garbage_is_no_answer(tmp_path):
    fact = plain(lambda port: Reply(raw=b"garbage\r\n\r\n"), tmp_path)
    assert {one.outcome for one in fact.answers} == {"unanswered"}
    assert tls.CHECK.shows(fact)["http_redirects"] == "UNKNOWN"


def site(asked):
    if asked.path.startswith("/readiness-kit-"):
        return Reply(status=404, headers=SENT)
    if asked.method == "OPTIONS":
        return Reply(status=204, headers=SENT)
    return Reply(body={"data": {"__typename": "Query"}}, headers=SENT)


def test_every_kind_of_answer_is_asked_for_and_only_known_headers_are_kept():
    with serve(site) as url:
        fact = answer_headers.gather(visit(url))
    assert {(one.method, one.status) for one in fact.answers} == {
        ("POST", 200),
        ("GET", 200),
        ("GET", 404),
        ("PATCH", 200),
        ("OPTIONS", 204),
    }
    assert set(fact.answers[0].headers) == set(SENT)
    assert set(headers.CHECK.shows(fact).values()) == {"PASS"}


def test_a_404_without_headers_is_found():
    with serve(lambda asked: Reply(status=404) if "kit" in asked.path else site(asked)) as url:
        shown = headers.CHECK.shows(answer_headers.gather(visit(url)))
    assert [shown[name] for name in ("xfo", "xcto", "hsts", "csp")] == ["FAIL"] * 4


def test_one_request_that_breaks_is_a_value_and_passes_nothing():
    def break_on_options(asked):
        return Reply(raw=b"") if asked.method == "OPTIONS" else site(asked)

    with serve(break_on_options) as url:
        fact = answer_headers.gather(visit(url))
    (broken,) = [one for one in fact.answers if one.status == 0]
    assert broken.detail == "RemoteProtocolError"
    assert set(headers.CHECK.shows(fact).values()) == {"UNKNOWN"}


def test_nobody_there_is_not_a_verdict(free_port):
    with pytest.raises(NotSeen, match="gave no answer"):
        answer_headers.gather(visit(f"http://127.0.0.1:{free_port}"))


def test_an_untrusted_certificate_is_no_answer():
    assert ssl.OPENSSL_VERSION_INFO >= (3,)
    with listen(https(OK)) as port, pytest.raises(NotSeen):
        answer_headers.gather(visit(f"https://localhost:{port}"))
