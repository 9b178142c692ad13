"""Keys that an authority certifies: signed by ssh-keygen, verified by both, restricted by both."""

import base64
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from records.test_sshsig import SoftwareSecurityKey

from readiness_kit.errors import IntegrityError, UsageError
from readiness_kit.records import certificates, keys, publickeys, sshsig
from readiness_kit.records.signers import AllowedSigners, Signer
from readiness_kit.records.wire import string

NAMESPACE = "security-lead@signoff.readiness-kit"
ANN = "ann@example.invalid"
KINDS = ["ed25519:256", "ecdsa:256", "ecdsa:384", "ecdsa:521", "rsa:2048"]


@pytest.fixture(scope="module", autouse=True)
def program(need):
    return need("ssh-keygen")


def made(folder: Path, kind: str = "ed25519:256") -> Path:
    algorithm, bits = kind.split(":")
    argv = ("ssh-keygen", "-q", "-t", algorithm, "-b", bits, "-N", "", "-C", "", "-f", folder)
    subprocess.run(argv, check=True)
    return folder


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture
def ann(tmp_path) -> Path:
    return made(tmp_path / "ann")


def certified(key: Path, authority: Path, *options: str, names: str = ANN) -> Path:
    """Have *authority* certify *key*; return the certificate."""
    argv = ["ssh-keygen", "-q", "-s", authority, "-I", "ann's key", *options]
    subprocess.run([*argv, *(("-n", names) if names else ()), f"{key}.pub"], check=True)
    return key.with_name(f"{key.name}-cert.pub")


def blob(path: Path) -> bytes:
    return base64.b64decode(path.read_text().split()[1])


def allowed(authority: Path, *, plain: bool = False) -> AllowedSigners:
    line = Signer(
        principals=(ANN,),
        namespaces=(NAMESPACE,),
        key=blob(authority.with_name(f"{authority.name}.pub")),
        authority=not plain,
    ).line()
    return AllowedSigners.parse(f"{line}\n".encode())


def ask(signers: AllowedSigners, armored: bytes, at: datetime | None = None, who: str = ANN):
    now = at or datetime.now(UTC)
    return signers.authorise(b"x", armored, principal=who, namespace=NAMESPACE, at=now)


def stock_accepts(folder: Path, signers: AllowedSigners, armored: bytes) -> bool:
    """Whether ssh-keygen alone accepts: it is never asked where ours has refused already."""
    (folder / "allowed").write_bytes(signers.text)
    (folder / "sig").write_bytes(armored)
    argv = ["ssh-keygen", "-Y", "verify", "-f", folder / "allowed", "-I", ANN, "-n", NAMESPACE]
    done = subprocess.run(
        [*argv, "-s", folder / "sig"], input=b"x", capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize("of_authority", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_that_ssh_keygen_makes(tmp_path, kind, of_authority):
    authority, key = made(tmp_path / "ca", of_authority), made(tmp_path / "ann", kind)
    signed = sshsig.sign(b"x", certified(key, authority, "-V", "-1h:+1d"), NAMESPACE)
    plain = blob(key.with_name("ann.pub"))
    assert signed.key == plain == sshsig.verify(b"x", signed.armored, NAMESPACE)
    found, now = ask(allowed(authority), signed.armored), datetime.now(UTC)
    assert (found.key, found.tools) == (plain, ("readiness-kit", "ssh-keygen"))
    assert now + timedelta(hours=23) < found.until < now + timedelta(hours=25)
    assert stock_accepts(tmp_path, allowed(authority), signed.armored)


@pytest.mark.parametrize(
    "kind", ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"]
)
def test_certified_security_keys_must_be_touched(tmp_path, authority, kind):
    device = SoftwareSecurityKey(kind)
    (tmp_path / "ann.pub").write_text(publickeys.line(device.blob) + "\n")
    certificate = string(blob(certified(tmp_path / "ann", authority)))

    def sign(flags: int) -> bytes:
        plain = sshsig._dearmor(device.sign(b"x", flags))
        return sshsig._armor(plain.replace(string(device.blob), certificate, 1))

    assert ask(allowed(authority), sign(flags=1)).key == device.blob
    assert stock_accepts(tmp_path, allowed(authority), sign(flags=1))
    with pytest.raises(IntegrityError, match="not touched"):
        ask(allowed(authority), sign(flags=0))


def test_without_an_end_it_holds_for_ever(ann, authority):
    signed = sshsig.sign(b"x", certified(ann, authority), NAMESPACE)
    assert (
        ask(allowed(authority), signed.armored, datetime.now(UTC) + timedelta(days=9000)).until
        is None
    )


@pytest.mark.parametrize(
    ("options", "names", "words"),
    [
        (("-V", "-2d:-1d"), ANN, "not valid any more"),
        (("-V", "+1d:+2d"), ANN, "not valid yet"),
        ((), "bob@example.invalid", "is for bob@example.invalid"),
        ((), "", "names nobody"),
        (("-h",), ANN, "not one for people"),
        (("-O", "force-command=id"), ANN, "critical options"),
    ],
)
def test_certificates_refused(tmp_path, ann, authority, options, names, words):  # noqa: PLR0917
    certificate = certified(ann, authority, *options, names=names)
    armored = by_hand(ann, certificate)
    with pytest.raises(IntegrityError, match=words):
        ask(allowed(authority), armored)
    lenient = "-O" in options
    assert stock_accepts(tmp_path, allowed(authority), armored) == lenient


def by_hand(key: Path, certificate: Path) -> bytes:
    """Sign with *key* and put *certificate* in its place, however ssh-keygen likes that."""
    plain = sshsig._dearmor(sshsig.sign(b"x", key, NAMESPACE, tool="cryptography").armored)
    own = string(blob(key.with_name(f"{key.name}.pub")))
    assert own in plain
    return sshsig._armor(plain.replace(own, string(blob(certificate)), 1))


def test_only_who_is_listed_as_an_authority_is_one(tmp_path, ann, authority):
    certificate = certified(ann, authority)
    armored = by_hand(ann, certificate)
    other = made(tmp_path / "other")
    own = sshsig.sign(b"x", ann, NAMESPACE).armored
    by_authority = sshsig.sign(b"x", authority, NAMESPACE).armored
    cases = [
        (allowed(other), armored),
        (allowed(authority, plain=True), armored),
        (allowed(ann, plain=True), armored),
        (allowed(authority), own),
        (allowed(authority), by_authority),
    ]
    for signers, signature in cases:
        with pytest.raises(IntegrityError, match="may not sign"):
            ask(signers, signature)
        assert not stock_accepts(tmp_path, signers, signature)
    assert ask(allowed(authority), armored)
    with pytest.raises(IntegrityError, match="is for"):
        ask(allowed(authority), armored, who="bob@example.invalid")


def test_one_key_has_many_certificates(tmp_path, ann, authority):
    """They are one key all the same: that is what a quorum compares."""
    first = by_hand(ann, certified(ann, authority))
    second = by_hand(ann, certified(ann, authority, "-z", "7"))
    assert sshsig.signer(b"x", first, NAMESPACE) != sshsig.signer(b"x", second, NAMESPACE)
    assert sshsig.verify(b"x", first, NAMESPACE) == sshsig.verify(b"x", second, NAMESPACE)


def test_no_byte_of_a_certificate_can_change(ann, authority):
    whole = blob(certified(ann, authority))
    assert certificates.parse(whole).principals == (ANN,)
    for at in range(len(whole)):
        mutant = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with pytest.raises(IntegrityError):
            certificates.parse(mutant)
    for cut in range(len(whole)):
        with pytest.raises(IntegrityError):
            certificates.parse(whole[:cut])


def test_a_certificate_is_no_authority(tmp_path, ann, authority):
    """Nor may one stand in allowed_signers: its end would be nowhere to be seen."""
    line = publickeys.line(blob(certified(ann, authority)))
    with pytest.raises(IntegrityError, match="no usable key"):
        AllowedSigners.parse(f'{ANN} cert-authority,namespaces="a" {line}'.encode())


def test_without_ssh_keygen_a_certificate_signs_nothing(ann, authority):
    certificate = certified(ann, authority)
    certificate.chmod(0o600)
    with pytest.raises(UsageError, match="cannot be used"):
        sshsig.sign(b"x", certificate, NAMESPACE, tool="cryptography")


def test_lines_of_authorities_are_read_back(tmp_path):
    one = Signer(
        principals=(ANN,), namespaces=(NAMESPACE,), key=keys.mint(tmp_path / "ca"), authority=True
    )
    assert AllowedSigners.parse(one.line().encode()).signers == (one,)
