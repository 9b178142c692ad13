"""The private authority: what it issues verifies by the book, and nothing else does."""

import datetime as dt
import ipaddress
import stat

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from readiness_kit.servers.certificates import Authority


def verify(pem: bytes, authority: Authority, subject, at=None):
    builder = PolicyBuilder().store(Store([authority.certificate]))
    builder = builder.time(at) if at else builder
    verifier = builder.build_server_verifier(subject)
    return verifier.verify(x509.load_pem_x509_certificate(pem), [])


def test_a_leaf_verifies_for_each_of_its_names():
    authority = Authority.create("Tests")
    leaf = authority.issue("localhost", "127.0.0.1")
    assert verify(leaf.certificate, authority, x509.DNSName("localhost"))
    assert verify(leaf.certificate, authority, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


@pytest.mark.parametrize(
    ("name", "days"),
    [("elsewhere.invalid", 0), ("localhost", 121), ("localhost", -1)],
    ids=["other name", "expired", "not yet valid"],
)
def test_a_leaf_does_not_verify_otherwise(name, days):
    authority = Authority.create("Tests")
    leaf = authority.issue("localhost", days=120)
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    with pytest.raises(VerificationError):
        verify(leaf.certificate, authority, x509.DNSName(name), moment)


def test_a_leaf_of_another_authority_does_not_verify():
    leaf = Authority.create("Others").issue("localhost")
    with pytest.raises(VerificationError):
        verify(leaf.certificate, Authority.create("Tests"), x509.DNSName("localhost"))


def test_the_key_is_for_its_owner_alone(tmp_path):
    leaf = Authority.create("Tests").issue("localhost")
    leaf.write(tmp_path / "leaf.pem", tmp_path / "leaf.key")
    assert stat.S_IMODE((tmp_path / "leaf.key").stat().st_mode) == 0o600
    assert x509.load_pem_x509_certificate((tmp_path / "leaf.pem").read_bytes())
