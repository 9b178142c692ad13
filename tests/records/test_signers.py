from datetime import UTC, datetime, timedelta

import pytest

from readiness_kit.errors import IntegrityError
from readiness_kit.records import keys, publickeys, signers, sshsig
from readiness_kit.records.signers import AllowedSigners, Signer

NAMESPACE = "security-lead@signoff.readiness-kit"
ANN = "ann@example.invalid"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "ann"
    keys.mint(path)
    return path


@pytest.fixture
def public(key) -> str:
    return " ".join(key.with_name("ann.pub").read_text().split()[:2])


@pytest.fixture
def verifiers(need, monkeypatch):
    """Have ssh-keygen verify as well, or do without it."""

    def choose(*, stock: bool) -> None:
        program = need("ssh-keygen") if stock else None
        monkeypatch.setattr(sshsig, "ssh_keygen", lambda: program)

    return choose


def test_written_lines_are_read_back(tmp_path, public):
    signer = Signer(
        principals=(ANN, "deputy@example.invalid"),
        namespaces=(NAMESPACE, "security-lead@waivers.readiness-kit"),
        key=AllowedSigners.parse(f'{ANN} namespaces="a" {public}'.encode()).signers[0].key,
        valid_after=NOON,
        valid_before=NOON + timedelta(days=365),
    )
    signers.write(tmp_path / "allowed", [signer])
    assert AllowedSigners.read(tmp_path / "allowed").signers == (signer,)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{ann} {key}", "without namespaces="),
        ('*@example.invalid namespaces="a" {key}', "no plain name"),
        ('{ann},!bob namespaces="a" {key}', "no plain name"),
        ('{ann} namespaces="*" {key}', "no plain name"),
        ('{ann} namespaces="a,,b" {key}', "no plain name"),
        ("{ann} cert-authority {key}", "without namespaces="),
        ('{ann} cert-authority,cert-authority,namespaces="a" {key}', "stands twice"),
        ('{ann} namespaces="a",valid-before="20270101" {key}', "would depend on the reader"),
        ('{ann} namespaces="a",valid-before="20271301Z" {key}', "is not understood"),
        ('{ann} namespaces="a",namespaces="b" {key}', "stands twice"),
        ('{ann} namespaces="a",no-touch-required {key}', "unknown"),
        ('{ann} namespaces="a" ssh-rsa {blob}', "the key is no ssh-rsa"),
        ('{ann} namespaces="a" ssh-ed25519 AAAA', "no usable key"),
        ('{ann} namespaces="a" ssh-ed25519', "is not understood"),
        ('"{ann}" namespaces="a" {key}', "is not understood"),
        ("\xe9 \x00", "is not understood"),
    ],
)
def test_lines_refused(line, words, public):
    text = "# people\n\n" + line.format(ann=ANN, key=public, blob=public.split()[1])
    with pytest.raises(IntegrityError, match="line 3") as caught:
        AllowedSigners.parse(text.encode())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("principal", "namespace", "at", "may"),
    [
        (ANN, NAMESPACE, NOON, True),
        (ANN, NAMESPACE, NOON + timedelta(days=1), True),
        (ANN, NAMESPACE, NOON + timedelta(days=1, seconds=1), False),
        (ANN, NAMESPACE, NOON - timedelta(seconds=1), False),
        (ANN, "operations-lead@signoff.readiness-kit", NOON, False),
        ("Ann@example.invalid", NAMESPACE, NOON, False),
        ("bob@example.invalid", NAMESPACE, NOON, False),
    ],
)
@pytest.mark.parametrize("stock", [True, False])
def test_who_may_sign(verifiers, key, public, stock, principal, namespace, at, may):  # noqa: PLR0917
    verifiers(stock=stock)
    armored = sshsig.sign(b"x", key, namespace, tool="cryptography").armored
    times = 'valid-after="20261120120000Z",valid-before="202611211200Z"'
    allowed = AllowedSigners.parse(f'{ANN} namespaces="{NAMESPACE}",{times} {public}'.encode())

    def ask():
        return allowed.authorise(b"x", armored, principal=principal, namespace=namespace, at=at)

    if may:
        assert ask().tools == ("readiness-kit", "ssh-keygen")[: 1 + stock]
        return
    with pytest.raises(IntegrityError, match="may not sign"):
        ask()


def test_both_verifiers_must_agree(need, monkeypatch, key, public):
    """Where only ssh-keygen refuses, the signature is refused."""
    need("ssh-keygen")
    armored = sshsig.sign(b"x", key, NAMESPACE, tool="cryptography").armored
    signer = AllowedSigners.parse(f'{ANN} namespaces="{NAMESPACE}" {public}'.encode())
    torn = AllowedSigners(b"# nobody\n", signer.signers)
    with pytest.raises(IntegrityError, match="ssh-keygen refuses"):
        torn.authorise(b"x", armored, principal=ANN, namespace=NAMESPACE, at=NOON)
    assert publickeys.kind_of(signer.signers[0].key) == "ssh-ed25519"
