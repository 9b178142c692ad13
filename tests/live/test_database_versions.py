"""Every statement of the database probes, on every major version of PostgreSQL that is here.

Beside what the machine has installed, ``READINESS_POSTGRES`` may name further installations: the
folders above ``bin``, with a colon between them.
"""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace
from pooler import pooled
from psycopg.conninfo import make_conninfo
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.database.indexes import table_indexes
from readiness_kit.probes.database.plans import Planner
from readiness_kit.probes.database.queries import hot_statements
from readiness_kit.probes.database.server import postgres_server, postgres_settings
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.failover.pg_auto_failover import pg_auto_failover
from readiness_kit.probes.failover.repmgr import repmgr
from readiness_kit.probes.wal.archiver import postgres_archiving
from readiness_kit.servers import programs
from readiness_kit.servers.account import unprivileged
from readiness_kit.servers.ports import free_ports
from readiness_kit.servers.postgres import SUPERUSER, Cluster, Postgres
from readiness_kit.servers.programs import Program, major
from readiness_kit.target import Database, Secret

pytestmark = pytest.mark.live

VALUES: dict[str, object] = {
    "names": ["port"],
    "own": ["readiness_probe"],
    "calls": 1,
    "n": 5,
    "role": "postgres",
    "roles": ["postgres"],
}
OF_ONE_VERSION = {Sql.CLIENTS_17: range(17, 99), Sql.CLIENTS: range(14, 17)}


def installations() -> dict[int, Program]:
    """Return one installation of each major version."""
    found = {major(one): one for one in programs.postgres_installations()}
    for folder in filter(None, os.environ.get("READINESS_POSTGRES", "").split(":")):
        path = Path(folder, "bin", "postgres")
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
        one = Program(path, said.stdout.strip())
        found.setdefault(major(one), one)
    return found


@pytest.fixture(scope="module", params=sorted(installations()), ids="PostgreSQL {}".format)
def cluster(request):
    """A cluster with the probe's role, a role without rights, and a few tables."""
    with tempfile.TemporaryDirectory() as home:  # pytest's own are closed to other accounts
        yield from started(Path(home), request.param)


def started(home, version):
    """Start PostgreSQL of *version* below *home*."""
    home.chmod(0o755)
    (home / "postgres").mkdir()
    postgres = Postgres(home / "postgres", unprivileged(), installations()[version])
    one = Cluster(postgres, f"pg{version}", port=free_ports(1)[0], password="secret")
    settings = {"shared_preload_libraries": "pg_stat_statements", "max_connections": 20}
    with one.create().configure({**settings, "fsync": False}).start():
        with one.connect() as administrator:
            for statement in SETUP.strip().split(";\n"):
                administrator.execute(statement)
        use(one)
        yield one


SETUP = """
CREATE EXTENSION pg_stat_statements;
CREATE ROLE readiness_probe LOGIN PASSWORD 'secret';
GRANT pg_monitor TO readiness_probe;
GRANT SELECT ON pg_hba_file_rules TO readiness_probe;
GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO readiness_probe;
GRANT EXECUTE ON FUNCTION pg_control_system() TO readiness_probe;
CREATE ROLE nobody_much LOGIN PASSWORD 'secret';
CREATE ROLE shop_app LOGIN PASSWORD 'secret';
CREATE ROLE planner LOGIN PASSWORD 'secret';
GRANT pg_read_all_data TO planner;
CREATE TABLE customer (id int PRIMARY KEY, name text);
CREATE TABLE purchase (id int PRIMARY KEY, customer int REFERENCES customer, note text);
CREATE INDEX purchase_twice ON purchase (id, note);
CREATE INDEX purchase_again ON purchase (id, note);
CREATE TABLE part (id int, note text) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10000);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10000) TO (20000);
INSERT INTO customer SELECT n, 'name ' || n FROM generate_series(1, 20000) AS n;
INSERT INTO purchase SELECT n, n, 'note' FROM generate_series(1, 12000) AS n;
INSERT INTO part SELECT n, 'note' FROM generate_series(1, 19000) AS n;
CREATE SCHEMA repmgr;
CREATE TABLE repmgr.nodes (node_id int, node_name text, type text, active bool, priority int);
INSERT INTO repmgr.nodes VALUES (1, 'db-1', 'primary', true, 100), (2, 'db-2', 'standby', true, 0);
INSERT INTO repmgr.nodes VALUES (3, 'db-3', 'witness', true, 0);
CREATE FUNCTION repmgr.get_local_node_id() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION repmgr.repmgrd_is_running() RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION repmgr.repmgrd_is_paused() RETURNS bool LANGUAGE sql AS 'SELECT false';
CREATE SCHEMA pgautofailover;
CREATE TYPE pgautofailover.replication_state AS ENUM ('primary', 'secondary', 'maintenance');
CREATE TABLE pgautofailover.node (formationid text, groupid int, nodename text,
  reportedstate pgautofailover.replication_state, goalstate pgautofailover.replication_state,
  candidatepriority int, health int, reporttime timestamptz DEFAULT now());
INSERT INTO pgautofailover.node VALUES ('default', 0, 'a', 'primary', 'primary', 50, 1);
INSERT INTO pgautofailover.node VALUES ('default', 0, 'b', 'secondary', 'secondary', 50, 1);
INSERT INTO pgautofailover.node VALUES ('default', 0, 'c', 'secondary', 'secondary', 0, 1);
GRANT USAGE ON SCHEMA repmgr, pgautofailover TO readiness_probe;
GRANT SELECT ON ALL TABLES IN SCHEMA repmgr, pgautofailover TO readiness_probe;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO shop_app;
ANALYZE;
SELECT pg_stat_statements_reset()
"""


def use(cluster):
    """Run the service's statements often enough to be seen."""
    dsn = cluster.dsn("shop_app", "secret")
    with psycopg.connect(dsn, autocommit=True, row_factory=psycopg.rows.tuple_row) as service:
        for number in range(25):
            service.execute("SELECT name FROM customer WHERE id = %s", (number,))
            service.execute("SELECT count(*) FROM customer WHERE name > %s", (str(number),))
            service.execute("SELECT count(*) FROM part WHERE note > %s", (str(number),))
            service.execute("SELECT count(*) FROM customer")
            service.execute("SELECT jsonb_build_object('n', id, 'm', 'x') FROM purchase LIMIT 1")


def database(tmp_path, cluster, **users):
    given = {}
    for key, user in ({"dsn": "readiness_probe"} | users).items():
        (tmp_path / user).write_text(cluster.dsn(user, "secret"))
        given[key] = Secret(f"file:{tmp_path / user}")
    return visit("http://localhost", database=Database(**given))


def test_every_statement_runs_by_the_probes_role(cluster, tmp_path):
    asked = database(tmp_path, cluster)
    version = major(Program(Path(), cluster.postgres.version))
    with session(asked, parameters(asked.database.dsn)) as probe:
        for statement in Sql:
            if version in OF_ONE_VERSION.get(statement, (version,)):
                probe.rows(statement, **VALUES)


def test_settings_checkpoints_and_the_archiver_are_told(cluster, tmp_path):
    asked = database(tmp_path, cluster)
    settings = postgres_settings.gather(asked)
    assert settings.version_num // 10_000 == major(Program(Path(), cluster.postgres.version))
    assert settings.checkpoints_timed is not None
    assert len(settings.client_backends) > 0
    assert postgres_server.gather(asked).database_bytes
    assert postgres_archiving.gather(asked).archive_mode == "off"


def test_what_a_role_without_rights_may_not_see_is_said_or_hidden(cluster, tmp_path):
    asked = database(tmp_path, cluster, dsn="nobody_much")
    with session(asked, parameters(asked.database.dsn)) as probe:
        with pytest.raises(NotSeen) as caught:
            probe.rows(Sql.ARCHIVER)
        assert "pg_monitor" in caught.value.hint
        with pytest.raises(NotSeen) as caught:
            probe.rows(Sql.HBA_RULES)
        assert "pg_hba_file_rules" in caught.value.hint
    for source in (hot_statements, table_indexes):
        with pytest.raises(NotSeen) as caught:
            source.gather(asked)
        assert "pg_read_all_stats" in caught.value.hint


def test_repmgr_is_asked_through_the_database(cluster, tmp_path):
    """The schema stands in for the extension's: the same names and types."""
    asked = database(tmp_path, cluster)
    (tmp_path / "repmgr.conf").write_text(
        "# failover=manual\nnode_id=1\nfailover='automatic'\npromote_command='repmgr promote'\n"
    )
    more = replace(asked.target.database, repmgr=(tmp_path / "repmgr.conf",))
    fact = repmgr(visit("http://localhost", database=more))
    assert [(one.name, one.role, one.state) for one in fact.members] == [
        ("db-1", "leader", "running")
    ]
    assert (fact.asked, fact.answered, fact.agreed, fact.voters) == (2, 1, True, 3)
    assert (fact.paused, fact.down) == (False, "")


def test_the_monitor_of_pg_auto_failover_is_asked(cluster, tmp_path):
    asked = database(tmp_path, cluster)
    more = replace(asked.target.database, pg_auto_failover=asked.target.database.dsn)
    fact = pg_auto_failover(visit("http://localhost", database=more))
    assert [(one.name, one.role, one.state) for one in fact.members] == [
        ("a", "leader", "running"),
        ("b", "replica", "running"),
    ]
    assert (fact.agreed, fact.paused, fact.voters) == (True, False, 1)


def test_plans_of_statements_with_parameters_are_seen(cluster, tmp_path):
    asked = database(tmp_path, cluster, application_dsn="shop_app", plan_dsn="planner")
    fact = hot_statements.gather(asked)
    own = {one.text: one for one in fact.statements if one.role == "shop_app"}
    assert {one.planned for one in own.values()} == {"seen"}
    rows = {text: [(scan.table, scan.rows) for scan in one.scans] for text, one in own.items()}
    assert rows["SELECT name FROM customer WHERE id = $1"] == []
    assert rows["SELECT count(*) FROM customer WHERE name > $1"] == [("public.customer", 20000)]
    assert rows["SELECT count(*) FROM part WHERE note > $1"] == [
        ("public.part_1 and 1 more", 19000)
    ]


def test_plans_that_the_probe_may_not_see_are_denied(cluster, tmp_path):
    fact = hot_statements.gather(database(tmp_path, cluster, application_dsn="shop_app"))
    own = {one.planned for one in fact.statements if one.role == "shop_app"}
    assert own == {"denied"}


def test_indexes_are_seen(cluster, tmp_path):
    fact = table_indexes.gather(database(tmp_path, cluster))
    assert [one.index for one in fact.duplicates] == ["public.purchase_again"]
    assert [one.index for one in fact.unused] == ["public.purchase_again", "public.purchase_twice"]
    assert [(one.table, one.columns, one.rows) for one in fact.uncovered] == [
        ("public.purchase", ("customer",), 12000)
    ]
    with cluster.connect() as administrator:
        broken = "'public.purchase_twice'::regclass"
        administrator.execute(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = {broken}")
        try:
            again = table_indexes.gather(database(tmp_path, cluster))
        finally:
            administrator.execute(
                f"UPDATE pg_index SET indisvalid = true WHERE indexrelid = {broken}"
            )
    assert [one.index for one in again.invalid] == ["public.purchase_twice"]


def test_through_pgbouncer_between_transactions(cluster, tmp_path, need):
    """The plans' prepared statements neither leak nor miss each other, though backends change."""
    logins = dict.fromkeys(("readiness_probe", "shop_app", "planner"), "secret")
    with pooled(
        need("pgbouncer"),
        cluster.postgres.folder("pgbouncer"),
        account=cluster.postgres.account,
        server=cluster.port,
        database="postgres",
        logins=logins,
    ) as port:
        asked = database(tmp_path, cluster, application_dsn="shop_app", plan_dsn="planner")
        for user in ("readiness_probe", "planner"):
            dsn = make_conninfo(cluster.dsn(user, "secret"), port=port)
            (tmp_path / user).write_text(dsn)
        for _ in range(2):
            fact = hot_statements.gather(asked)
            own = {one.planned for one in fact.statements if one.role == "shop_app"}
            assert own == {"seen"}
        assert table_indexes.gather(asked).duplicates


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1; DROP TABLE customer",
        "SELECT 1) ; COMMIT; DROP TABLE customer; --",
        "DELETE FROM customer",
    ],
)
def test_what_is_planned_is_one_statement_and_is_not_run(cluster, tmp_path, text):
    (tmp_path / "dsn").write_text(cluster.dsn(SUPERUSER, cluster.password))
    asked = visit("http://localhost", database=Database(dsn=Secret(f"file:{tmp_path / 'dsn'}")))
    with session(asked, parameters(asked.database.dsn)) as able, contextlib.suppress(psycopg.Error):
        Planner(able, most=1).plan(text)
    with cluster.connect() as administrator:
        assert administrator.execute("SELECT count(*) FROM customer").fetchone() == (20000,)
