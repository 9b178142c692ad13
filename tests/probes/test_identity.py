"""What identifies a deployment is asked of real servers; what cannot be had says why."""

import hashlib
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tlsserver import context, listen, speak
from webserver import Asked, Reply, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.callers.identity import identity
from readiness_kit.sources import Address
from readiness_kit.target import Release

TYPES = [
    {"kind": "OBJECT", "name": "Query", "fields": [{"name": "a"}, {"name": "b"}]},
    {"kind": "SCALAR", "name": "Int", "fields": None},
]
RELEASE = Release(version="1.2", commit="4f2c")


def api(types=TYPES, version='{"version": "1.2", "now": 1}', status=200):
    def answer(asked: Asked) -> Reply:
        if asked.path == "/version":
            return Reply(status, version)
        return Reply(body={"data": {"__schema": {"queryType": {"name": "Query"}, "types": types}}})

    return answer


def look(answer, **more):
    with serve(answer) as url:
        return identity.gather(visit(url, api={"version": "/version"}, **more))


def test_schema_version_and_release_are_seen():
    found = look(api(), release=RELEASE)
    assert found.versions == ("1.2",)
    assert found.parts.keys() == {"release", "schema_sha256", "version"}
    assert found.unseen.keys() == {"public_keys", "system_identifier"}


def test_the_digest_of_a_schema_knows_no_order_and_sees_every_change():
    turned = [TYPES[1], TYPES[0] | {"fields": TYPES[0]["fields"][::-1]}]
    grown = [TYPES[0] | {"fields": [*TYPES[0]["fields"], {"name": "c"}]}, TYPES[1]]
    first, second, third = (look(api(types)).schema_sha256 for types in (TYPES, turned, grown))
    assert first == second != third


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"message": "introspection is off"}]},
        {"data": {"__schema": None}},
        {"data": {"__schema": {"types": []}}},
        "<html>",
        b"",
        "[" * 100_000,
    ],
)
def test_a_schema_that_cannot_be_read_is_told(body):
    found = look(lambda asked: Reply(body=body), release=RELEASE)
    assert found.schema_sha256 is None
    assert "schema cannot be read" in found.unseen["schema"]


@pytest.mark.parametrize(
    ("version", "seen"),
    [
        ("1.2.3\nmore", "1.2.3"),
        ('{"version": "1", "commit": "2"}', "1 2"),
        ('"1.2"', "1.2"),
        ("", None),
        ('{"now": 17}', None),
    ],
)
def test_versions(version, seen):
    found = look(api(version=version), release=RELEASE)
    assert found.versions == ((seen,) if seen else ())


def test_a_version_that_is_not_there_is_told():
    assert "404" in look(api(status=404), release=RELEASE).unseen["version"]


def test_the_public_key_is_that_of_the_handshake():
    made = context()
    with listen(speak(made)) as port:
        url = f"https://127.0.0.1:{port}"
        found = identity.gather(visit(url, api={"http_url": None}))
    with listen(speak(made)) as port, socket.create_connection(("127.0.0.1", port)) as wire:
        blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        with blind.wrap_socket(wire, server_hostname="127.0.0.1") as tls:
            der = tls.getpeercert(binary_form=True)
    key = x509.load_der_x509_certificate(der).public_key()
    data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert [one.sha256 for one in found.public_keys] == [hashlib.sha256(data).hexdigest()]
    assert found.parts == {"public_key_sha256": found.public_keys[0].sha256}


def test_nothing_at_all_is_not_seen(free_port):
    with pytest.raises(NotSeen, match="nothing identifies"):
        identity.gather(visit(f"http://127.0.0.1:{free_port}"))


def test_an_address_that_is_dead_takes_no_other_key_with_it(monkeypatch, free_port):
    with listen(speak(context())) as port:
        asked = visit(f"https://127.0.0.1:{port}", api={"http_url": None})
        both = (Address("127.0.0.1", free_port), Address("127.0.0.1", port))
        monkeypatch.setattr(type(asked), "addresses", lambda *_: both)
        found = identity.gather(asked)
    assert len(found.public_keys) == 1
    assert str(free_port) in found.unseen["public_keys"]
