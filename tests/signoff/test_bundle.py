"""Bundles: one form only; whatever else an archive may hold is refused before anything is written."""

import io
import json
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sealing import ENDED, SIGNED, People, people, results, seal

from readiness_kit.commands.bundle import command as bundle_command
from readiness_kit.commands.collect import command as collect_command
from readiness_kit.commands.sign import command as sign_command
from readiness_kit.commands.verify import command as verify_command
from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError, RunFolderError, UsageError
from readiness_kit.records import sshsig
from readiness_kit.signoff import bundle, policy, record
from readiness_kit.signoff.collect import collect
from readiness_kit.signoff.sign import withdraw

RUN_ID = results().run_id
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def team(tmp_path_factory) -> People:
    return people(tmp_path_factory.mktemp("keys"))


@pytest.fixture(autouse=True)
def alone(monkeypatch) -> None:
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)


@pytest.fixture
def run(tmp_path) -> Path:
    return seal(tmp_path / "run", results())


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> bytes:
    """A bundle, as bytes."""
    place = tmp_path_factory.mktemp("packed")
    return bundle.write(seal(place / "run", results()), place / "run.tar").read_bytes()


@pytest.fixture
def archive(packed, tmp_path) -> Path:
    """A copy of a bundle, to damage."""
    path = tmp_path / "run.tar"
    path.write_bytes(packed)
    return path


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_there_and_back(run, team, tmp_path):
    team.sign(run, "security_lead")
    archive = bundle.write(run, tmp_path / "run.tar")
    with bundle.opened(archive) as folder:
        assert folder.name == RUN_ID
        assert files(folder) == files(run)
        assert (folder / "SHA256SUMS").stat().st_mode & 0o777 == 0o600
        place = folder.parent
        assert sorted(one.name for one in place.iterdir()) == [RUN_ID, "verify.sh"]
    assert not place.exists()


def test_the_same_run_has_the_same_bytes(run, tmp_path):
    one = bundle.write(run, tmp_path / "one.tar")
    copy = shutil.copytree(run, tmp_path / "elsewhere")
    for path in copy.rglob("*"):
        path.chmod(0o755)
    assert bundle.write(copy, tmp_path / "two.tar").read_bytes() == one.read_bytes()


def test_stock_tar_reads_it(run, tmp_path):
    archive = bundle.write(run, tmp_path / "run.tar")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert files(tmp_path / "out" / RUN_ID) == files(run)


def test_only_whole_runs_are_bundled(run, tmp_path):
    (run / "facts" / "tls_offer.json").write_bytes(b"[]")
    with pytest.raises(IntegrityError, match="has changed"):
        bundle.write(run, tmp_path / "run.tar")
    assert not list(tmp_path.glob("*.tar*"))


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "run.tar").write_bytes(b"mine")
    with pytest.raises(RunFolderError, match="exists already"):
        bundle.write(run, tmp_path / "run.tar")
    assert (tmp_path / "run.tar").read_bytes() == b"mine"


def entry(name: str, data: bytes = b"x", **more: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def link(name: str, kind: bytes, to: str = "") -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, b"", type=kind, linkname=to)


INSIDE = f"{RUN_ID}/facts"
HOSTILE = {
    "parent": entry(f"{INSIDE}/../../../../etc/cron.d/x"),
    "parent at the top": entry("../x"),
    "absolute": entry("/etc/passwd"),
    "backslash": entry(f"{INSIDE}/..\\x"),
    "drive": entry("C:x"),
    "dot": entry(f"{RUN_ID}/./x"),
    "empty part": entry(f"{RUN_ID}//x"),
    "option": entry(f"{INSIDE}/--checkpoint-action=exec=sh"),
    "command": entry(f"{INSIDE}/;id"),
    "substitution": entry(f"{INSIDE}/$(id)"),
    "newline": entry(f"{INSIDE}/a\nb"),
    "space": entry(f"{INSIDE}/a b"),
    "control": entry(f"{INSIDE}/\x1b[2J"),
    "symbolic link": link(f"{INSIDE}/x", tarfile.SYMTYPE, "/etc/passwd"),
    "link to the folder above": link(f"{RUN_ID}/signoff", tarfile.SYMTYPE, ".."),
    "hard link": link(f"{INSIDE}/x", tarfile.LNKTYPE, "/etc/passwd"),
    "character device": link(f"{INSIDE}/x", tarfile.CHRTYPE),
    "block device": link(f"{INSIDE}/x", tarfile.BLKTYPE),
    "pipe": link(f"{INSIDE}/x", tarfile.FIFOTYPE),
    "folder": link(f"{INSIDE}/x", tarfile.DIRTYPE),
    "contiguous": entry(f"{INSIDE}/x", type=tarfile.CONTTYPE),
    "sparse": entry(f"{INSIDE}/x", type=tarfile.GNUTYPE_SPARSE),
    "unknown kind": entry(f"{INSIDE}/x", type=b"Z"),
    "case clash": entry(f"{INSIDE}/TLS_OFFER.json"),
    "case clash of folders": entry(f"{RUN_ID}/Facts/x"),
    "duplicate": entry(f"{INSIDE}/tls_offer.json"),
    "file and folder": entry(f"{INSIDE}/tls_offer.json/x"),
    "folder and file": entry(INSIDE),
    "second run": entry("another/run.json"),
    "beside the run": entry("README"),
    "set-user-id": entry(f"{INSIDE}/x", mode=0o4755),
    "executable": entry(f"{INSIDE}/x", mode=0o755),
    "owner": entry(f"{INSIDE}/x", uid=1000),
    "owner's name": entry(f"{INSIDE}/x", uname="root"),
    "time": entry(f"{INSIDE}/x", mtime=1),
    "long name": entry(f"{INSIDE}/{'x' * 101}"),
    "deep": entry("/".join([RUN_ID, *("d" * 20)])),
}


def rewritten(source: Path, target: Path, *more, fmt=tarfile.GNU_FORMAT, order=True) -> Path:
    with tarfile.open(source) as tar:
        kept = [(one, tar.extractfile(one).read()) for one in tar]
    found = [*kept, *more]
    if order:
        found.sort(key=lambda one: (one[0].name != "verify.sh", one[0].name))
    with tarfile.open(target, "w", format=fmt) as tar:
        for info, data in found:
            tar.addfile(info, io.BytesIO(data))
    return target


def refused(archive: Path, place: Path) -> str:
    place.mkdir()
    with pytest.raises(IntegrityError, match="is no bundle") as caught:
        bundle.unpack(archive, place)
    assert list(place.iterdir()) == []
    return str(caught.value)


def test_a_rewritten_bundle_is_the_same(archive, tmp_path):
    """The control of the next tests: what refuses is the hostile member, not the rewriting."""
    again = rewritten(archive, tmp_path / "again.tar", fmt=tarfile.USTAR_FORMAT)
    assert again.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("fmt", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("order", [True, False])
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_members(archive, tmp_path, kind, fmt, order):
    try:
        hostile = rewritten(archive, tmp_path / "hostile.tar", HOSTILE[kind], fmt=fmt, order=order)
    except ValueError:
        assert fmt == tarfile.USTAR_FORMAT, "cannot be written so"
        return
    refused(hostile, tmp_path / "place")


def header_of(archive: bytes, name: str) -> int:
    return archive.index(name.encode() + b"\0")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a[:-1], "end"),
        (lambda a: a + bytes(512), "something follows its end"),
        (lambda a: a + b"\x1f\x8b", "something follows its end"),
        (lambda a: a[:-10240], "no bundle"),
        (lambda a: a[:700], "cut short"),
        (lambda a: b"", "no bundle"),
        (lambda a: b"\x1f\x8b" + a, "no bundle"),
        (lambda a: bytes(10240), "no bundle"),
        (lambda a: a.replace(b"ustar\x0000", b"ustar  \0"), "no bundle"),
        (lambda a: a.replace(b"00000000002\0", b"77777777777\0", 1), "no bundle"),
    ],
)
def test_hostile_archives(archive, tmp_path, change, words):
    archive.write_bytes(change(archive.read_bytes()))
    assert words in refused(archive, tmp_path / "place")


def test_hidden_bytes(archive, tmp_path):
    data = bytearray(archive.read_bytes())
    at = header_of(bytes(data), f"{INSIDE}/tls_offer.json")
    data[at + 512 + 100] = 1
    archive.write_bytes(data)
    assert "something hides behind" in refused(archive, tmp_path / "place")


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_compressed_archives_are_refused(run, tmp_path, mode):
    """No ratio to cap: an archive is as long as what it holds."""
    with tarfile.open(tmp_path / "run.tar", mode) as tar:
        tar.add(run, RUN_ID)
    refused(tmp_path / "run.tar", tmp_path / "place")


def test_caps(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "MAX_FILES", 4)
    assert "more than 4 files" in refused(archive, tmp_path / "one")
    monkeypatch.setattr(bundle, "MAX_BYTES", 1000)
    assert "longer than 1000 bytes" in refused(archive, tmp_path / "two")


def test_no_byte_of_a_bundle_matters_unnoticed(run, team, tmp_path):
    """Every changed byte of an archive is refused, or is in the verifier that is not trusted."""
    for role in ROLES:
        team.sign(run, role)
    archive = bundle.write(run, tmp_path / "run.tar")
    good = archive.read_bytes()
    script = range(512, 512 + 4096)
    for at in range(0, len(good), 977):
        archive.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        try:
            with bundle.opened(archive) as folder:
                assert team.verify(folder).exit_code == 4 or at in script
        except IntegrityError:
            continue


def test_neither_folder_nor_file(tmp_path):
    with pytest.raises(UsageError, match="neither"), bundle.opened(tmp_path / "none"):
        pass


@pytest.fixture
def returned(run, team, tmp_path):
    """What comes back from the four: statements signed on copies of the run."""
    found = {}
    for role in ROLES:
        copy = shutil.copytree(run, tmp_path / "away" / role)
        path = team.sign(copy, role).path
        record.write_to(tmp_path / f"{role}.json", record.read(path))
        found[role] = tmp_path / f"{role}.json"
    return found


def take(run, team, *paths, at=SIGNED):
    return [one.problem for one in collect(run, paths, team.signers, policy.load(None), at)]


def test_statements_come_back(run, team, returned):
    for role, path in returned.items():
        assert team.verify(run).exit_code == 4
        assert [one.role for one in collect(run, [path], team.signers, policy.load(None), SIGNED)]
        assert take(run, team, path.with_name(f"{role}.json.sig"), path) == [""]
    assert team.verify(run).exit_code == 0


def test_what_does_not_hold_is_not_taken(run, team, returned, tmp_path):
    good = returned["security_lead"]
    bad = tmp_path / "bad.json"
    record.write_to(bad, record.read(good)._replace(data=good.read_bytes().replace(b"GO", b"NO")))
    other = seal(tmp_path / "other", results(run_id="another"))
    foreign = team.sign(other, "security_lead").path
    strange = tmp_path / "strange.json"
    record.write_to(strange, record.Bytes(b'{"predicateType":"x"}', b""))
    found = take(run, team, bad, foreign, strange, tmp_path / "none.json")
    assert [bool(one) for one in found] == [True] * 4
    assert "signed another run" in found[1]
    assert not (run / "signoff").exists()
    assert "expired" in take(run, team, good, at=SIGNED + timedelta(days=31))[0]


@pytest.mark.parametrize("role", ["chief", "../../results", "security_lead/x", ""])
def test_a_record_of_no_role_is_written_nowhere(run, team, returned, tmp_path, role):
    """The role names the file: it must be one of the four."""
    good = record.read(returned["security_lead"])
    bad = tmp_path / "bad.json"
    said = good.data.replace(b'"role":"security_lead"', b'"role":"%s"' % role.encode())
    assert said != good.data
    record.write_to(bad, good._replace(data=said))
    before = files(run)
    (problem,) = take(run, team, bad)
    assert "is no role" in problem
    assert files(run) == before


def test_a_withdrawal_of_another_time_is_not_taken(run, team, returned, tmp_path):
    role = "security_lead"
    assert take(run, team, returned[role]) == [""]
    given = {"role": role, "principal": team.principal(role), "key": team.key(role)}
    for at, words in ((SIGNED + timedelta(days=1), "in the future"), (ENDED - HOUR, "before")):
        copy = shutil.copytree(run, tmp_path / words)
        gone = tmp_path / f"{words}.json"
        record.write_to(gone, record.read(withdraw(copy, **given, reason="a release", now=at)))
        (problem,) = take(run, team, gone)
        assert words in problem


def test_one_key_for_two_roles_is_not_taken(run, team, returned, tmp_path):
    one, other = "security_lead", "operations_lead"
    lines = dict(zip(ROLES, team.allowed.read_text().splitlines(), strict=True))
    lines[other] = lines[other].replace(lines[other].split()[-1], lines[one].split()[-1])
    allowed = tmp_path / "allowed"
    allowed.write_text("\n".join(lines.values()))
    twice = team.sign(shutil.copytree(run, tmp_path / "copy"), other, key=team.key(one)).path
    both = (returned[one], twice)
    signers = record.AllowedSigners.read(allowed)
    found = collect(run, both, signers, policy.load(None), SIGNED)
    assert [one.problem[:24] for one in found] == ["", "security_lead and operat"]


def test_the_newest_record_counts(run, team, returned, tmp_path):
    """A withdrawal is not undone by whoever sends the old statement again."""
    role, old = "security_lead", returned["security_lead"]
    assert take(run, team, old) == [""]
    copy = shutil.copytree(run, tmp_path / "copy")
    given = {"role": role, "principal": team.principal(role), "key": team.key(role)}
    later = SIGNED + timedelta(minutes=2)
    gone = tmp_path / "gone.json"
    record.write_to(gone, record.read(withdraw(copy, **given, reason="a new release", now=later)))
    assert take(run, team, gone) == [""]
    assert "withdrew" in "".join(team.verify(run, later).problems)
    assert "a newer record of security_lead is there" in take(run, team, old)[0]
    assert take(run, team, gone) == [""]
    again = team.sign(copy, role, now=later + timedelta(minutes=1)).path
    assert take(run, team, again) == [""]
    assert "a newer record" in take(run, team, gone)[0]


def test_four_people_on_four_machines(tmp_path, team, monkeypatch):
    now = datetime.now(UTC)
    run = seal(tmp_path / "run", results(started_at=now - timedelta(minutes=9), finished_at=now))
    runner = CliRunner()
    monkeypatch.chdir(tmp_path)

    def call(command, *argv):
        done = runner.invoke(command, [str(one) for one in argv], standalone_mode=False)
        assert done.exception is None, done.exception
        return done

    archive = call(bundle_command, run).stdout.strip()
    assert archive == f"{RUN_ID}.tar"
    back = []
    for role in ROLES:
        argv = ("--role", role, "--as", team.principal(role), "--key", team.key(role))
        back.append(call(sign_command, archive, *argv, "--unjudged").stdout.strip())
    assert back[0] == f"{RUN_ID}.{ROLES[0]}.json"
    signers = ("--allowed-signers", team.allowed)
    assert call(collect_command, run, *back[:3], *signers).return_value == 0
    Path(back[3]).write_bytes(Path(back[2]).read_bytes())
    done = call(collect_command, run, back[3], *signers)
    assert done.return_value == 4
    assert f"REFUSED {back[3]}: " in done.stderr
    argv = ("--role", ROLES[3], "--as", team.principal(ROLES[3]), "--key", team.key(ROLES[3]))
    back[3] = call(sign_command, archive, *argv, "--unjudged").stdout.strip()
    assert call(collect_command, run, f"{back[3]}.sig", *signers).return_value == 0
    assert call(verify_command, run, *signers).return_value == 0
    whole = call(bundle_command, run, "--out", "whole.tar").stdout.strip()
    shown = call(verify_command, whole, *signers, "--json")
    assert shown.return_value == 0
    assert json.loads(shown.stdout)["verdict"] == "GO"
