import base64
import hashlib
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from readiness_kit.errors import IntegrityError, RunFolderError, UsageError
from readiness_kit.records import keys, publickeys, sshsig
from readiness_kit.records.wire import mpint, string

NAMESPACE = "security-lead@signoff.readiness-kit"
KINDS = ["ed25519:256", "ecdsa:256", "ecdsa:384", "ecdsa:521", "rsa:2048", "rsa:3072"]
MESSAGE = b"what was seen\n"


@pytest.fixture(scope="module")
def key_of(tmp_path_factory):
    """Keys by kind, made by ssh-keygen."""
    folder, made = tmp_path_factory.mktemp("keys"), {}

    def make(kind: str) -> Path:
        if kind not in made:
            algorithm, bits = kind.split(":")
            path = folder / kind.replace(":", "_")
            argv = ("ssh-keygen", "-q", "-t", algorithm, "-b", bits, "-N", "", "-C", "", "-f", path)
            subprocess.run(argv, check=True)
            made[kind] = path
        return made[kind]

    return make


def stock_accepts(folder: Path, key: Path, armored: bytes, message: bytes = MESSAGE) -> bool:
    """Whether ``ssh-keygen -Y verify`` accepts."""
    (folder / "sig").write_bytes(armored)
    public = key.with_name(f"{key.name}.pub").read_text()
    (folder / "allowed").write_text(f'a@x.invalid namespaces="{NAMESPACE}" {public}')
    argv = ("ssh-keygen", "-Y", "verify", "-f", folder / "allowed", "-I", "a@x.invalid")
    done = subprocess.run(
        (*argv, "-n", NAMESPACE, "-s", folder / "sig"),
        input=message,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


@pytest.mark.parametrize("tool", ["ssh-keygen", "cryptography"])
@pytest.mark.parametrize("kind", KINDS)
def test_both_verifiers_accept_both_signers(need, key_of, tmp_path, kind, tool):
    need("ssh-keygen")
    key = key_of(kind)
    signed = sshsig.sign(MESSAGE, key, NAMESPACE, tool=tool)
    blob = base64.b64decode(key.with_name(f"{key.name}.pub").read_text().split()[1])
    assert sshsig.verify(MESSAGE, signed.armored, NAMESPACE) == signed.key == blob
    assert signed.tool == tool
    assert stock_accepts(tmp_path, key, signed.armored)
    assert not stock_accepts(tmp_path, key, signed.armored, MESSAGE + b"!")
    with pytest.raises(IntegrityError, match="not over this content"):
        sshsig.verify(MESSAGE + b"!", signed.armored, NAMESPACE)
    with pytest.raises(IntegrityError, match="not as"):
        sshsig.verify(MESSAGE, signed.armored, NAMESPACE.replace("security", "operations"))


@pytest.mark.parametrize("kind", ["ed25519:256", "ecdsa:256", "rsa:2048"])
def test_no_byte_of_the_blob_can_change(need, key_of, kind):
    """Mutants below the armour, where each has a well-formed armour of its own."""
    need("ssh-keygen")
    dice = random.Random(kind)
    armored = sshsig.sign(MESSAGE, key_of(kind), NAMESPACE, tool="cryptography").armored
    blob = sshsig._dearmor(armored)
    accepted = 0
    for at in range(len(blob)):
        mutant = blob[:at] + bytes([blob[at] ^ 1 << dice.randrange(8)]) + blob[at + 1 :]
        with pytest.raises(IntegrityError):
            accepted += bool(sshsig.verify(MESSAGE, sshsig._armor(mutant), NAMESPACE))
    assert accepted == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.replace(b"\n", b"\r\n"),
        lambda a: a + b"\n",
        lambda a: b"\n" + a,
        lambda a: a.rstrip(b"\n"),
        lambda a: a + a,
        lambda a: a.replace(b"\n", b"", 2),
        lambda a: a.replace(b"SSH SIGNATURE", b"PGP SIGNATURE"),
        lambda a: a * 200,
        lambda a: b"",
    ],
)
def test_one_armour_only(tmp_path, change):
    keys.mint(tmp_path / "key")
    armored = sshsig.sign(MESSAGE, tmp_path / "key", NAMESPACE, tool="cryptography").armored
    with pytest.raises(IntegrityError):
        sshsig.verify(MESSAGE, change(armored), NAMESPACE)


@pytest.mark.parametrize("bits", [1024, 2040])
def test_short_rsa_is_refused(bits):
    modulus = (1 << (bits - 1)) + 1
    with pytest.raises(IntegrityError, match=f"{bits} bits"):
        publickeys.parse(string(b"ssh-rsa") + mpint(65537) + mpint(modulus))


@pytest.mark.parametrize("kind", [b"ssh-dss", b"ssh-ed25519-cert-v01@openssh.com", b"", b"\xff"])
def test_other_keys_are_refused(kind):
    with pytest.raises(IntegrityError):
        publickeys.parse(string(kind) + string(b"x" * 32))


class SoftwareSecurityKey:
    """A security key in software (PROTOCOL.u2f), touched or not."""

    application = b"ssh:"

    def __init__(self, kind: str) -> None:
        self.kind = kind
        if kind == "sk-ssh-ed25519@openssh.com":
            self.key = ed25519.Ed25519PrivateKey.generate()
            raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            public = string(raw)
        else:
            self.key = ec.generate_private_key(ec.SECP256R1())
            point = self.key.public_key().public_bytes(
                Encoding.X962, PublicFormat.UncompressedPoint
            )
            public = string(b"nistp256") + string(point)
        self.blob = string(kind.encode()) + public + string(self.application)

    def sign(self, message: bytes, flags: int) -> bytes:
        to_sign = sshsig._to_sign(message, NAMESPACE, "sha512")
        state = bytes([flags]) + (7).to_bytes(4, "big")
        digests = [hashlib.sha256(one).digest() for one in (self.application, to_sign)]
        signed = digests[0] + state + digests[1]
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            raw = self.key.sign(signed)
        else:
            r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA256())))
            raw = mpint(r) + mpint(s)
        signature = string(self.kind.encode()) + string(raw) + state
        parts = (self.blob, NAMESPACE.encode(), b"", b"sha512", signature)
        return sshsig._armor(b"SSHSIG\0\0\0\1" + b"".join(string(part) for part in parts))


@pytest.mark.parametrize(
    "kind", ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"]
)
def test_security_keys_must_be_touched(need, tmp_path, kind):
    need("ssh-keygen")
    device = SoftwareSecurityKey(kind)
    touched = device.sign(MESSAGE, flags=1)
    assert sshsig.verify(MESSAGE, touched, NAMESPACE) == device.blob
    (tmp_path / "key.pub").write_text(publickeys.line(device.blob) + "\n")
    assert stock_accepts(tmp_path, tmp_path / "key", touched)
    with pytest.raises(IntegrityError, match="not touched"):
        sshsig.verify(MESSAGE, device.sign(MESSAGE, flags=4), NAMESPACE)
    with pytest.raises(IntegrityError, match="not over this content"):
        sshsig.verify(b"else", touched, NAMESPACE)


def test_minted_keys_are_openssh_keys(need, tmp_path):
    need("ssh-keygen")
    blob = keys.mint(tmp_path / "key", "ann@example.invalid")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    argv = ("ssh-keygen", "-y", "-f", tmp_path / "key")
    shown = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
    assert shown.split()[:2] == (tmp_path / "key.pub").read_text().split()[:2]
    argv = ("ssh-keygen", "-l", "-f", tmp_path / "key.pub")
    shown = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
    assert publickeys.fingerprint(blob) in shown
    with pytest.raises(RunFolderError, match="exists already"):
        keys.mint(tmp_path / "key")


def test_keys_that_cannot_be_used(need, key_of, tmp_path):
    need("ssh-keygen")
    locked = tmp_path / "locked"
    argv = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "a passphrase", "-f", locked)
    subprocess.run(argv, check=True)
    with pytest.raises(UsageError, match="cannot be used"):
        sshsig.sign(MESSAGE, locked, NAMESPACE, tool="cryptography")
    open_to_all = Path(shutil.copy(key_of("ed25519:256"), tmp_path / "open"))
    open_to_all.chmod(0o644)
    for tool in ("ssh-keygen", "cryptography"):
        with pytest.raises(UsageError):
            sshsig.sign(MESSAGE, open_to_all, NAMESPACE, tool=tool)


@pytest.fixture
def agent(need, monkeypatch, tmp_path):
    """An ssh-agent of our own."""
    need("ssh-agent")
    socket = Path(tempfile.mkdtemp(prefix="agent-")) / "socket"
    process = subprocess.Popen(
        ("ssh-agent", "-D", "-a", socket), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 10
    while not socket.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    yield
    process.terminate()
    process.wait(timeout=10)
    shutil.rmtree(socket.parent)


def test_a_key_that_only_the_agent_holds(need, agent, tmp_path):
    need("ssh-keygen")
    blob = keys.mint(tmp_path / "key")
    subprocess.run(("ssh-add", "-q", tmp_path / "key"), check=True, capture_output=True)
    (tmp_path / "key").unlink()
    signed = sshsig.sign(MESSAGE, tmp_path / "key.pub", NAMESPACE)
    assert (signed.tool, signed.key) == ("ssh-keygen", blob)
    assert sshsig.verify(MESSAGE, signed.armored, NAMESPACE) == blob
