"""The probes of PostgreSQL, the cache and the backups against a real deployment."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from readiness_kit.assessment import Assessment
from readiness_kit.checks import all_checks
from readiness_kit.contents import claims
from readiness_kit.probes.identity import identity
from readiness_kit.sandbox.lifecycle import running
from readiness_kit.sources import Pacer, Visit
from readiness_kit.target_file import load_target

pytestmark = pytest.mark.live

ITEMS = (
    "pre_deployment.sizing",
    "database.parameters",
    "database.pooling",
    "database.replication",
    "database.backup_strategy",
    "security.encryption_in_transit",
    "disaster_recovery.objectives",
)


def statuses(sandbox, folder):
    run = Assessment.open(sandbox.target_file, folder, only=ITEMS)
    run.gather()
    return {
        claim.id: claim.status.value
        for item in run.results().items
        if item.id in ITEMS
        for claim in item.claims
        if claim.effect == "read"
    }


@pytest.fixture(scope="module")
def hardened():
    with running(variant="hardened") as sandbox:
        yield sandbox


@pytest.fixture
def administrator(hardened):
    target = load_target(hardened.target_file)
    password = (hardened.directory / "secrets" / "superuser_password").read_text()
    login = {"user": "postgres", "password": password}
    dsn = make_conninfo(**{**conninfo_to_dict(target.database.dsn.reveal()), **login})
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def test_the_hardened_sandbox_shows_what_the_catalogue_says(hardened, tmp_path):
    found = statuses(hardened, tmp_path / "run")
    catalogue = claims()
    assert set(found) == {
        one for one in catalogue if catalogue[one].item in ITEMS and catalogue[one].effect == "read"
    }
    for claim, status in found.items():
        want = {"pass": {"PASS"}, "warn": {"WARN"}}.get(
            catalogue[claim].sandbox, {"PASS", "WARN", "FAIL"}
        )
        assert status in want, claim


def test_without_its_grants_the_probe_passes_nothing_it_cannot_see(
    hardened, administrator, tmp_path
):
    administrator.execute("REVOKE pg_monitor FROM readiness_probe")
    administrator.execute("REVOKE SELECT ON pg_hba_file_rules FROM readiness_probe")
    try:
        found = statuses(hardened, tmp_path / "run")
    finally:
        administrator.execute("GRANT pg_monitor TO readiness_probe")
        administrator.execute("GRANT SELECT ON pg_hba_file_rules TO readiness_probe")
    for claim in (
        "database.parameters.max_connections",
        "database.pooling.pool_used",
        "database.replication.lag",
        "disaster_recovery.objectives.rpo_continuous",
        "security.encryption_in_transit.database_plaintext_refused",
    ):
        assert found[claim] == "UNKNOWN", claim
    assert found["database.parameters.durability_on"] == "PASS"


def test_an_idle_slot_is_found(hardened, administrator, tmp_path):
    administrator.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
    try:
        found = statuses(hardened, tmp_path / "run")
    finally:
        administrator.execute("SELECT pg_drop_replication_slot('forgotten')")
    assert found["database.replication.slots_healthy"] == "FAIL"


def test_the_stock_sandbox_is_found_wanting(tmp_path):
    with running(variant="stock") as sandbox:
        found = statuses(sandbox, tmp_path / "run")
    for claim in (
        "security.encryption_in_transit.database_plaintext_refused",
        "security.encryption_in_transit.database_server_verified",
        "security.encryption_in_transit.redis_plaintext_refused",
        "database.replication.streaming",
        "database.parameters.random_page_cost",
        "disaster_recovery.objectives.rpo_continuous",
    ):
        assert found[claim] == "FAIL", claim


def test_every_item_here_has_a_judge():
    assert set(ITEMS) <= set(all_checks())


def test_the_deployment_identifies_itself(hardened, administrator):
    asked = Visit(load_target(hardened.target_file), "run", "identity", 15.0, Pacer(1000))
    found = identity.gather(asked)
    (known,) = administrator.execute(
        "SELECT system_identifier::text FROM pg_control_system()"
    ).fetchone()
    assert found.system_identifier == known
    assert {len(one.sha256) for one in found.public_keys} == {64}
    assert found.release
    assert found.unseen.keys() <= {"schema", "version"}
