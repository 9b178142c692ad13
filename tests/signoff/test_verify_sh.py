"""The shipped shell script: stock tools come to the same answer, for every damage in its reach."""

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
from sealing import People, people, results, seal

from readiness_kit.contents import ROLES
from readiness_kit.evidence import manifest
from readiness_kit.records import keys, signers
from readiness_kit.records.signers import AllowedSigners, Signer
from readiness_kit.signoff import bundle, policy, verify
from readiness_kit.signoff.policy import Policy
from readiness_kit.signoff.sign import withdraw
from readiness_kit.signoff.statement import namespace_of
from readiness_kit.verdict import Cause, Status, Verdict

NOW = datetime.now(UTC)
UNSEEN = {"security.tls.old_versions_refused": {"status": Status.UNKNOWN, "cause": Cause.CRASHED}}
FIRST = ROLES[0]


@pytest.fixture(scope="module", autouse=True)
def tools(need) -> None:
    for program in ("sh", "ssh-keygen", "sha256sum", "find", "date"):
        need(program)


@pytest.fixture(scope="module")
def team(tmp_path_factory) -> People:
    return people(tmp_path_factory.mktemp("keys"))


def signed(folder: Path, team: People, began: datetime = NOW, **more: object) -> Path:
    found = results(started_at=began - timedelta(minutes=9), finished_at=began, **more)
    run = seal(folder, found)
    for role in ROLES:
        team.sign(run, role, now=began)
    return run


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, team) -> Path:
    return signed(tmp_path_factory.mktemp("run"), team)


@pytest.fixture
def run(untouched, tmp_path) -> Path:
    return shutil.copytree(untouched, tmp_path / "copy", symlinks=True)


def by_shell(run: Path, signers: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    with resources.as_file(resources.files("readiness_kit.signoff") / "verify.sh") as script:
        argv = ("sh", str(script), os.path.relpath(run, cwd), os.path.relpath(signers, cwd))
        return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)


def test_it_accepts_what_we_accept(run, team, tmp_path):
    done = by_shell(run, team.allowed, tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "intact and GO"), done.stderr
    assert team.verify(run, NOW).exit_code == 0
    fingerprints = {one.fingerprint for one in team.verify(run, NOW).signatures}
    assert fingerprints == {line.split()[-1] for line in done.stdout.splitlines()[:4]}


def test_it_accepts_undecided_with_another_code(team, tmp_path):
    run = seal(
        tmp_path / "run",
        results(
            UNSEEN,
            verdict=Verdict.UNDECIDED,
            started_at=NOW - timedelta(minutes=1),
            finished_at=NOW,
        ),
    )
    policy.write(tmp_path / "policy.json", Policy(allow_undecided=True))
    lenient = policy.load(tmp_path / "policy.json")
    for role in ROLES:
        team.sign(run, role, policy=lenient, now=NOW)
    assert by_shell(run, team.allowed, tmp_path).returncode == 3
    assert team.verify(run, NOW, lenient).exit_code == 3


def test_the_copy_in_a_bundle_works(run, team, tmp_path):
    with bundle.opened(bundle.write(run, tmp_path / "run.tar")) as folder:
        argv = ("sh", "verify.sh", folder.name, str(team.allowed))
        done = subprocess.run(argv, cwd=folder.parent, capture_output=True, check=False)
    assert done.returncode == 0


def replace(run: Path, name: str, old: bytes, new: bytes) -> None:
    data = (run / name).read_bytes()
    assert old in data
    (run / name).write_bytes(data.replace(old, new, 1))


def reseal(run: Path) -> None:
    (run / "SHA256SUMS").unlink()
    manifest.write(run)


def as_link(path: Path) -> None:
    aside = path.parent.parent / f"{path.name}.real"
    path.rename(aside)
    path.symlink_to(aside)


def sums(run: Path) -> Path:
    return run / "SHA256SUMS"


STATEMENT, OTHER = f"signoff/{FIRST}.json", f"signoff/{ROLES[1]}.json"
DAMAGE = {
    "fact changed": lambda run: (run / "facts/tls_offer.json").write_bytes(b"[]"),
    "fact emptied": lambda run: (run / "facts/tls_offer.json").write_bytes(b""),
    "fact removed": lambda run: (run / "facts/tls_offer.json").unlink(),
    "fact renamed": lambda run: (run / "facts/tls_offer.json").rename(run / "facts/tls.json"),
    "fact moved": lambda run: (run / "facts/tls_offer.json").rename(run / "tls_offer.json"),
    "fact is a link": lambda run: as_link(run / "facts/tls_offer.json"),
    "facts are a link": lambda run: as_link(run / "facts"),
    "fact is a pipe": lambda run: ((run / "facts/tls_offer.json").unlink(), os.mkfifo(run / "p")),
    "fact is a giant": lambda run: os.truncate(run / "facts/tls_offer.json", 5 * 1024**3),
    "fact added": lambda run: (run / "facts/more.json").write_bytes(b"{}"),
    "hidden file added": lambda run: (run / "facts/.more").write_bytes(b"{}"),
    "name with newline": lambda run: (run / "facts/a\nb").write_bytes(b"{}"),
    "name that is an option": lambda run: (run / "--status").write_bytes(b""),
    "name that is a command": lambda run: (run / "facts/$(id);id").write_bytes(b""),
    "waiver added": lambda run: (
        (run / "waivers").mkdir(),
        (run / "waivers/x.json").write_bytes(b""),
    ),
    "results changed": lambda run: replace(run, "results.json", b'"GO"', b'"UNDECIDED"'),
    "claim changed": lambda run: replace(run, "results.json", b'"got":""', b'"got":"fine"'),
    "results removed": lambda run: (run / "results.json").unlink(),
    "run.json changed": lambda run: replace(run, "run.json", b"shop", b"shoe"),
    "run.json resaved": lambda run: replace(run, "run.json", b":", b": "),
    "line removed from the manifest": lambda run: sums(run).write_bytes(
        sums(run).read_bytes().split(b"\n", 1)[1]
    ),
    "line twice in the manifest": lambda run: sums(run).write_bytes(
        sums(run).read_bytes().split(b"\n")[0] + b"\n" + sums(run).read_bytes()
    ),
    "manifest reversed": lambda run: sums(run).write_bytes(
        b"".join(reversed(sums(run).read_bytes().splitlines(keepends=True)))
    ),
    "manifest in capitals": lambda run: sums(run).write_bytes(
        sums(run).read_bytes()[:64].upper() + sums(run).read_bytes()[64:]
    ),
    "manifest with carriage returns": lambda run: sums(run).write_bytes(
        sums(run).read_bytes().replace(b"\n", b"\r\n")
    ),
    "manifest without last newline": lambda run: sums(run).write_bytes(sums(run).read_bytes()[:-1]),
    "manifest emptied": lambda run: sums(run).write_bytes(b""),
    "manifest removed": lambda run: sums(run).unlink(),
    "manifest is a link": lambda run: as_link(sums(run)),
    "sealed again": lambda run: ((run / "facts/more.json").write_bytes(b"{}"), reseal(run)),
    "sealed again without a fact": lambda run: (
        (run / "facts/tls_offer.json").unlink(),
        reseal(run),
    ),
    "statement removed": lambda run: (run / STATEMENT).unlink(),
    "statement emptied": lambda run: (run / STATEMENT).write_bytes(b""),
    "statement is a link": lambda run: as_link(run / STATEMENT),
    "signature removed": lambda run: (run / f"{STATEMENT}.sig").unlink(),
    "signature emptied": lambda run: (run / f"{STATEMENT}.sig").write_bytes(b""),
    "signature of another role": lambda run: shutil.copy(
        run / f"{OTHER}.sig", run / f"{STATEMENT}.sig"
    ),
    "both of another role": lambda run: (
        shutil.copy(run / f"{OTHER}.sig", run / f"{STATEMENT}.sig"),
        shutil.copy(run / OTHER, run / STATEMENT),
    ),
    "roles swapped": lambda run: [
        (run / one).rename(run / f"signoff/{two}")
        for one, two in (
            (STATEMENT, "x"),
            (f"{STATEMENT}.sig", "x.sig"),
            (OTHER, f"{FIRST}.json"),
            (f"{OTHER}.sig", f"{FIRST}.json.sig"),
            ("signoff/x", f"{ROLES[1]}.json"),
            ("signoff/x.sig", f"{ROLES[1]}.json.sig"),
        )
    ],
    "sign-off removed": lambda run: shutil.rmtree(run / "signoff"),
    "sign-off is a link": lambda run: as_link(run / "signoff"),
    "verdict changed": lambda run: replace(run, STATEMENT, b"VERDICT_GO", b"VERDICT_OK"),
    "person changed": lambda run: replace(
        run, STATEMENT, b"mailto:engineering", b"mailto:operations"
    ),
    "role changed": lambda run: replace(run, STATEMENT, b"engineering_lead", b"security_lead"),
    "time changed": lambda run: replace(run, STATEMENT, b'"timeCreated":"2', b'"timeCreated":"3'),
    "policy changed": lambda run: replace(run, STATEMENT, b'"policies":[', b'"policies":[{},'),
    "digest changed": lambda run: replace(run, STATEMENT, b'"sha256":"', b'"sha256":"0'),
    "subject added": lambda run: replace(run, STATEMENT, b'"subject":[', b'"subject":[{},'),
    "type changed": lambda run: replace(run, STATEMENT, b"svr/v0.2", b"svr/v0.1"),
    "statement resaved": lambda run: replace(run, STATEMENT, b":", b": "),
    "field added": lambda run: replace(run, STATEMENT, b'{"_type"', b'{"Verdict":"GO","_type"'),
    "field twice": lambda run: replace(run, STATEMENT, b'{"_type"', b'{"_type":"x","_type"'),
    "byte order mark": lambda run: replace(run, STATEMENT, b'{"_type"', b'\xef\xbb\xbf{"_type"'),
    "newline at the end": lambda run: (run / STATEMENT).write_bytes(
        (run / STATEMENT).read_bytes() + b"\n"
    ),
    "signature cut": lambda run: (run / f"{STATEMENT}.sig").write_bytes(
        (run / f"{STATEMENT}.sig").read_bytes()[:-40]
    ),
}
"""What a tamperer may do to a signed run. Both verifiers refuse each."""


@pytest.mark.parametrize("kind", DAMAGE)
def test_both_refuse_what_was_tampered_with(run, team, tmp_path, kind):
    DAMAGE[kind](run)
    found = team.verify(run, NOW)
    assert found.exit_code == 4
    assert found.problems
    done = by_shell(run, team.allowed, tmp_path)
    assert done.returncode not in {0, 3}, done.stdout


def test_there_are_forty_kinds():
    assert len(DAMAGE) >= 40


@pytest.mark.parametrize(
    ("shared", "words"), [("person", "signed by one person"), ("key", "signed with one key")]
)
def test_both_refuse_one_for_two(run, team, tmp_path, shared, words):
    """One person with two keys, and one key under two names."""
    lines = dict(zip(ROLES, team.allowed.read_text().splitlines(), strict=True))
    if shared == "person":
        name = team.principal(FIRST).upper()
        lines[ROLES[1]] = lines[ROLES[1]].replace(team.principal(ROLES[1]), name)
        team.sign(run, ROLES[1], principal=name, now=NOW, replace=True)
    else:
        mine = lines[FIRST].split()[-1]
        lines[ROLES[1]] = lines[ROLES[1]].replace(lines[ROLES[1]].split()[-1], mine)
        team.sign(run, ROLES[1], key=team.key(FIRST), now=NOW)
    allowed = tmp_path / "allowed"
    allowed.write_text("\n".join(lines.values()) + "\n")
    found = verify.verify(run, AllowedSigners.read(allowed), policy.load(None), NOW)
    assert words in "; ".join(found.problems)
    done = by_shell(run, allowed, tmp_path)
    assert done.returncode == 4
    assert "not four people with four keys" in done.stderr


def certify(team: People, authority: Path, role: str, serial: int) -> Path:
    """Have *authority* certify the key of *role* for its person; return the certificate."""
    place = authority.parent / f"{serial}"
    place.mkdir()
    for suffix in ("", ".pub"):
        name = f"{role}{suffix}"
        shutil.copy(team.folder / name, place / name)
    argv = [
        "ssh-keygen",
        "-q",
        "-s",
        authority,
        "-I",
        role,
        "-n",
        ",".join(map(team.principal, ROLES)),
    ]
    subprocess.run([*argv, "-z", str(serial), place / f"{role}.pub"], check=True)
    return place / f"{role}-cert.pub"


@pytest.mark.parametrize("twice", [False, True])
def test_keys_that_an_authority_certifies(run, team, tmp_path, twice):
    """Both accept four of them, and refuse one key with two certificates."""
    authority = tmp_path / "ca"
    blob = keys.mint(authority)
    lines = [
        Signer(
            principals=(team.principal(role),),
            namespaces=(namespace_of(role),),
            key=blob,
            authority=True,
        )
        for role in ROLES
    ]
    signers.write(tmp_path / "allowed", lines)
    for serial, role in enumerate(ROLES):
        shared = ROLES[1] if twice and role == FIRST else role
        team.sign(run, role, key=certify(team, authority, shared, serial), now=NOW)
    allowed = AllowedSigners.read(tmp_path / "allowed")
    found = verify.verify(run, allowed, policy.load(None), NOW)
    done = by_shell(run, tmp_path / "allowed", tmp_path)
    if twice:
        assert "signed with one key" in "; ".join(found.problems)
        assert (found.exit_code, done.returncode) == (4, 4)
        assert "not four people with four keys" in done.stderr
    else:
        assert (found.problems, found.exit_code) == ((), 0)
        assert done.returncode == 0, done.stderr


def test_both_refuse_a_withdrawn_signature(run, team, tmp_path):
    given = {"role": FIRST, "principal": team.principal(FIRST), "key": team.key(FIRST)}
    withdraw(run, **given, reason="a new release")
    assert team.verify(run, datetime.now(UTC)).exit_code == 4
    done = by_shell(run, team.allowed, tmp_path)
    assert done.returncode == 4
    assert "or withdrew" in done.stderr


@pytest.mark.parametrize("days", [-31, 1])
def test_both_refuse_by_time(team, tmp_path, days):
    run = signed(tmp_path / "run", team, NOW + timedelta(days=days))
    assert team.verify(run, NOW).exit_code == 4
    done = by_shell(run, team.allowed, tmp_path)
    assert (done.returncode, "in the future, or over 30 days ago" in done.stderr) == (4, True)
