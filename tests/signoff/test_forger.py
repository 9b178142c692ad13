"""What somebody may do who writes the run folder himself, before or after the four have signed."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sealing import People, judged_run, lately, people, results, seal

from readiness_kit import cli
from readiness_kit.assessment import Assessment
from readiness_kit.checks import all_checks
from readiness_kit.commands import drilled
from readiness_kit.commands.report import command as report_command
from readiness_kit.commands.sign import command as sign_command
from readiness_kit.commands.verify import command as verify_command
from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError, ReadinessError, RunFolderError, Unsignable
from readiness_kit.evidence import canonical, manifest
from readiness_kit.evidence.folder import Origin
from readiness_kit.facts import Fact
from readiness_kit.facts.tls.offer import TlsOffer
from readiness_kit.notebook import open_section
from readiness_kit.records import publickeys, sshsig
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.records.wire import string
from readiness_kit.reports.html import html
from readiness_kit.reports.junit import junit
from readiness_kit.reports.material import material
from readiness_kit.reports.outputs import FORMATS
from readiness_kit.reports.sarif import sarif
from readiness_kit.signoff import machine, outlook, policy
from readiness_kit.signoff.policy import Policy
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.target_file import read_target
from readiness_kit.verdict import Cause, Status

Plain = dict[str, object]


@pytest.fixture(scope="module")
def team(tmp_path_factory) -> People:
    return people(tmp_path_factory.mktemp("keys"))


@pytest.fixture(autouse=True)
def alone(monkeypatch) -> None:
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)


def forge(run: Path, name: str, change: Callable[[Plain], object]) -> None:
    """Change the JSON file *name* of a sealed *run*, and give it a manifest that agrees."""
    plain = json.loads((run / name).read_bytes())
    change(plain)
    (run / name).write_bytes(canonical.dumps(plain))
    reseal(run)


def reseal(run: Path) -> None:
    (run / manifest.NAME).unlink(missing_ok=True)
    manifest.write(run)
    (run / "signoff" / machine.NAME).unlink(missing_ok=True)


def put(key: str, value: object) -> Callable[[Plain], object]:
    return lambda plain: plain.update({key: value})


@pytest.mark.parametrize(
    ("names", "key", "value", "words"),
    [
        (("target.redacted.json",), "environment", "production", "different targets"),
        (("target.redacted.json",), "not_applicable", [{}], "different targets"),
        (("run.json",), "environment", "production", "different targets"),
        (("run.json",), "target_name", "bank", "different targets"),
        (("run.json",), "release", "2.0 ffff", "different targets"),
        (("run.json",), "phase", "post_launch", "different targets"),
        (("run.json",), "target_sha256", "0" * 64, "different targets"),
        (("run.json",), "kit_version", "0.0.1", "different runs: kit_version"),
        (("run.json",), "started_at", "2026-11-25T00:00:00Z", "different runs: started_at"),
        (("run.json",), "surprise", 1, "no Run"),
        (("results.json",), "kit_version", "0.0.1", "different runs: kit_version"),
        (("results.json",), "started_at", "2026-11-25T00:00:00Z", "different runs: started_at"),
        (("results.json",), "finished_at", "2026-01-01T00:00:00Z", "ended before it began"),
        (("run.json", "results.json"), "started_at", "2026-11-25T00:00:00", "has no zone"),
    ],
)
def test_a_run_under_another_label(tmp_path, team, names, key, value, words):  # noqa: PLR0917
    """Staging is not production because one file says so; nor is it another kit's run."""
    run = judged_run(tmp_path)
    for name in names:
        forge(run, name, put(key, value))
    with pytest.raises(IntegrityError, match=words):
        SealedRun.open(run)
    assert team.verify(run).exit_code == 4


def call(command, *argv: object):
    return CliRunner().invoke(command, [str(one) for one in argv], standalone_mode=False)


def recent(folder: Path, **more: object) -> Path:
    now = datetime.now(UTC)
    return seal(folder, results(started_at=now - timedelta(minutes=9), finished_at=now, **more))


def signed(folder: Path, team: People, **more: object) -> Path:
    run = recent(folder, **more)
    for role in ROLES:
        team.sign(run, role, now=datetime.now(UTC))
    return run


@pytest.fixture
def lenient(tmp_path) -> policy.Pinned:
    policy.write(tmp_path / "policy.json", Policy(allow_undecided=True))
    return policy.load(tmp_path / "policy.json")


@pytest.mark.parametrize("forged", ["kit_version", "catalogue_sha256", "judges_sha256"])
def test_what_another_kit_is_said_to_have_judged_is_not_signed_unseen(
    tmp_path, team, lenient, forged
):
    """Else one word in run.json is enough, and nobody looks whether the facts say PASS at all."""
    run = judged_run(tmp_path)
    names = ("run.json", "results.json") if forged == "kit_version" else ("run.json",)
    for name in names:
        forge(run, name, put(forged, "0" * 64))
    given = {"policy": lenient, "now": None, "role": ROLES[0]}
    with pytest.raises(Unsignable, match="cannot be judged again here"):
        team.sign(run, unjudged=False, **given)
    assert not (run / "signoff" / f"{ROLES[0]}.json").exists()
    assert team.sign(run, **given).path.exists()


def test_what_is_signed_is_shown_before_the_key_is_touched(tmp_path, team, monkeypatch):
    run = recent(tmp_path / "run")
    monkeypatch.setattr(sshsig, "sign", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    argv = ("--role", ROLES[0], "--as", "ann@example.invalid", "--key", team.key(ROLES[0]))
    done = call(sign_command, run, *argv, "--unjudged")
    assert "target   shop (staging), release 1" in done.stderr
    assert "GO: 0 claims waived" in done.stderr
    assert not (run / "signoff" / f"{ROLES[0]}.json").exists()


def test_what_was_not_seen_to_hold_is_named_to_the_signer(tmp_path, team):
    """Attested, or said not to apply: it counts for GO, and nothing of it was looked at."""
    one, other = "security.tls.old_versions_refused", "security.tls.suites_strong"
    changes = {
        one: {"status": "NOT_APPLICABLE", "got": "declared by bob"},
        other: {"status": "ATTESTED"},
    }
    run = recent(tmp_path / "run", items=results(changes).items)
    argv = ("--role", ROLES[0], "--as", team.principal(ROLES[0]), "--key", team.key(ROLES[0]))
    done = call(sign_command, run, *argv, "--unjudged")
    assert f"not applicable {one}: declared by bob" in done.stderr
    assert f"attested {other}" in done.stderr
    said = json.loads((run / "signoff" / f"{ROLES[0]}.json").read_bytes())
    seen = said["predicate"]["readinessKit"]
    assert (seen["notApplicable"], seen["attested"]) == ([one], [other])


LIE = "x\x1b[2K\r\nGO: the sign-off holds until 2027-01-01 00:00Z, when all ends.\x1b[8m\u202e"


def test_a_run_does_not_draw_another_outcome_on_the_terminal(tmp_path, team, monkeypatch, capsys):
    run = recent(tmp_path / "run", run_id=LIE, complete=False, incomplete_reasons=(LIE,))
    argv = [str(run), "--allowed-signers", str(team.allowed)]
    done = call(verify_command, *argv)
    assert done.return_value == 4
    lines = done.stdout.splitlines()
    assert not any(line.startswith("GO") for line in lines)
    assert lines[-1] == "This sign-off does NOT hold."
    assert not any(hidden in done.stdout for hidden in "\x1b\r\u202e")
    (run / "run.json").write_bytes(b"{}")
    monkeypatch.setattr(
        sys,
        "argv",
        ["readiness", "sign", *argv[:1], "--role", ROLES[0], "--as", "a", "--key", argv[2]],
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 4
    reseal(run)
    forge(run, "results.json", put("run_id", "other"))
    with pytest.raises(SystemExit):
        cli.main()
    assert not any(hidden in capsys.readouterr().err for hidden in "\x1b\r\u202e")


@pytest.mark.parametrize("pin", ["--policy-sha256", "--allowed-signers-sha256"])
@pytest.mark.parametrize("value", ["", " ", "0" * 63, "sha256:" + "0" * 64])
def test_an_empty_pin_is_no_pin(tmp_path, team, pin, value):
    """A variable that nobody set must not accept every policy."""
    run = signed(tmp_path / "run", team)
    done = call(verify_command, run, "--allowed-signers", team.allowed, pin, value)
    assert "is no SHA-256" in str(done.exception)


def test_json_names_a_verdict_only_where_all_holds(tmp_path, team):
    good, bare = signed(tmp_path / "good", team), recent(tmp_path / "bare")
    for run, code, verdict in ((good, 0, "GO"), (bare, 4, None)):
        done = call(verify_command, run, "--allowed-signers", team.allowed, "--json")
        said = json.loads(done.stdout)
        assert (done.return_value, said["verdict"], said["claimed"]) == (code, verdict, "GO")
        assert said["holds"] is (code == 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: shop\nenvironment: staging\nrelease: {version: '1'}", ""),
        ("name: bank\nenvironment: staging\nrelease: {version: '1'}", "the target shop, not bank"),
        ("name: shop\nenvironment: production\nrelease: {version: '1'}", "staging, not production"),
        ("name: shop\nenvironment: staging\nrelease: {version: '2'}", "the release 1, not 2"),
        ("name: shop\nenvironment: staging", "the release 1, not none"),
    ],
)
def test_a_sign_off_of_another_deployment_is_none_of_this(tmp_path, team, text, words):
    run = signed(tmp_path / "run", team)
    (tmp_path / "readiness.yaml").write_text(f"schema: 1\n{text}\n")
    argv = (run, "--allowed-signers", team.allowed)
    assert "target   shop (staging), release 1" in call(verify_command, *argv).stdout
    done = call(verify_command, *argv, "-c", tmp_path / "readiness.yaml")
    assert done.return_value == (4 if words else 0)
    assert words in done.stdout


TLS = "security.tls.old_versions_refused"


def all_green(plain: Plain) -> None:
    """Let every claim pass, and the run with them."""
    items = plain["items"]
    assert isinstance(items, list)
    for item in items:
        item["status"] = "PASS"
        for claim in item["claims"]:
            claim |= {"status": "PASS", "cause": None}
    plain["verdict"] = "GO"


def unseal(run: Path) -> None:
    for name in (manifest.NAME, "results.json"):
        (run / name).unlink()


@pytest.mark.parametrize("sealed_again", [False, True])
@pytest.mark.parametrize("output", FORMATS)
def test_no_report_of_results_that_were_changed(tmp_path, sealed_again, output):
    run = judged_run(tmp_path)
    sums = (run / manifest.NAME).read_bytes()
    forge(run, "results.json", all_green)
    if not sealed_again:
        (run / manifest.NAME).write_bytes(sums)
    done = call(report_command, run, "-o", output)
    assert isinstance(done.exception, IntegrityError)
    assert done.stdout == ""


def test_no_notebook_shows_a_run_that_was_changed(tmp_path):
    run = judged_run(tmp_path)
    (run / "facts" / "tls_offer.json").write_bytes(b"{}")
    with pytest.raises(IntegrityError, match="has changed"):
        open_section("security", "", replay_from=str(run))
    reseal(run)
    with pytest.raises(IntegrityError, match="do not follow from the facts"):
        open_section("sign_off", "", replay_from=str(run)).show_sign_off()


def test_a_report_of_a_run_that_was_cut_short_says_so(tmp_path, capsys):
    """Also where every fact was there already, and only the end was not reached."""
    run = judged_run(tmp_path)
    unseal(run)
    assert "INCOMPLETE" in call(report_command, run).stdout
    assert 'name="complete"><error' in call(report_command, run, "-o", "junit").stdout
    open_section("sign_off", "", replay_from=str(run)).show_sign_off()
    assert "INCOMPLETE" in capsys.readouterr().out


def test_the_sign_off_notebook_of_an_incomplete_run_says_so(tmp_path, capsys):
    (tmp_path / "readiness.yaml").write_text("schema: 1\nname: shop\nenvironment: staging\n")
    run = Assessment.open(tmp_path / "readiness.yaml", tmp_path / "run")
    run.seal(run.results(complete=False, incomplete_reasons=("02_security: its kernel died",)))
    open_section("sign_off", "", replay_from=str(tmp_path / "run")).show_sign_off()
    assert "INCOMPLETE" in capsys.readouterr().out


def test_an_incomplete_run_is_not_all_green_to_a_machine():
    bad = results(complete=False, incomplete_reasons=("a kernel died",))
    assert junit(results()).count("<error") == 0
    assert junit(bad).count("<error") == 1
    for found, whole in ((results(), True), (bad, False)):
        (said,) = json.loads(sarif(found))["runs"][0]["invocations"]
        assert said["executionSuccessful"] is whole


def began(place: Path) -> Assessment:
    file = place / "readiness.yaml"
    file.write_text("schema: 1\nname: shop\nenvironment: staging\n")
    return Assessment.open(file, place / "run")


def tls_offer() -> Fact:
    good = all_checks()["security.tls"].good
    return next(lately(one) for one in good if isinstance(one, TlsOffer))


OLD = Origin(run_id="20260101T000000Z-shop-aaaaaa", sha256="0" * 64)


@pytest.mark.parametrize(
    ("age", "origin", "status", "cause"),
    [
        (timedelta(), None, Status.PASS, None),
        (timedelta(minutes=4), None, Status.PASS, None),
        (timedelta(hours=2), None, Status.UNKNOWN, Cause.STALE),
        (timedelta(days=90), None, Status.UNKNOWN, Cause.STALE),
        (timedelta(hours=2), OLD, Status.PASS, None),
        (timedelta(days=90), OLD, Status.UNKNOWN, Cause.STALE),
        (-timedelta(hours=2), None, Status.UNKNOWN, Cause.CRASHED),
        (-timedelta(hours=2), OLD, Status.UNKNOWN, Cause.CRASHED),
    ],
)
def test_a_fact_of_another_day_proves_nothing(tmp_path, age, origin, status, cause):
    """Copied into an unfinished run, kept by --resume, or dated by hand."""
    run, fact = began(tmp_path), tls_offer()
    fact = fact.replace(observed_at=datetime.now(UTC) - age)
    run.folder.write_fact(fact.fact_id(), fact, seconds=0, cost={}, origin=origin)
    found = {one.id: one for one in run.results().claims()}
    assert (found[TLS].status, found[TLS].cause) == (status, cause)


def test_a_fact_under_the_name_of_another_is_damaged(tmp_path):
    run, fact = began(tmp_path), tls_offer()
    run.folder.write_fact(fact.fact_id(), fact, seconds=0, cost={})
    path = run.folder.path / "facts" / "tls_offer.json"
    path.write_bytes(path.read_bytes().replace(b'"tls_offer"', b'"tls_off"'))
    with pytest.raises(RunFolderError, match="it holds 'tls_off'"):
        run.folder.read_stored("tls_offer")


def test_a_run_is_as_old_as_its_beginning(tmp_path, team):
    """Who writes a later end into results.json does not make the evidence younger."""
    now = datetime.now(UTC)
    run = seal(tmp_path / "run", results(started_at=now - timedelta(days=15), finished_at=now))
    with pytest.raises(Unsignable, match="began 15 days ago"):
        team.sign(run, ROLES[0], now=now)


def test_nobody_goes_on_with_a_run_of_the_day_before_yesterday(tmp_path):
    run = began(tmp_path)
    asked = json.loads((run.folder.path / "run.json").read_bytes())
    asked["started_at"] = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    (run.folder.path / "run.json").write_bytes(canonical.dumps(asked))
    with pytest.raises(RunFolderError, match="more than a day from now"):
        began(tmp_path)


@pytest.mark.parametrize(
    "value", [None, {}, {"observed_at": "x"}, {"observed_at": "2026-11-26T12:00:00"}]
)
def test_a_damaged_fact_that_is_said_to_be_taken_over_crashes_nobody(tmp_path, team, value):
    run = judged_run(tmp_path)
    origin = {"run_id": OLD.run_id, "sha256": OLD.sha256}
    forge(run, "facts/tls_offer.json", lambda plain: plain.update(value=value, origin=origin))
    found = team.verify(run, datetime.now(UTC))
    assert found.exit_code == 4
    assert "tls_offer.json is damaged" in " ".join(found.problems)


def test_what_changes_while_it_is_verified_is_not_judged(tmp_path, team, lenient, monkeypatch):
    """The manifest is checked, then somebody puts other facts there: for a moment, and back."""
    run = judged_run(tmp_path)
    for role in ROLES:
        team.sign(run, role, policy=lenient, now=datetime.now(UTC))
    honest, checked = manifest.check, []

    def check(folder: Path, **more: bool) -> manifest.Manifest:
        found = honest(folder, **more)
        checked.append(folder)
        (folder / "facts" / "tls_offer.json").write_bytes(b"{}")
        return found

    monkeypatch.setattr(manifest, "check", check)
    found = team.verify(run, datetime.now(UTC), lenient)
    assert (found.exit_code, len(checked)) == (4, 1)
    assert "facts/tls_offer.json has changed while it was being checked" in found.problems


def test_a_pipe_or_a_device_in_place_of_a_file_holds_nobody_up(tmp_path):
    run = recent(tmp_path / "run")
    path = run / "facts" / "tls_offer.json"
    path.unlink()
    os.mkfifo(path)
    for read in (lambda: manifest._digest(path), lambda: manifest._digest(Path("/dev/zero"))):
        with pytest.raises(IntegrityError, match="is no regular file"):
            read()
    path.unlink()
    path.symlink_to(run / "run.json")
    with pytest.raises(IntegrityError, match="is no readable file"):
        manifest._digest(path)


def test_a_sparse_file_holds_nobody_up(tmp_path, team):
    run = recent(tmp_path / "run")
    with (run / "facts" / "tls_offer.json").open("r+b") as file:
        file.truncate(manifest.MAX_TOTAL + 1)
    assert "holds more than" in team.verify(run).problems[0]


def test_half_a_character_crashes_nobody(tmp_path, team):
    run = judged_run(tmp_path)
    for name in ("run.json", "results.json", "facts/tls_offer.json", "target.redacted.json"):
        data = (run / name).read_bytes()
        for half in (rb"\ud800", rb"\uDFFF"):
            (run / name).write_bytes(data.replace(b'":"', b'":"' + half))
            reseal(run)
            assert team.verify(run, datetime.now(UTC)).exit_code == 4
        (run / name).write_bytes(data)


def notebook(text: str) -> bytes:
    output = {"output_type": "stream", "name": "stdout", "text": text}
    cell = {"cell_type": "code", "source": "section.show('security.tls')", "outputs": [output]}
    return json.dumps({"cells": [cell]}).encode()


def test_a_notebook_that_was_edited_and_sealed_again(tmp_path, team, lenient):
    run = began(tmp_path)
    (run.folder.path / "notebooks" / "02_security.ipynb").write_bytes(notebook("FAIL"))
    run.seal(run.results())
    path = run.folder.path
    team.sign(path, ROLES[0], policy=lenient, now=datetime.now(UTC))
    (path / "notebooks" / "02_security.ipynb").write_bytes(notebook("PASS"))
    (path / "notebooks" / "03_database.ipynb").write_bytes(notebook("PASS"))
    reseal(path)
    with pytest.raises(IntegrityError, match=r"02_security.ipynb does not show what it showed"):
        team.sign(path, ROLES[0], policy=lenient, now=datetime.now(UTC))
    problems = " ".join(team.verify(path, datetime.now(UTC), lenient).problems)
    assert "03_database.ipynb does not show" in problems
    assert call(report_command, path).stdout == ""


def tampered(run: Path) -> None:
    (run / "facts" / "tls_offer.json").write_bytes(b"{}")


@pytest.mark.parametrize(
    ("spoil", "environment", "words"),
    [
        (unseal, "staging", "holds no SHA256SUMS"),
        (tampered, "staging", "has changed"),
        (lambda run: forge(run, "results.json", all_green), "staging", "do not follow"),
        (lambda run: None, "production", "no drill of this kind of shop in production"),
        (lambda run: None, "staging", "no drill of this kind of shop in staging"),
    ],
)
def test_nobody_signs_for_a_drill_out_of_a_run_that_was_changed(
    tmp_path, spoil, environment, words
):
    run = judged_run(tmp_path)
    spoil(run)
    file = tmp_path / "here.yaml"
    file.write_text(f"schema: 1\nname: shop\nenvironment: {environment}\n")
    with pytest.raises(ReadinessError, match=words):
        drilled._measured("restore", run, read_target(file))


def test_a_folder_beside_the_run_is_nobodys_sign_off(tmp_path, team):
    """Signed by strangers, it would tell the signers that nothing has changed since."""
    (tmp_path / "strangers").mkdir()
    shutil.copy(team.allowed, tmp_path / "allowed_signers")
    policy.write(tmp_path / "policy.json", Policy(allow_undecided=True))
    file = tmp_path / "readiness.yaml"
    file.write_text(
        "schema: 1\nname: shop\nenvironment: staging\nsignoff: {allowed_signers: allowed_signers}\n"
    )
    found = []
    for name in ("old", "new"):
        run = Assessment.open(file, tmp_path / "runs" / name)
        run.seal(run.results())
        found.append(run.folder.path)
    for who, last in ((people(tmp_path / "strangers"), None), (team, found[0])):
        for role in ROLES:
            who.sign(
                found[0],
                role,
                policy=policy.load(tmp_path / "policy.json"),
                now=datetime.now(UTC),
            )
        before = outlook.last_sign_off(SealedRun.open(found[1]))
        assert (before and before.folder) == last


def blob(kind: str, *parts: bytes) -> bytes:
    return b"".join(string(part) for part in (kind.encode(), *parts))


def test_one_key_in_two_forms_is_one_key():
    raw, point, modulus = b"\x07" * 32, b"\x04" + b"\x09" * 64, b"\x00\xc1" + b"\x01" * 255
    curve = b"nistp256"
    for one, other in (
        (blob("ssh-ed25519", raw), blob("sk-ssh-ed25519@openssh.com", raw, b"ssh:")),
        (
            blob("sk-ssh-ed25519@openssh.com", raw, b"ssh:a"),
            blob("sk-ssh-ed25519@openssh.com", raw, b"ssh:b"),
        ),
        (
            blob("ecdsa-sha2-nistp256", curve, point),
            blob("sk-ecdsa-sha2-nistp256@openssh.com", curve, point, b"ssh:"),
        ),
        (blob("ssh-rsa", b"\x03", modulus), blob("ssh-rsa", b"\x01\x00\x01", modulus)),
    ):
        assert one != other
        assert publickeys.material(one) == publickeys.material(other)
    assert publickeys.material(blob("ssh-ed25519", raw)) != publickeys.material(
        blob("ssh-ed25519", b"\x08" * 32)
    )


def test_a_time_that_is_not_said_limits_nobody_and_is_refused(team):
    line = team.allowed.read_text().splitlines()[0]
    for option in ("valid-after", 'valid-after=""', "valid-before", 'valid-before=""'):
        with pytest.raises(IntegrityError, match="is not understood"):
            AllowedSigners.parse(line.replace(" namespaces=", f" {option},namespaces=").encode())


def test_a_record_that_no_run_may_hold_is_refused_before_the_run(tmp_path):
    (tmp_path / "waivers").mkdir()
    (tmp_path / "waivers" / "a copy (1).json").write_bytes(b"{}")
    file = tmp_path / "readiness.yaml"
    file.write_text("schema: 1\nname: shop\nenvironment: staging\nwaivers: waivers/\n")
    with pytest.raises(IntegrityError, match="unsafe name"):
        Assessment.open(file, tmp_path / "run")


def test_a_report_that_was_edited_and_sealed_again(tmp_path, team):
    """What the signers look at is made again from the facts, and must be the same to the byte."""
    policy.write(tmp_path / "policy.json", Policy(allow_undecided=True))
    run, fact = began(tmp_path), tls_offer()
    run.folder.write_fact(fact.fact_id(), fact, seconds=0, cost={})
    found = run.results()
    run.folder.write("report.html", html(*material(run, found)).encode())
    run.seal(found)
    path = run.folder.path
    argv = (path, "--role", ROLES[0], "--as", team.principal(ROLES[0]), "--key", team.key(ROLES[0]))
    argv = (*argv, "--policy", tmp_path / "policy.json")
    assert call(sign_command, *argv).exception is None
    text = (path / "report.html").read_text()
    assert "UNDECIDED" in text
    (path / "report.html").write_text(text.replace("UNDECIDED", "GO"))
    reseal(path)
    assert "is not the report of these" in str(call(sign_command, *argv).exception)
    done = call(verify_command, path, "--allowed-signers", team.allowed)
    assert "REFUSED  report.html is not the report of these results and facts" in done.stdout
