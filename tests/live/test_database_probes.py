"""The probes of PostgreSQL, the cache and the backups against a real deployment."""

import contextlib
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from readiness_kit.assessment import Assessment
from readiness_kit.checks import all_checks
from readiness_kit.contents import claims
from readiness_kit.errors import NotSeen
from readiness_kit.probes.callers.identity import identity
from readiness_kit.probes.database.plans import Planner
from readiness_kit.probes.database.queries import hot_statements
from readiness_kit.probes.database.session import parameters, session
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


@pytest.mark.parametrize(
    ("server", "rule"),
    [
        ("standby_1", "host all postgres 192.0.2.0/24 scram-sha-256"),
        ("primary", "host replication replicator 192.0.2.0/24 scram-sha-256"),
        ("primary", "hostnogssenc all app 192.0.2.0/24 scram-sha-256"),
    ],
)
def test_plaintext_is_found_whoever_is_let_in_and_wherever(hardened, tmp_path, server, rule):
    file = hardened.directory / "servers" / "postgres" / server / "pg_hba.conf"
    kept = file.read_text()
    file.write_text(f"{rule}\n{kept}" if " all " in rule else f"{kept}{rule}\n")
    try:
        found = statuses(hardened, tmp_path / "run")
    finally:
        file.write_text(kept)
    assert found["security.encryption_in_transit.database_plaintext_refused"] == "FAIL"


def test_an_idle_slot_is_found(hardened, administrator, tmp_path):
    administrator.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
    try:
        found = statuses(hardened, tmp_path / "run")
    finally:
        administrator.execute("SELECT pg_drop_replication_slot('forgotten')")
    assert found["database.replication.slots_healthy"] == "FAIL"


def test_a_busy_function_that_the_probe_may_not_call_hides_no_plan(hardened, administrator):
    target = load_target(hardened.target_file)
    with psycopg.connect(target.database.application_dsn.reveal(), autocommit=True) as service:
        for _ in range(30):
            service.execute("SELECT delete_post(gen_random_uuid(), '{}'::jsonb)")
            service.execute("SELECT * FROM update_post(gen_random_uuid(), '{}'::jsonb)")
    asked = Visit(target, "run", "hot_statements", 15.0, Pacer(1000))
    found = {one.text: one for one in hot_statements.gather(asked).statements}
    called = [one for text, one in found.items() if "_post(gen" in text]
    assert [(one.planned, one.scans) for one in called] == [("needless", ())] * 2
    assert "denied" not in {one.planned for one in found.values()}


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


WRITES = (
    "INSERT INTO guarded VALUES (2) RETURNING n",
    "UPDATE guarded SET n = 3 RETURNING n",
    "DELETE FROM guarded RETURNING n",
    "WITH gone AS (DELETE FROM guarded RETURNING n) SELECT n FROM gone",
    "MERGE INTO guarded USING guarded AS g ON true WHEN MATCHED THEN DELETE",
    "TRUNCATE guarded",
    "SELECT n FROM guarded FOR UPDATE",
    "LOCK TABLE guarded IN ACCESS EXCLUSIVE MODE",
    "SELECT setval('counted', 99)",
    "SELECT nextval('counted')",
    "SELECT writes()",
    "CALL writes_too()",
    "DO $$BEGIN INSERT INTO guarded VALUES (4); END$$",
    "CREATE TABLE more (n int)",
    "CREATE TABLE more AS SELECT 1",
    "SELECT 1 AS n INTO more",
    "CREATE TEMPORARY TABLE more (n int)",
    "CREATE SCHEMA more",
    "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE ROLE more",
    "CREATE DATABASE more",
    "CREATE EXTENSION dblink",
    "CREATE INDEX more ON guarded (n)",
    "ALTER TABLE guarded ADD m int",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "ALTER ROLE readiness_probe SUPERUSER",
    "DROP TABLE guarded",
    "GRANT ALL ON guarded TO PUBLIC",
    "COMMENT ON TABLE guarded IS 'more'",
    "REFRESH MATERIALIZED VIEW kept",
    "COPY guarded FROM PROGRAM 'id'",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/readiness-pwned'",
    "COPY (SELECT 1) TO '/tmp/readiness-pwned'",
    "VACUUM guarded",
    "ANALYZE guarded",
    "CLUSTER",
    "CHECKPOINT",
    "NOTIFY more",
    "SELECT lo_create(4711)",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT pg_promote()",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "SELECT pg_create_physical_replication_slot('more')",
    "SELECT pg_read_file('pg_hba.conf')",
    "SELECT pg_rotate_logfile()",
    "SET SESSION AUTHORIZATION postgres",
    "SET TRANSACTION READ WRITE",
    "BEGIN READ WRITE",
    "SELECT 1; DELETE FROM guarded",
    "COMMIT; DELETE FROM guarded",
    "SELECT set_config('transaction_read_only', 'off', true), writes()",
)
"""Every kind of write and of interference that a statement may attempt."""

GUARDED = """
CREATE TABLE guarded (n int);
INSERT INTO guarded VALUES (1);
CREATE SEQUENCE counted;
CREATE MATERIALIZED VIEW kept AS SELECT n FROM guarded;
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'DELETE FROM guarded RETURNING n';
CREATE PROCEDURE writes_too() LANGUAGE sql AS 'DELETE FROM guarded';
GRANT ALL ON guarded, kept TO readiness_probe;
GRANT ALL ON SEQUENCE counted TO readiness_probe;
"""
"""What its role may write, if it were not for the transaction."""


class Attempt(NamedTuple):
    """A statement that is not in the catalogue."""

    text: str
    grant: str = "nothing"
    name: str = "ATTEMPT"


@pytest.fixture
def guarded(administrator):
    administrator.execute(GUARDED)
    yield
    administrator.execute("DROP MATERIALIZED VIEW kept; DROP FUNCTION writes; DROP TABLE guarded")
    administrator.execute("DROP PROCEDURE writes_too; DROP SEQUENCE counted")


def state(administrator) -> tuple[object, ...]:
    """Return what a write would change."""
    return administrator.execute(
        """
        SELECT (SELECT array_agg(n) FROM guarded), (SELECT last_value FROM counted),
               (SELECT count(*) FROM pg_class WHERE relpersistence <> 't'),
               (SELECT count(*) FROM pg_attribute),
               (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_roles),
               (SELECT count(*) FROM pg_database), (SELECT count(*) FROM pg_namespace),
               (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_largeobject),
               (SELECT count(*) FROM pg_description), (SELECT rolsuper FROM pg_roles
                WHERE rolname = 'readiness_probe'), (SELECT relacl FROM pg_class
                WHERE relname = 'guarded'), pg_conf_load_time(),
               (SELECT count(*) FROM pg_file_settings), pg_is_in_recovery()
        """
    ).fetchone()


@pytest.mark.parametrize("dsn", ["dsn", "plan_dsn"])
def test_no_kind_of_write_succeeds(hardened, administrator, guarded, dsn):
    """By the transaction where the role may write, by the role where it would take more."""
    target = load_target(hardened.target_file)
    asked = Visit(target, "run", "writes", 60.0, Pacer(1000))
    before = state(administrator)
    succeeded = []
    for text in WRITES:
        with session(asked, parameters(getattr(target.database, dsn))) as connected:
            try:
                connected.rows(Attempt(text))
                succeeded.append(text)
            except (NotSeen, ValueError):
                pass
            with pytest.raises(psycopg.Error):
                Planner(connected, most=1).plan(f"SELECT 1; {text}")
            with contextlib.suppress(psycopg.Error):  # an INSERT has a plan, which is not run
                Planner(connected, most=1).plan(text)
    assert succeeded == []
    assert state(administrator) == before
    assert not Path("/tmp/readiness-pwned").exists()


def test_the_role_itself_may_write_nothing(hardened, administrator, guarded):
    """Without the read-only transaction, and without the grants of the test above."""
    administrator.execute("REVOKE ALL ON guarded, kept FROM readiness_probe")
    administrator.execute("REVOKE ALL ON SEQUENCE counted FROM readiness_probe")
    before = state(administrator)
    dsn = load_target(hardened.target_file).database.dsn.reveal()
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("readiness_probe",)
        for text in WRITES:
            with contextlib.suppress(psycopg.Error):
                connection.execute(text)
                connection.rollback()
    found = state(administrator)
    assert found[:3] == before[:3]
    assert (found[5:9], found[10:]) == (before[5:9], before[10:])
