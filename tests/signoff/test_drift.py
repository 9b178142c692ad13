"""What was signed stands until it is seen to fall: by its own claims, or with its deployment."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sealing import results
from twodeployments import World

from readiness_kit.commands import drift as command
from readiness_kit.contents import ROLES, claims
from readiness_kit.errors import IntegrityError, ReadinessError, UsageError
from readiness_kit.signoff import bundle
from readiness_kit.signoff.drift import drift
from readiness_kit.verdict import Cause, Status

TLS = "security.tls.old_versions_refused"
LOAD = "performance.load_test.peak"
OWNER = claims()[TLS].owner
PASS, WARN = {"status": Status.PASS}, {"status": Status.WARN}
FAIL, LOST = {"status": Status.FAIL}, {"status": Status.UNKNOWN, "cause": Cause.COULD_NOT_ASK}
NOT_ASKED = {"status": Status.UNKNOWN, "cause": Cause.NOT_ALLOWED}
WAIVED = {"waived": True}

TABLE = [
    # as signed, as it is now, what became of it
    (PASS, PASS, None),
    (PASS, WARN, None),
    (PASS, FAIL, "fallen"),
    (PASS, LOST, "unseen"),
    (PASS, NOT_ASKED, None),
    (WARN, FAIL, "fallen"),
    (FAIL | WAIVED, FAIL | WAIVED, None),
    (FAIL | WAIVED, FAIL, "fallen"),
    (FAIL | WAIVED, PASS, None),
    (LOST, FAIL, "fallen"),
    (LOST, LOST, None),
    (LOST | WAIVED, LOST, "unseen"),
    (PASS, FAIL | WAIVED, None),
]


@pytest.mark.parametrize(("signed", "now", "standing"), TABLE)
def test_one_claim(signed, now, standing):
    found = drift(results({TLS: signed}), results({TLS: now}), {})
    assert [(one.claim, one.standing) for one in found.gone] == (
        [(TLS, standing)] if standing else []
    )
    assert found.exit_code == {None: 0, "fallen": 1, "unseen": 3}[standing]
    fell = {role.role for role in found.roles if not role.stands}
    assert fell == ({OWNER} if standing == "fallen" else set())
    assert found.not_asked == (now is NOT_ASKED)


@pytest.mark.parametrize(
    ("parts", "code", "all_fall"),
    [
        ({"release": "1.2 4f2c", "schema_sha256": "aa"}, 0, False),
        ({"release": "1.3 ab99", "schema_sha256": "aa"}, 1, True),
        ({"release": "1.2 4f2c", "schema_sha256": "bb"}, 1, True),
        ({"release": "1.2 4f2c"}, 3, False),
        ({}, 3, False),
    ],
)
def test_the_deployment(parts, code, all_fall):
    """Another deployment voids what was not seen of it; what cannot be seen proves nothing."""
    signed = results(identity={"release": "1.2 4f2c", "schema_sha256": "aa"})
    found = drift(signed, results({LOAD: NOT_ASKED}, identity=parts), {})
    assert found.exit_code == code
    assert [one.stands for one in found.roles] == [not all_fall] * 4
    assert [one.claim for one in found.gone] == ([LOAD] if all_fall else [])


def test_another_deployment_is_another_though_every_claim_was_seen_again():
    signed = results({LOAD: LOST}, identity={"release": "1.2 4f2c"})
    now = results({LOAD: NOT_ASKED}, identity={"release": "1.3 ab99"})
    found = drift(signed, now, {})
    assert (found.exit_code, found.gone) == (1, ()), "what was not seen then cannot fall"
    assert [one.stands for one in found.roles] == [False] * 4


def test_what_was_not_due_when_it_was_signed_is_no_part_of_it():
    late = next(one.id for one in claims().values() if one.phase == "post_launch")
    found = drift(results(), results({late: FAIL}), {})
    assert (found.exit_code, found.gone) == (0, ())


def test_what_this_kit_no_longer_asks_fell():
    now = results()
    kept = tuple(item for item in now.items if item.id != "security.tls")
    found = drift(results(), results(items=kept), {})
    assert {one.item for one in found.gone} == {"security.tls"}


def test_a_signature_that_is_missing_or_broken_does_not_stand():
    found = drift(results(), results(), {ROLES[0]: "has not signed"})
    assert (found.roles[0].stands, found.roles[1].stands, found.exit_code) == (False, True, 4)
    assert drift(results(), results(), {}, ("x: y",)).exit_code == 4


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def called(run: Path, target: Path, *more: str) -> tuple[int, str]:
    done = CliRunner().invoke(
        command.command, [str(run), "-c", str(target), *more], standalone_mode=False
    )
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.stdout


def test_a_signed_run_stands_and_is_left_alone(world, tmp_path):
    run = world.staging()
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    code, text = called(run, tmp_path / "staging.yaml")
    assert code == 0, text
    assert text.count("stands ") == 4
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before
    archive = bundle.write(run, tmp_path / "run.tar")
    assert called(archive, tmp_path / "staging.yaml") == (code, text)


def test_another_release_voids_the_load_test(world, tmp_path):
    run = world.staging()
    world.commit = "ab99"
    code, text = called(run, world.describe("staging", commit="ab99"), "--json")
    assert code == 1
    found = json.loads(text)
    assert [one["claim"] for one in found["gone"]] == [TLS]
    assert found["identity"][0] == {"part": "release", "signed": "1.2 4f2c", "now": "1.2 ab99"}
    assert not any(one["stands"] for one in found["roles"])


def test_a_signature_is_missing(world, tmp_path):
    run = world.staging(roles=ROLES[:3])
    code, text = called(run, tmp_path / "staging.yaml")
    assert code == 4, "what three have signed is no sign-off"
    assert text.count("has not signed") == 1


def test_a_signature_does_not_hold(world, tmp_path):
    run = world.staging()
    for suffix in ("json", "json.sig"):
        record = run / "signoff" / f"{ROLES[0]}.{suffix}"
        (run / "signoff" / f"{ROLES[1]}.{suffix}").write_bytes(record.read_bytes())
    code, text = called(run, tmp_path / "staging.yaml")
    assert code == 4
    assert "BROKEN" in text


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda world, run: world.describe("production"), UsageError),
        (lambda world, run: (run / "results.json").write_bytes(b"{}"), IntegrityError),
        (lambda world, run: (run / "SHA256SUMS").unlink(), IntegrityError),
    ],
)
def test_bad_input_asks_nothing(world, tmp_path, spoil, error):
    run = world.staging()
    target = spoil(world, run)
    world.looks = 0
    with pytest.raises(ReadinessError) as raised:
        called(run, target if isinstance(target, Path) else tmp_path / "staging.yaml")
    assert isinstance(raised.value, error)
    assert world.looks == 0
