"""Authorization and input validation against a real deployment, and the least rights they need."""

import pytest
from psycopg import connect
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from readiness_kit.assessment import Assessment
from readiness_kit.checks.security.authorization import CHECK
from readiness_kit.contents import item
from readiness_kit.probes.database.role import application_role
from readiness_kit.sandbox.lifecycle import running
from readiness_kit.sources import Pacer, Visit
from readiness_kit.target_file import load_target

pytestmark = pytest.mark.live

ITEMS = ("security.authorization", "security.input_validation")


def statuses(sandbox, folder):
    run = Assessment.open(sandbox.target_file, folder, only=ITEMS, allow=("canary",))
    run.gather()
    judged = [one for one in run.results().items if one.id in ITEMS]
    return {claim.id: claim.status.value for one in judged for claim in one.claims}


@pytest.fixture(scope="module")
def hardened():
    with running(variant="hardened") as sandbox:
        yield sandbox


@pytest.fixture
def administrator(hardened):
    password = (hardened.directory / "secrets" / "superuser_password").read_text()
    login = {"user": "postgres", "password": password}
    given = conninfo_to_dict(load_target(hardened.target_file).database.dsn.reveal())
    with connect(make_conninfo(**{**given, **login}), autocommit=True) as connection:
        yield connection


def test_the_hardened_sandbox_passes_and_is_left_as_it_was(hardened, administrator, tmp_path):
    count = "SELECT count(*), max(created_at) FROM tb_post"
    before = administrator.execute(count).fetchone()
    found = statuses(hardened, tmp_path / "run")
    assert found == {claim.id: "PASS" for one in ITEMS for claim in item(one).claims}
    assert administrator.execute(count).fetchone() == before


def test_the_stock_sandbox_is_found_wanting(tmp_path):
    with running(variant="stock") as sandbox:
        found = statuses(sandbox, tmp_path / "run")
    assert found.pop("security.authorization.object_ownership") == "UNKNOWN"
    assert set(found.values()) == {"FAIL"}, found


def rights(hardened):
    visit = Visit(load_target(hardened.target_file), "run", "role", 15.0, Pacer(1000))
    return application_role.gather(visit)


@pytest.mark.parametrize(
    ("do", "undo", "status"),
    [
        ("SELECT", "SELECT", "PASS"),
        ("ALTER ROLE quill_app CREATEDB", "ALTER ROLE quill_app NOCREATEDB", "FAIL"),
        ("ALTER ROLE quill_app CREATEROLE", "ALTER ROLE quill_app NOCREATEROLE", "FAIL"),
        ("ALTER ROLE quill_app BYPASSRLS", "ALTER ROLE quill_app NOBYPASSRLS", "FAIL"),
        ("ALTER ROLE quill_app SUPERUSER", "ALTER ROLE quill_app NOSUPERUSER", "FAIL"),
        ("GRANT postgres TO quill_app", "REVOKE postgres FROM quill_app", "FAIL"),
        ("GRANT quill_owner TO quill_app", "REVOKE quill_owner FROM quill_app", "WARN"),
        (
            "ALTER TABLE tb_audit OWNER TO quill_app",
            "ALTER TABLE tb_audit OWNER TO quill_owner",
            "WARN",
        ),
    ],
)
def test_rights_of_the_role(hardened, administrator, do, undo, status):
    administrator.execute(do)
    try:
        assert CHECK.shows(rights(hardened))["database_role"] == status
    finally:
        administrator.execute(undo)


def test_the_role_is_known_without_pg_monitor(hardened, administrator):
    administrator.execute("REVOKE pg_monitor FROM readiness_probe")
    try:
        (role,) = rights(hardened).roles
    finally:
        administrator.execute("GRANT pg_monitor TO readiness_probe")
    assert (role.role, role.superuser) == ("quill_app", ())
