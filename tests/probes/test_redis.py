import time

import pytest
from tlsserver import authority_file, context, listen, say
from webserver import secret, visit

from readiness_kit.checks.security.encryption_in_transit import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.cache.server import cache_encryption, cache_server
from readiness_kit.target import Application, Cache

LOGIN = "s3cret-word"


def commands(wire):
    """Yield each RESP array as a list of words."""
    stream = wire.makefile("rb")
    while head := stream.readline():
        words = []
        for _ in range(int(head[1:])):
            size = int(stream.readline()[1:])
            words.append(stream.read(size + 2)[:-2].decode())
        yield words


def serve(wire, *, login=LOGIN, port="0", stranger="NOAUTH Authentication required."):
    """Answer as a cache with a login would."""
    known = not login
    for name, *words in commands(wire):
        if name == "AUTH":
            known = words[-1] == login
            wire.sendall(b"+OK\r\n" if known else b"-WRONGPASS invalid\r\n")
        elif not known:
            wire.sendall(f"-{stranger}\r\n".encode())
        elif name == "PING":
            wire.sendall(b"+PONG\r\n")
        elif name == "CONFIG" and port:
            wire.sendall(b"*2\r\n$4\r\nport\r\n$%d\r\n%s\r\n" % (len(port), port.encode()))
        elif name == "INFO":
            info = b"redis_version:7.2.4\r\nmaxmemory:1024\r\nmaxmemory_policy:allkeys-lru\r\n"
            wire.sendall(b"$%d\r\n%s\r\n" % (len(info), info))
        else:
            wire.sendall(b"-NOPERM no\r\n")


def encrypted(made, **options):
    def talk(wire):
        with made.wrap_socket(wire, server_side=True) as tls:
            serve(tls, **options)

    return talk


def look(source, folder, url, *, environment=""):
    (folder / "api.env").write_text(environment)
    return source.gather(
        visit(
            "http://localhost",
            cache=Cache(url=secret(folder, "url", url), ca=authority_file(folder)),
            application=Application(environment_file=folder / "api.env"),
        )
    )


def status(fact):
    return CHECK.shows(fact)["redis_plaintext_refused"]


def test_a_cache_behind_tls_with_a_login(tmp_path):
    with listen(encrypted(context())) as port:
        url = f"rediss://:{LOGIN}@127.0.0.1:{port}/0"
        fact = look(cache_encryption, tmp_path, url, environment=f"REDIS_URL={url}\n")
        server = look(cache_server, tmp_path, url)
    (answers,) = fact.answers
    assert (answers.plaintext, answers.encrypted, answers.without_login) == (
        "refused",
        "pong",
        "login_required",
    )
    assert fact.plain_port == 0
    assert fact.application[0].encrypted
    assert status(fact) == "PASS"
    assert (server.product, server.version, server.max_memory_bytes) == ("redis", "7.2.4", 1024)
    assert LOGIN not in repr(fact) + repr(server)


@pytest.mark.parametrize(("login", "reply"), [("", "pong"), (LOGIN, "login_required")])
def test_plaintext_is_seen_even_where_it_wants_a_login(tmp_path, login, reply):
    with listen(lambda wire: serve(wire, login=login)) as port:
        fact = look(cache_encryption, tmp_path, f"redis://127.0.0.1:{port}")
    assert fact.answers[0].plaintext == reply
    assert status(fact) == "FAIL"


def test_another_plain_port_is_found(tmp_path):
    with (
        listen(serve) as plain,
        listen(encrypted(context(), port=str(plain))) as port,
    ):
        fact = look(cache_encryption, tmp_path, f"rediss://:{LOGIN}@127.0.0.1:{port}")
    assert (fact.plain_port, fact.plain_port_reply) == (plain, "login_required")
    assert status(fact) == "FAIL"


@pytest.mark.parametrize(
    ("made", "options", "expected"),
    [
        (context("elsewhere.example"), {}, "FAIL"),
        (context(), {"login": ""}, "FAIL"),
        (context(), {"port": ""}, "UNKNOWN"),
    ],
)
def test_wrong_name_no_login_hidden_port(tmp_path, made, options, expected):
    with listen(encrypted(made, **options)) as port:
        fact = look(cache_encryption, tmp_path, f"rediss://:{LOGIN}@127.0.0.1:{port}")
    assert status(fact) == expected


@pytest.mark.parametrize(
    "stranger",
    [
        "NOPERM this user has no permissions to run the 'ping' command",
        "DENIED Redis is running in protected mode because protected mode is enabled",
        "ERR max number of clients reached",
    ],
)
def test_another_error_than_no_login_does_not_show_that_one_is_needed(tmp_path, stranger):
    """Without PING among its rights, the default user may still read and write."""
    with listen(encrypted(context(), stranger=stranger)) as port:
        fact = look(cache_encryption, tmp_path, f"rediss://:{LOGIN}@127.0.0.1:{port}")
    assert status(fact) == "UNKNOWN"


@pytest.mark.parametrize("query", ["ssl_cert_reqs=none", "ssl_check_hostname=false"])
def test_an_application_that_does_not_verify(tmp_path, query):
    with listen(encrypted(context())) as port:
        url = f"rediss://:{LOGIN}@127.0.0.1:{port}/0"
        fact = look(cache_encryption, tmp_path, url, environment=f"REDIS_URL={url}?{query}")
    assert status(fact) == "WARN"


def drip(wire):
    wire.recv(100)
    while True:
        wire.sendall(b"+")
        time.sleep(0.2)


@pytest.mark.parametrize("talk", [drip, say(b"HTTP/1.1 400 Bad\r\n\r\n"), say(b"\0" * 100_000)])
def test_liars_pass_nothing_and_hold_nobody(tmp_path, talk):
    began = time.monotonic()
    with listen(talk) as port:
        fact = look(cache_encryption, tmp_path, f"rediss://:{LOGIN}@127.0.0.1:{port}")
    assert time.monotonic() - began < 8
    assert status(fact) == "UNKNOWN"


def test_a_wrong_login_is_an_answer_and_no_cache_is_none(tmp_path, free_port):
    with listen(encrypted(context())) as port:
        wrong = look(cache_server, tmp_path, f"rediss://:wrong@127.0.0.1:{port}")
    assert wrong.ping == "refused"
    with pytest.raises(NotSeen):
        look(cache_server, tmp_path, f"rediss://:{LOGIN}@127.0.0.1:{free_port}")
    fact = look(cache_encryption, tmp_path, f"rediss://:{LOGIN}@127.0.0.1:{free_port}")
    assert status(fact) == "UNKNOWN"


@pytest.mark.parametrize(
    "url", ["unix:///run/s", "http://a", f"rediss://:{LOGIN}@[x", "redis://h:x"]
)
def test_what_is_no_cache_url_is_not_quoted(tmp_path, url):
    with pytest.raises(NotSeen) as error:
        look(cache_server, tmp_path, url)
    assert LOGIN not in str(error.value)
