"""Facts are taken over while they are fresh, of the same deployment, and say where from."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sealing import ENDED, people, results, seal

from readiness_kit import assessment as rooms
from readiness_kit import judgement
from readiness_kit.assessment import Assessment
from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError, NotSeen, Unsignable, UsageError
from readiness_kit.evidence import canonical, manifest
from readiness_kit.facts import Fact
from readiness_kit.facts.callers.identity import Identity
from readiness_kit.results import ClaimResult, Results, Reused
from readiness_kit.sources import Visit, source
from readiness_kit.verdict import Cause, Check, Finding, Status, holds, judges

TARGET = "schema: 1\nname: {name}\nenvironment: staging\n"
RELEASE = "release: {version: '1.2', commit: 4f2c}\n"
HALF_LIFE = timedelta(days=1)
"""Of ``security.tls.old_versions_refused``."""


class Door(Fact, frozen=True, kw_only=True):
    """A fact of these tests."""


@judges("old_versions_refused")
def rule(door: Door) -> Iterator[Finding]:
    yield holds("old_versions_refused", got="x", want="y", seen=[door.at()])


class World:
    """A deployment with a system identifier, and one check on one fact that takes a drill."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.looks = folder, 0
        self.identifier: str | None = "75"
        self.seen_at = datetime.now(UTC)
        self.absent = False
        found = {Door: self._door(), Identity: self._identity()}
        check = Check((rule,), remedy="", references=(), good=())
        for room in (rooms, judgement):
            patch.setattr(room, "all_checks", lambda: {"security.tls": check})
        patch.setattr(rooms, "all_sources", lambda: found)

    def _door(self):
        @source(effect="load", asks="a")
        def look(visit: Visit) -> Door:
            self.looks += 1
            if self.absent:
                raise NotSeen("gone")
            return Door(observed_at=self.seen_at)

        return look

    def _identity(self):
        @source(effect="read", asks="a")
        def look(visit: Visit) -> Identity:
            return Identity(
                observed_at=datetime.now(UTC),
                release="1.2 4f2c",
                public_keys=(),
                system_identifier=self.identifier,
                schema_sha256=None,
                versions=(),
                unseen={},
            )

        return look

    def begin(self, name, *, text=RELEASE, target="shop", **options) -> Assessment:
        file = self.folder / "readiness.yaml"
        file.write_text(TARGET.format(name=target) + text)
        run = Assessment.open(file, self.folder / name, **options)
        run.gather()
        return run

    def sealed(self, name="old", **options) -> Path:
        run = self.begin(name, **{"allow": ("load",), **options})
        run.seal(run.results())
        return run.folder.path


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def claim(run: Assessment) -> ClaimResult:
    found = run.results().item("security.tls").claims[0]
    assert found.id == "security.tls.old_versions_refused"
    return found


def test_the_catalogue_says_for_how_long(world):
    assert judgement.half_lives() == {Door: HALF_LIFE.days}


def test_a_fresh_fact_is_taken_over_and_says_so(world):
    world.seen_at -= timedelta(hours=12)
    old = world.sealed()
    run = world.begin("new", reuse_from=old)
    assert world.looks == 1
    found = run.results()
    (reused,) = found.reused
    assert (reused.fact, reused.run_id) == (
        "door",
        Assessment.open(None, replay_from=old).folder.run_id,
    )
    assert reused.age_days == pytest.approx(0.5, abs=0.01)
    assert found.evidence_since == world.seen_at < found.finished_at
    assert claim(run).status is Status.PASS
    assert claim(run).evidence[0].reused_from == reused.run_id
    assert found.cost.get("http_requests", 0) == 0
    assert run.folder.run.reuses is not None
    run.seal(found)
    assert judgement.rejudged(run.folder.path, found) == []


def test_what_is_taken_over_twice_names_where_it_was_seen(world):
    old = world.sealed()
    world.sealed("middle", reuse_from=old, allow=())
    run = world.begin("new", reuse_from=world.folder / "middle")
    assert run.results().reused[0].run_id == Assessment.open(None, replay_from=old).folder.run_id


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (HALF_LIFE - timedelta(seconds=60), (Status.PASS, None)),
        (HALF_LIFE + timedelta(seconds=1), (Status.UNKNOWN, Cause.STALE)),
        (timedelta(days=-1), (Status.UNKNOWN, Cause.NOT_ALLOWED)),  # a clock that was off
    ],
)
def test_what_is_not_fresh_is_stale(world, age, status):
    world.seen_at -= age
    run = world.begin("new", reuse_from=world.sealed())
    assert (claim(run).status, claim(run).cause) == status


def test_what_is_stale_is_gathered_where_that_is_allowed(world):
    world.seen_at -= HALF_LIFE * 2
    old = world.sealed()
    world.seen_at = datetime.now(UTC)
    run = world.begin("new", reuse_from=old, allow=("load",))
    assert world.looks == 2
    assert claim(run).status is Status.PASS
    assert run.results().reused == ()


def test_what_was_not_seen_is_not_taken_over(world):
    world.absent = True
    old = world.sealed()
    run = world.begin("new", reuse_from=old)
    assert claim(run).cause is Cause.NOT_ALLOWED


@pytest.mark.parametrize("now", ["76", None])
def test_another_deployment_or_a_dead_one_voids_all(world, now, caplog):
    old = world.sealed()
    world.identifier = now
    run = world.begin("new", reuse_from=old)
    assert run.results().reused == ()
    assert claim(run).cause is Cause.NOT_ALLOWED
    assert "nothing of" in caplog.text


def test_a_declared_release_alone_identifies_nothing(world):
    world.identifier = None
    run = world.begin("new", reuse_from=world.sealed())
    assert run.results().reused == ()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"text": ""}, "declares no release"),
        ({"text": "release: {version: '1.3', commit: 4f2c}\n"}, "saw release 1.2 4f2c"),
        ({"text": RELEASE + "phase: post_launch\n"}, "has changed since"),
        ({"target": "cart"}, "it is of shop"),
    ],
)
def test_another_release_or_target_is_refused_before_a_run_begins(world, options, word):
    old = world.sealed()
    with pytest.raises(UsageError, match=word):
        world.begin("new", reuse_from=old, **options)
    assert not (world.folder / "new").exists()


def test_what_is_not_sealed_or_no_run_is_refused(world):
    unsealed = world.begin("old").folder.path
    with pytest.raises(UsageError, match="not finished"):
        world.begin("new", reuse_from=unsealed)
    with pytest.raises(UsageError, match="nothing to reuse"):
        world.begin("new", reuse_from=world.folder / "absent")


def test_a_changed_run_is_refused(world):
    old = world.sealed()
    file = old / "facts" / "door.json"
    file.write_bytes(file.read_bytes().replace(b"2026", b"2027"))
    with pytest.raises(IntegrityError, match="has changed"):
        world.begin("new", reuse_from=old)


def test_facts_of_another_version_are_refused(world):
    old = world.sealed()
    asked = json.loads((old / "run.json").read_bytes()) | {"kit_version": "0.0.1"}
    (old / "run.json").write_bytes(canonical.dumps(asked))
    (old / "SHA256SUMS").unlink()
    manifest.write(old)
    with pytest.raises(UsageError, match=r"version 0\.0\.1"):
        world.begin("new", reuse_from=old)


@pytest.mark.parametrize(("days", "signable"), [(13, True), (15, False)])
def test_reused_evidence_is_not_younger_for_being_reused(tmp_path, days, signable):
    old = Reused(fact="x", run_id="r", observed_at=ENDED - timedelta(days=days), age_days=days)
    run = seal(tmp_path / "run", results(reused=(old,)))
    signers = people(tmp_path)
    if signable:
        signers.sign(run, "security_lead")
    else:
        with pytest.raises(Unsignable, match="oldest evidence was seen 15 days ago"):
            signers.sign(run, "security_lead")


def test_evidence_that_was_too_old_when_it_was_signed_does_not_verify(tmp_path, monkeypatch):
    old = Reused(fact="x", run_id="r", observed_at=ENDED - timedelta(days=15), age_days=15)
    run = seal(tmp_path / "run", results(reused=(old,)))
    signers = people(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Results, "evidence_since", property(lambda found: found.finished_at))
        for role in ROLES:
            signers.sign(run, role)
        assert signers.verify(run).problems == ()
    assert len(signers.verify(run).problems) == len(ROLES)
