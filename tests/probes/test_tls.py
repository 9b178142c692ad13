import ssl
import struct
import time

import pytest
import trustme
from tlsserver import context, listen, say, speak
from webserver import visit

from readiness_kit.checks.security.tls import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.facts.tls.offer import VERSIONS
from readiness_kit.probes.tls import hello as tls_hello
from readiness_kit.probes.tls import offer as tls

V = ssl.TLSVersion
pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")


def look(port, **options):
    return tls.tls_offer.gather(visit(f"https://localhost:{port}", **options))


def outcomes(endpoint):
    return {version: answer.outcome for version, answer in endpoint.versions.items()}


def server_hello(version, suite=0x002F):
    body = struct.pack(">H", version) + bytes(32) + b"\x00" + struct.pack(">H", suite) + b"\x00"
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return struct.pack(">BHH", 22, version, len(message)) + message


def test_a_modern_server_refuses_what_is_old():
    with listen(speak(context(ciphers="ECDHE+AESGCM"))) as port:
        fact = look(port)
    (endpoint,) = fact.endpoints
    assert outcomes(endpoint) == {
        "SSLv3": "refused",
        "TLSv1": "refused",
        "TLSv1.1": "refused",
        "TLSv1.2": "accepted",
        "TLSv1.3": "accepted",
    }
    assert endpoint.control == "TLSv1.3"
    assert set(endpoint.suites) == {
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    }
    assert endpoint.suites_end.detail == "alert handshake_failure"
    assert set(list(CHECK.shows(fact).values())[:3]) == {"PASS"}


def test_versions_that_the_local_library_hardly_speaks_are_told_accepted():
    old = context(ciphers="ALL:@SECLEVEL=0", lowest=V.TLSv1)
    with listen(speak(old)) as port:
        fact = look(port)
    assert outcomes(fact.endpoints[0])["TLSv1"] == "accepted"
    assert outcomes(fact.endpoints[0])["TLSv1.1"] == "accepted"
    assert CHECK.shows(fact)["old_versions_refused"] == "FAIL"


def test_the_checklists_own_cipher_string_offers_cbc():
    made = context(ciphers="HIGH:!aNULL:!MD5", key=trustme.KeyType.RSA)
    with listen(speak(made)) as port:
        fact = look(port)
    assert any("_CBC_" in suite for suite in fact.endpoints[0].suites)
    assert CHECK.shows(fact)["suites_strong"] == "WARN"


@pytest.mark.parametrize(
    ("ciphers", "word"), [("eNULL:@SECLEVEL=0", "NULL"), ("aNULL:@SECLEVEL=0", "_anon_")]
)
def test_suites_no_ordinary_client_offers_are_found(ciphers, word):
    with listen(speak(context(ciphers=ciphers, highest=V.TLSv1_2))) as port:
        fact = look(port)
    assert fact.endpoints[0].suites
    assert all(word in suite for suite in fact.endpoints[0].suites)
    assert CHECK.shows(fact)["suites_strong"] == "FAIL"


def test_tls_1_3_alone_has_no_suite_to_list():
    with listen(speak(context(lowest=V.TLSv1_3))) as port:
        fact = look(port)
    assert fact.endpoints[0].suites == ()
    assert CHECK.shows(fact)["suites_strong"] == "PASS"
    assert CHECK.shows(fact)["modern_version_spoken"] == "PASS"


def test_tls_1_2_alone_is_a_warning():
    with listen(speak(context(ciphers="ECDHE+AESGCM", highest=V.TLSv1_2))) as port:
        assert CHECK.shows(look(port))["modern_version_spoken"] == "WARN"


def test_ssl_3_is_heard_although_nothing_here_speaks_it():
    with listen(say(server_hello(0x0300))) as port:
        fact = look(port)
    assert outcomes(fact.endpoints[0])["SSLv3"] == "accepted"
    assert outcomes(fact.endpoints[0])["TLSv1"] == "refused"
    assert fact.endpoints[0].versions["TLSv1"].detail == "answered with SSLv3"
    assert CHECK.shows(fact)["old_versions_refused"] == "FAIL"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x16\x03\x03\x00\x04\x02\x00\x00\x00",
        b"\x16\x03\x03\x00\x08\x02\x00\x00\x04\x03\x03\x00\x00",
        b"\x16\x03\x03\xff\xff",
        b"\x15\x03\x03\x00\x02\x02\x46",
        b"\x15\x03\x03\x00\x02\x01\x00",
        bytes(50_000),
    ],
)
def test_whoever_cannot_shake_hands_passes_nothing(answer):
    with listen(say(answer)) as port:
        try:
            shown = CHECK.shows(look(port))
        except NotSeen:
            return
    assert not {shown[claim] for claim in list(shown)[:3]} & {"PASS", "WARN"}


def test_plain_http_on_the_tls_port_fails_the_modern_version():
    with listen(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert CHECK.shows(look(port))["modern_version_spoken"] == "FAIL"


def test_nobody_there_is_not_a_verdict(free_port):
    with pytest.raises(NotSeen, match="answers no handshake"):
        look(free_port)


def test_a_dripping_server_cannot_hold_the_probe():
    def drip(wire):
        wire.recv(4096)
        while True:
            wire.sendall(b"\x16")
            time.sleep(0.05)

    began = time.monotonic()
    with listen(drip) as port, pytest.raises(NotSeen):
        look(port, deadline_s=1.0)
    assert time.monotonic() - began < 6


def test_a_suite_that_was_not_offered_ends_the_list():
    with listen(say(server_hello(0x0303, 0x1301))) as port:
        fact = look(port)
    assert fact.endpoints[0].suites == ()
    assert fact.endpoints[0].suites_end.outcome == "not_tls"


@pytest.mark.parametrize("version", VERSIONS)
def test_hellos_name_the_host_but_never_an_address(version):
    named = tls_hello.hello(version, "api.example.com", (0x002F,))
    assert (b"api.example.com" in named) == (version != "SSLv3")
    assert b"192.0.2.1" not in tls_hello.hello(version, "192.0.2.1", (0x002F,))
