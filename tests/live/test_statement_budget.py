"""What all probes that only read ask of PostgreSQL, counted by the servers, where it is most.

Most is: a standby, PgBouncer before the primary, and as many costly statements as are planned. To
begin, to bound and to end a transaction, and to forget a prepared statement, is not counted.
"""

import re
import tempfile
from pathlib import Path

import psycopg
import pytest
from pooler import pooled
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from readiness_kit.assessment import Assessment
from readiness_kit.facts.database.queries import HotStatements
from readiness_kit.probes.database.queries import LEAST_CALLS, TOP
from readiness_kit.sandbox.lifecycle import running
from readiness_kit.servers.account import unprivileged
from readiness_kit.target_file import load_target

pytestmark = pytest.mark.live

MOST = 60
LONGEST_MS = 5000

ROLES = ("readiness_probe", "readiness_planner")
_LINE = re.compile(
    r"^\S+ \S+ \S+ \[(?P<pid>\d+)\] (?P<role>\w+)@.*? LOG:  (?:statement|execute [^:]*): (?P<sql>.*)"
)
_FRAME = re.compile(r"(SET|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|DEALLOCATE)\b")
_TIMEOUT = re.compile(r"SET LOCAL statement_timeout = '(\d+)(ms|s)'")


def counted(log):
    """Return the statements of the kit's roles; each must be bounded, and only read."""
    found, bounded = [], {}
    for line in re.sub(r"\n\t *", " ", log).splitlines():
        seen = _LINE.match(line)
        if seen is None or seen["role"] not in ROLES:
            continue
        sql = seen["sql"].strip()
        if sql.startswith("BEGIN"):
            assert "READ ONLY" in sql
            bounded[seen["pid"]] = False
        elif limit := _TIMEOUT.search(sql):
            assert int(limit[1]) * {"ms": 1, "s": 1000}[limit[2]] <= LONGEST_MS
            bounded[seen["pid"]] = True
        elif not _FRAME.match(sql):
            assert bounded[seen["pid"]], f"not in a bounded transaction: {sql}"
            found.append(sql)
        elif sql.startswith(("COMMIT", "ROLLBACK")) and not sql.startswith("ROLLBACK TO"):
            bounded[seen["pid"]] = False
    return found


def login(secret, **changed):
    return make_conninfo(**{**conninfo_to_dict(secret.reveal()), **changed})


def work(service):
    """Let the service's statements be many, and some with parameters of any type."""
    for n in range(1, TOP + 6):
        where = " AND ".join(["relname <> %s"] * n)
        for _ in range(LEAST_CALLS + 5):
            service.execute(f"SELECT count(*) FROM pg_class WHERE {where}", ["x"] * n)
    for _ in range(LEAST_CALLS + 5):
        service.execute(
            "SELECT count(jsonb_build_object('n', relname, 'm', 'x')) "
            "FROM pg_class, (SELECT FROM pg_class LIMIT 20) AS twenty"
        )


@pytest.fixture(scope="module")
def sandbox():
    with running(variant="hardened") as one:
        yield one


@pytest.fixture
def pooled_target(sandbox, need):
    """A file that describes the sandbox with PgBouncer before its primary."""
    target, account = load_target(sandbox.target_file), unprivileged()
    secrets = {"dsn": target.database.dsn, "plan_dsn": target.database.plan_dsn}
    given = {name: conninfo_to_dict(one.reveal()) for name, one in secrets.items()}
    with tempfile.TemporaryDirectory() as home:  # pytest's own are closed to other accounts
        if account:
            account.own(Path(home))
        with pooled(
            need("pgbouncer"),
            Path(home),
            account=account,
            server=int(given["dsn"]["port"]),
            database="quill",
            logins={one["user"]: one["password"] for one in given.values()},
            tls=True,
        ) as port:
            text = sandbox.target_file.read_text()
            for name, one in secrets.items():
                pooled_dsn = login(one, port=port, sslmode="disable", sslrootcert="")
                (sandbox.directory / "secrets" / f"pooled_{name}").write_text(pooled_dsn)
                was = f"  {name}: {one.reference}\n"
                assert was in text
                text = text.replace(was, f"  {name}: file:secrets/pooled_{name}\n")
            file = sandbox.directory / "pooled.yaml"
            file.write_text(text)
            yield file


@pytest.fixture
def logged(sandbox):
    """Have both servers log what the kit's roles send; returns the growth of their logs."""
    dsn = load_target(sandbox.target_file).database.dsn
    password = (sandbox.directory / "secrets" / "superuser_password").read_text()
    folder = sandbox.directory / "servers" / "postgres"
    logs = [folder / f"{one}.log" for one in ("primary", "standby_1")]
    with psycopg.connect(login(dsn, user="postgres", password=password), autocommit=True) as able:
        able.execute("SELECT pg_stat_statements_reset()")
        for role in ROLES:
            able.execute(f"ALTER ROLE {role} SET log_statement = 'all'")
        before = [len(one.read_text()) for one in logs]
        yield lambda: [one.read_text()[n:] for one, n in zip(logs, before, strict=True)]


def test_the_probes_stay_within_sixty_statements(sandbox, logged, pooled_target, tmp_path):
    service = load_target(sandbox.target_file).database.application_dsn.reveal()
    with psycopg.connect(service, autocommit=True) as connection:
        work(connection)
    run = Assessment.open(pooled_target, tmp_path / "run")
    run.gather()
    hot = run.folder.read_fact(HotStatements)
    assert [(one.planned, one.planned_detail) for one in hot.statements] == [("seen", "")] * TOP
    primary, standby = (counted(log) for log in logged())
    asked = [one for one in primary if one.startswith("EXPLAIN")]
    assert len(asked) == TOP
    assert any("EXECUTE" in one for one in asked)
    assert standby
    assert len(primary) + len(standby) <= MOST, "\n".join((*primary, *standby))
    cost = run.results().cost["sql_statements"]
    assert cost == len(primary) + len(standby)
