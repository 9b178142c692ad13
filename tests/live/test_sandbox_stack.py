"""What the two variants are, seen from outside."""

import concurrent.futures
import re
import socket
import ssl
import stat
import subprocess
import sys
import time
from typing import get_args

import httpx
import psutil
import psycopg
import pytest
import redis

from readiness_kit.contents import claims
from readiness_kit.sandbox.lifecycle import running
from readiness_kit.sandbox.state import read_state
from readiness_kit.servers import programs
from readiness_kit.servers.ports import answers
from readiness_kit.target import FaultName
from readiness_kit.target_file import load_target

pytestmark = pytest.mark.live

REQUIRED_HEADERS = {
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@pytest.fixture(scope="module")
def hardened():
    with running(variant="hardened") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def target(hardened):
    return load_target(hardened.target_file)


@pytest.fixture
def client(target):
    trust = ssl.create_default_context(cafile=target.api.ca)
    with httpx.Client(base_url=target.api.url, verify=trust, trust_env=False) as client:
        yield client


def from_address(target, address):
    """A caller with a loopback address of its own, hence with a rate limit of its own."""
    trust = ssl.create_default_context(cafile=target.api.ca)
    transport = httpx.HTTPTransport(verify=trust, local_address=address)
    return httpx.Client(base_url=target.api.url, transport=transport, trust_env=False)


def graphql(client, query, token=None, **more):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return client.post("/graphql", json={"query": query}, headers={**headers, **more})


def test_every_smoke_operation_answers(target, client):
    for operation in target.smoke:
        body = {"query": operation.query, "variables": operation.variables}
        token = target.auth.token.reveal()
        answer = client.post(
            "/graphql", json=body, headers={"authorization": f"Bearer {token}"}
        ).json()
        assert answer.get("errors") is None, operation.name
        assert all(answer["data"].values()), operation.name


def test_a_fresh_token_is_minted_by_command(target, client):
    command = [*target.auth.token_command[:-1], "admin"]
    minted = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert graphql(client, target.auth.protected, minted.stdout.strip()).json()["data"]["users"]


def test_nothing_protected_without_a_good_token(target, client):
    bad = [None, "garbage", *(token.reveal() for token in target.auth.test_tokens.values())]
    for token in bad:
        answer = graphql(client, target.auth.protected, token)
        assert not (answer.json().get("data") or {}).get("users"), token


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/ready", 200),
        ("GET", "/.well-known/security.txt", 200),
        ("GET", "/metrics", 404),
        ("GET", "/docs", 404),
        ("GET", "/nothing", 404),
        ("PUT", "/health", 405),
        ("OPTIONS", "/graphql", 204),
        ("POST", "/graphql", 415),
    ],
)
def test_security_headers_are_on_every_answer(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in REQUIRED_HEADERS} == REQUIRED_HEADERS
    assert all(len(answer.headers.get_list(name)) == 1 for name in REQUIRED_HEADERS)
    assert "x-xss-protection" not in answer.headers


def test_only_listed_origins_are_allowed(target, client):
    listed = target.api.allowed_origins[0]
    strangers = ("https://evil.invalid", "null", f"{listed}.evil.invalid", "http" + listed[5:])
    for origin in strangers:
        answer = client.options("/graphql", headers={"origin": origin})
        assert not any(name.startswith("access-control") for name in answer.headers), origin
    answer = client.options("/graphql", headers={"origin": listed})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == listed
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "Content-Type, Authorization"
    assert "Origin" in ", ".join(answer.headers.get_list("vary"))


def test_plain_http_leads_to_https(target, hardened):
    answer = httpx.get(f"{target.api.http_url}/health?x=1", trust_env=False)
    assert answer.status_code == 301
    assert answer.headers["location"] == f"{target.api.url}/health?x=1"
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(hardened, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", hardened.ports.https), timeout=5) as plain,
        pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"),
    ):
        context.wrap_socket(plain)


def test_large_answers_are_compressed(target, client):
    query = "{ posts(limit: 50) { id title body } }"
    token = target.auth.token.reveal()
    plain = graphql(client, query, token, **{"accept-encoding": "identity"})
    packed = graphql(client, query, token, **{"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in ", ".join(packed.headers.get_list("vary"))
    assert packed.json() == plain.json()


def test_a_burst_beyond_the_limit_is_refused_and_others_are_not(target):
    with from_address(target, "127.9.9.1") as busy, from_address(target, "127.9.9.2") as other:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: graphql(busy, "{ me { id } }"), range(60)))
        refused = [answer for answer in answers if answer.status_code == 429]
        assert 60 - len(refused) <= 1.1 * (20 + 5)
        assert all(answer.headers["retry-after"] for answer in refused)
        assert graphql(other, "{ me { id } }").status_code != 429


def test_the_probe_may_read_and_can_write_nothing(target):
    with psycopg.connect(target.database.dsn.reveal(), autocommit=True) as connection:
        for readable in ("pg_stat_statements", "pg_hba_file_rules", "pg_stat_replication"):
            assert connection.execute(f"SELECT count(*) FROM {readable}").fetchone()[0]
        for statement in (
            "CREATE TABLE mark ()",
            "CREATE TEMPORARY TABLE mark ()",
            "INSERT INTO tb_audit (actor) VALUES (gen_random_uuid())",
            "DELETE FROM tv_user",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_replication",
            "ALTER SYSTEM SET work_mem = '1MB'",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT count(*) FROM tb_user",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_standby_streams_and_wal_is_archived(target):
    with psycopg.connect(target.database.dsn.reveal()) as primary:
        row = primary.execute("SELECT state FROM pg_stat_replication").fetchone()
        assert row == ("streaming",)
        slot = primary.execute("SELECT active, wal_status FROM pg_replication_slots").fetchone()
        assert slot == (True, "reserved")
        failed = primary.execute("SELECT archived_count > 0, failed_count FROM pg_stat_archiver")
        assert failed.fetchone() == (True, 0)
    with psycopg.connect(target.database.replicas[0].reveal()) as standby:
        assert standby.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
    assert any(re.fullmatch("[0-9A-F]{24}", p.name) for p in target.backups.wal_archive.iterdir())


def test_no_unencrypted_way_into_database_or_cache(target, hardened):
    for port in (hardened.ports.database, hardened.ports.standby):
        with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects"):
            psycopg.connect(
                host="127.0.0.1", port=port, user="quill_app", dbname="quill", sslmode="disable"
            )
    url = target.cache.url.reveal()
    with redis.from_url(url, ssl_ca_certs=str(target.cache.ca)) as cache:
        assert cache.ping()
        assert cache.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
    with (
        redis.from_url(url.replace("rediss://", "redis://"), socket_timeout=2) as plain,
        pytest.raises((redis.ConnectionError, redis.TimeoutError)),
    ):
        plain.ping()


def test_every_backup_is_marked_and_the_newest_reads_to_its_end(target):
    dumps = sorted(target.backups.directory.glob(target.backups.pattern))
    assert len(dumps) == 8
    assert all(dump.with_name(f"{dump.name}.ok").exists() for dump in dumps)
    pg_restore = programs.postgres().path.parent / "pg_restore"
    read = subprocess.run([pg_restore, "--file=-", dumps[-1]], capture_output=True, check=True)
    assert b"COPY public.tb_post" in read.stdout


def test_listens_on_loopback_and_on_the_described_ports_alone(hardened):
    supervisor = psutil.Process(read_state(hardened.directory).supervisor)
    listening = {
        connection.laddr
        for process in (supervisor, *supervisor.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address for address, _ in listening} == {"127.0.0.1"}
    assert {port for _, port in listening} <= set(hardened.ports)


def test_secrets_are_for_the_owner_alone(target, hardened):
    private = [
        *(hardened.directory / "secrets").iterdir(),
        *(hardened.directory / "deploy" / "tls").glob("*.key"),
        target.application.environment_file,
    ]
    assert len(private) > 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_the_documented_schema_is_the_services_own(target):
    command = [sys.executable, "-m", "readiness_kit.sandbox.app.sdl"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert target.source.schema.read_text() == printed.stdout


def test_documents_have_no_blanks_left(target):
    for kind, path in target.documents.items():
        assert not re.search(r"@[A-Z_0-9]+@", path.read_text()), kind
        assert len(path.read_text()) > 100, kind


def test_what_does_not_apply_is_what_the_catalogue_says(target):
    declared = {entry.item for entry in target.not_applicable}
    assert declared == {c.id for c in claims().values() if c.sandbox == "not_applicable"}


def test_stock_has_the_defects_that_are_to_be_found():
    with running(variant="stock") as sandbox:
        target = load_target(sandbox.target_file)
        trust = ssl.create_default_context(cafile=target.api.ca)
        with httpx.Client(base_url=target.api.url, verify=trust, trust_env=False) as client:
            assert client.get("/docs").status_code == 200
            assert "strict-transport-security" not in client.get("/health").headers
            assert graphql(client, "{ users { id } }").json()["data"]["users"]
        with psycopg.connect(target.database.application_dsn.reveal(), sslmode="disable") as open_:
            role = open_.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            assert role.fetchone() == (True,)
        with redis.from_url(target.cache.url.reveal()) as cache:
            assert cache.ping()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1
        with (
            socket.create_connection(("127.0.0.1", sandbox.ports.https)) as plain,
            old.wrap_socket(plain) as wrapped,
        ):
            assert wrapped.version() == "TLSv1"
    assert not answers(sandbox.ports.https)


def ready_says(client: httpx.Client, status: int) -> bool:
    """Whether readiness says *status* within half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if client.get("/ready", timeout=10).status_code == status:
            return True
        time.sleep(0.1)
    return False


def test_declared_faults_break_the_service_and_mend_it(target, client):
    names = get_args(FaultName)
    faults = [(name, target.drills.fault(name)) for name in names if target.drills.fault(name)]
    assert {"cut_cache", "blackhole_cache", "cut_database", "blackhole_database"} <= {
        name for name, _ in faults
    }
    for name, fault in faults:
        if not name.endswith(("cache", "database")):
            continue
        subprocess.run(fault.undo, check=True, timeout=30)  # nothing is broken: harmless
        subprocess.run(fault.do, check=True, timeout=30)
        try:
            assert ready_says(client, 503 if name.endswith("database") else 200), name
            assert client.get("/health").status_code == 200
        finally:
            subprocess.run(fault.undo, check=True, timeout=30)
        assert ready_says(client, 200), name
