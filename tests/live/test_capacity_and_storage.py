"""Capacity plan, storage and autoscaling, judged on a real deployment."""

import pytest

from readiness_kit.assessment import Assessment
from readiness_kit.contents import claims
from readiness_kit.probes.storage.sync_speed import sync_speed
from readiness_kit.probes.storage.volumes import service_volumes
from readiness_kit.sandbox.lifecycle import running
from readiness_kit.sources import Pacer, Visit
from readiness_kit.target_file import load_target

pytestmark = pytest.mark.live

ITEMS = ("pre_deployment.capacity_plan", "infrastructure.storage", "infrastructure.autoscaling")


@pytest.fixture(scope="module")
def sandbox():
    with running(variant="hardened") as found:
        yield found


@pytest.fixture
def ask(sandbox):
    def look(source):
        return source.gather(
            Visit(
                target=load_target(sandbox.target_file),
                run_id="run-1234",
                fact_id="test",
                deadline_s=source.deadline_s,
                pacer=Pacer(100_000),
            )
        )

    return look


def test_the_sandbox_shows_what_the_catalogue_says(sandbox, tmp_path):
    run = Assessment.open(sandbox.target_file, tmp_path / "run", only=ITEMS)
    run.gather()
    results = run.results()
    seen = {claim.id: claim for item in results.items if item.id in ITEMS for claim in item.claims}
    words = {"pass": "PASS", "unknown": "UNKNOWN", "not_applicable": "NOT_APPLICABLE"}
    for claim_id, claim in seen.items():
        want = words.get(claims()[claim_id].sandbox)
        assert want in (None, claim.status.value), (claim_id, claim.got)
    assert seen["pre_deployment.capacity_plan.db_size"].waived
    assert seen["infrastructure.storage.fsync_fast"].cause == "not_allowed"


def test_volumes_are_those_of_the_running_database(ask):
    fact = ask(service_volumes)
    assert fact.unseen == {}
    assert fact.holding("data").used_bytes > 0
    held = {what for one in fact.volumes for what in one.holds}
    assert held == {"data", "wal", "logs", "backups", "wal_archive"}
    assert fact.wal_archive.size_bytes > 0


def test_synced_writes_are_timed_and_the_file_goes(sandbox, ask):
    fact = ask(sync_speed)
    assert fact.same_volume
    assert fact.in_use == "fdatasync"
    assert fact.mean_ms() > 0
    assert list(load_target(sandbox.target_file).database.scratch.iterdir()) == []
