"""Staging lends what production forbids: signed, of the same commit, and checked by everybody."""

import dataclasses
import shutil
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sealing import people
from twodeployments import HALF_LIFE, LENT, World

from readiness_kit import __version__, judgement
from readiness_kit.assessment import Assessment
from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError, ReadinessError, UsageError
from readiness_kit.evidence import canonical, chain, manifest
from readiness_kit.records import sshsig
from readiness_kit.results import Difference
from readiness_kit.signoff import lent, policy
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.verdict import Cause, Status, Verdict


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)
    return World(tmp_path, monkeypatch)


def claim(run: Assessment):
    return run.results().item("security.tls").claims[0]


def test_a_signed_run_on_staging_lends_and_the_differences_are_named(world):
    lender = world.staging()
    run = world.production(peak=120)
    assert world.visits == 0
    assert claim(run).status is Status.PASS
    found = run.results()
    (one,) = found.borrowed
    assert (one.environment, one.facts) == ("staging", ("carried",))
    assert one.run.manifest_sha256 == manifest.check(lender).sha256
    assert claim(run).evidence[0].reused_from == one.run.run_id
    assert one.differences == (
        Difference(trait="objectives.peak_rps", lender="20.0", here="120.0"),
        Difference(trait="cores", lender="2", here="4"),
    )
    assert found.evidence_since == world.seen_at


def test_what_was_borrowed_is_signed_and_verified_without_the_lender(world):
    run = world.sealed()
    shutil.rmtree(world.folder / "staging")
    found = world.verify(run)
    assert (found.problems, found.exit_code, len(found.borrowed_from)) == ((), 3, 1)


def test_nothing_is_borrowed_where_the_run_may_do_it_itself(world):
    world.staging()
    file = world.describe("staging", LENT)
    run = Assessment.open(file, world.folder / "again", allow=("load",))
    run.gather()
    assert (world.visits, run.results().borrowed) == (2, ())


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (HALF_LIFE - timedelta(minutes=1), (Status.PASS, None)),
        (HALF_LIFE + timedelta(minutes=1), (Status.UNKNOWN, Cause.STALE)),
        (-timedelta(hours=1), (Status.UNKNOWN, Cause.STALE)),
    ],
)
def test_what_was_seen_long_ago_is_stale(world, age, status):
    world.seen_at -= age
    world.staging()
    found = claim(world.production())
    assert (found.status, found.cause) == status


def test_the_first_lender_that_has_it_lends_it(world):
    """One that was not allowed to load has nothing to lend, and stands in nobody's way."""
    first = Assessment.open(world.describe("staging"), world.folder / "first")
    first.gather()
    first.seal(first.results())
    for role in ROLES:
        world.sign(first.folder.path, role)
    world.staging()
    both = LENT.replace("[{run", "[{run: first, for: [load]}, {run")
    run = world.production(both)
    assert claim(run).status is Status.PASS
    assert len(list((run.folder.path / "borrowed").iterdir())) == 2


def test_an_effect_that_is_not_lent_stays_not_allowed(world):
    world.staging()
    found = claim(world.production("evidence_from: [{run: staging, for: [drill]}]\n"))
    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_ALLOWED)


def unsigned(world: World) -> None:
    world.staging(roles=ROLES[:3])


def other_commit(world: World) -> None:
    world.staging(commit="ab12")


def not_staging(world: World) -> None:
    world.staging(environment="development")


def changed_after_signing(world: World) -> None:
    (world.staging() / "facts" / "carried.json").write_bytes(b"{}")


def another_service(world: World) -> None:
    """In one repository, two services are of one commit."""
    file = world.describe("staging")
    file.write_text(file.read_text().replace("name: shop", "name: bank"))
    run = Assessment.open(file, world.folder / "staging", allow=("load",))
    run.gather()
    run.seal(run.results())
    world.visits = 0
    for role in ROLES:
        world.sign(run.folder.path, role)


def not_there(world: World) -> None:
    (world.folder / "staging.yaml").touch()


def one_key_for_two(world: World) -> None:
    run = world.staging()
    for suffix in ("json", "json.sig"):
        shutil.copy(run / f"signoff/{ROLES[0]}.{suffix}", run / f"signoff/{ROLES[1]}.{suffix}")


def no_commit_anywhere(world: World) -> None:
    """Two deployments of which nobody says what runs there are not the same for that."""
    world.staging(commit="''")
    describe = world.describe
    world.describe = lambda *args, **said: describe(*args, **{**said, "commit": "''"})


def lender_without_commit(world: World) -> None:
    world.staging(commit="''")


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (unsigned, IntegrityError, "has not signed"),
        (no_commit_anywhere, UsageError, "declares no release.commit"),
        (lender_without_commit, UsageError, "the commit of nobody knows what"),
        (other_commit, UsageError, "it saw the commit ab12, this is 4f2c"),
        (not_staging, UsageError, "it assessed development, not staging"),
        (another_service, UsageError, "it assessed bank, this is shop"),
        (changed_after_signing, IntegrityError, "carried.json has changed"),
        (not_there, UsageError, "is no run folder"),
        (one_key_for_two, IntegrityError, "does not hold"),
    ],
)
def test_what_cannot_lend_ends_the_run_before_it_asks_anything(world, spoil, error, words):
    spoil(world)
    with pytest.raises(error, match=words):
        world.production()
    assert world.visits == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("evidence_from: [{run: staging, for: []}]\n", "for"),
        ("evidence_from: [{run: staging, for: [canary]}]\n", "canary"),
        ("evidence_from: [{run: staging}]\n", "for"),
    ],
)
def test_a_malformed_declaration_is_refused(world, text, words):
    with pytest.raises(ReadinessError, match=words):
        world.production(text)


def test_without_signers_nobody_can_lend(world):
    world.staging()
    file = world.describe("production", LENT)
    file.write_text(file.read_text().replace("signoff:", "limits: {}\n#"))
    with pytest.raises(UsageError, match="signatures count"):
        Assessment.open(file, world.folder / "production")


def reseal(run: Path) -> None:
    """Give *run* a manifest that agrees with what it holds now, as an insider might."""
    (run / manifest.NAME).unlink()
    manifest.write(run)


def drop_copy(run: Path, copy: Path) -> None:
    shutil.rmtree(copy)


def forge_lent_fact(run: Path, copy: Path) -> None:
    for file in (run, copy):
        path = file / "facts" / "carried.json"
        path.write_bytes(path.read_bytes().replace(b"20", b"21", 1))


def forge_fact_here(run: Path, copy: Path) -> None:
    path = run / "facts" / "carried.json"
    stored = canonical.loads(path.read_bytes())
    stored["value"]["observed_at"] = "2026-01-01T00:00:00Z"
    path.write_bytes(canonical.dumps(stored))


def other_origin(run: Path, copy: Path) -> None:
    path = run / "facts" / "carried.json"
    stored = canonical.loads(path.read_bytes())
    stored["origin"]["sha256"] = "0" * 64
    path.write_bytes(canonical.dumps(stored))


def other_results(run: Path, copy: Path) -> None:
    path = copy / "results.json"
    path.write_bytes(path.read_bytes().replace(b"staging", b"sandbox"))


def lost_signature(run: Path, copy: Path) -> None:
    (copy / "signoff" / f"{ROLES[2]}.json.sig").unlink()


def weaker_policy(run: Path, copy: Path) -> None:
    weak = canonical.loads((copy / "signoff" / "policy.json").read_bytes())
    weak["roles"] = ["security_lead"]
    (copy / "signoff" / "policy.json").write_bytes(canonical.dumps(weak))


def other_release(run: Path, copy: Path) -> None:
    path = run / "target.redacted.json"
    path.write_bytes(path.read_bytes().replace(b"4f2c", b"ab12"))


def other_policy(run: Path, copy: Path) -> None:
    policy.write(copy / "signoff" / "policy.json", policy.Policy(evidence_days=3))


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (drop_copy, "is not kept"),
        (forge_lent_fact, "has changed"),
        (forge_fact_here, "carried is not what"),
        (other_origin, "carried is not what"),
        (other_results, "has changed"),
        (lost_signature, "is missing"),
        (other_release, "of different targets: digest"),
        (weaker_policy, "asks for the roles"),
        (other_policy, "under another policy"),
    ],
)
def test_a_copy_that_was_tampered_with_is_refused_even_under_a_new_manifest(world, tamper, words):
    run = world.sealed()
    (copy,) = (run / "borrowed").iterdir()
    tamper(run, copy)
    reseal(run)
    found = world.verify(run)
    assert found.exit_code == 4
    assert any(words in problem for problem in found.problems), found.problems


def otherwise(run: SealedRun, **changes: object) -> SealedRun:
    return dataclasses.replace(run, results=msgspec.structs.replace(run.results, **changes))


def test_what_is_said_to_be_borrowed_must_have_been_taken_over_from_there(world):
    """Whatever judged it, and where nothing judges it again."""
    run = SealedRun.open(world.sealed())
    signers = world.people.signers
    assert list(lent.problems(run, signers)) == []
    (taken,) = run.results.reused
    stranger = msgspec.structs.replace(taken, run_id="another")
    for reused in ((), (stranger,)):
        found = list(lent.problems(otherwise(run, reused=reused), signers))
        assert [one.partition(" is said")[0] for one in found] == ["carried"]


@pytest.mark.parametrize(
    ("shift", "words"),
    [(-timedelta(hours=1), "signed in the future"), (timedelta(days=31), "expired")],
)
def test_the_lender_must_have_been_signed_when_the_run_began(world, shift, words):
    run = SealedRun.open(world.sealed())
    moved = otherwise(run, started_at=run.results.started_at + shift)
    (problem,) = lent.problems(moved, world.people.signers)
    assert words in problem


@pytest.mark.parametrize("own", [True, False])
def test_a_lender_may_have_been_signed_under_a_policy_of_its_own(world, own):
    world.staging()
    more = LENT.replace("staging,", "staging, policy: policy.json,") if own else LENT
    file = world.describe("production", more)
    file.write_text(file.read_text().replace(", policy: policy.json}\n", "}\n", 1))
    if own:
        assert Assessment.open(file, world.folder / "production").folder.path.is_dir()
        return
    with pytest.raises(IntegrityError, match="does not hold"):
        Assessment.open(file, world.folder / "production")


def test_another_kit_lends_nothing(world):
    run = SealedRun.open(world.staging())
    assert lent.unfit(run, "shop", "4f2c", __version__) == ""
    other = otherwise(run, kit_version="0.0.1")
    assert "made by version 0.0.1" in lent.unfit(other, "shop", "4f2c", __version__)


def test_who_verifies_with_a_later_kit_accepts_what_was_lent(world):
    """Both runs are of one version; that it is not the verifier's is no fault of theirs."""
    run = SealedRun.open(world.sealed())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("readiness_kit.__version__", "9.9")
        assert list(lent.problems(run, world.people.signers)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"verdict": Verdict.NO_GO}, "the verdict is NO-GO"), ({"complete": False}, "is incomplete")],
)
def test_what_nobody_may_sign_lends_nothing(world, changes, words):
    """Even where four people signed it with a tool of their own."""
    run = SealedRun.open(world.sealed())
    (path,) = (run.folder / "borrowed").iterdir()
    copy = otherwise(SealedRun.open(path, partial=True), **changes)
    with pytest.raises(IntegrityError, match=words):
        lent._demand_lent(copy, run, world.people.signers, world.policy)


def test_signers_that_did_not_sign_the_lender_do_not_vouch_for_it(world, tmp_path):
    run = world.sealed()
    (tmp_path / "strangers").mkdir()
    found = world.verify(run, people(tmp_path / "strangers").signers)
    assert any(problem.startswith("borrowed/") for problem in found.problems)


def test_a_borrowing_run_replays_to_the_same_results(world):
    run = world.sealed()
    stored = chain.sealed_results(run)
    assert stored.borrowed
    assert judgement.rejudged(run, stored) == []
