"""PostgreSQL, Valkey and nginx by themselves."""

import socket

import psutil
import psycopg
import pytest
from folders import passable

from readiness_kit.errors import ServerError
from readiness_kit.servers.account import Account, unprivileged
from readiness_kit.servers.certificates import Authority
from readiness_kit.servers.nginx import Nginx
from readiness_kit.servers.ports import answers, free_ports
from readiness_kit.servers.postgres import Cluster, Postgres
from readiness_kit.servers.valkey import Valkey

pytestmark = pytest.mark.live


@pytest.fixture
def home(tmp_path_factory):
    """A folder that the servers' account may reach; short, for Unix sockets."""
    folder = passable(tmp_path_factory.mktemp("s"))
    (folder / "h").mkdir()
    return folder / "h"


def test_a_standby_follows_and_takes_over(home):
    postgres = Postgres(home, unprivileged())
    port, other = free_ports(2)
    authority = Authority.create("Tests")
    leaf = authority.issue("127.0.0.1")
    (home.parent / "ca.pem").write_bytes(authority.pem)
    tls = {
        "ssl": True,
        "ssl_cert_file": str(postgres.write(home / "server.pem", leaf.certificate)),
        "ssl_key_file": str(postgres.write(home / "server.key", leaf.key)),
    }
    primary = Cluster(postgres, "primary", port=port, password="it's secret")
    primary.create().configure(tls, ["hostssl all,replication all 127.0.0.1/32 scram-sha-256"])
    primary.root_certificate = home.parent / "ca.pem"
    with primary.start():
        with pytest.raises(psycopg.OperationalError, match="no encryption"):
            psycopg.connect(primary.dsn("postgres", "it's secret") + " sslmode=disable")
        standby = primary.clone("follower", port=other, user="postgres", password="it's secret")
        with standby.configure(tls).start():
            assert (primary.in_recovery(), standby.in_recovery()) == (False, True)
            primary.stop(immediate=True)
            standby.promote()
            assert not standby.in_recovery()
            with standby.connect() as connection:
                connection.execute("CREATE TABLE written_after_takeover ()")
    assert not answers(port)
    assert not answers(other)


def test_a_cluster_that_cannot_start_shows_why(home):
    postgres = Postgres(home, unprivileged())
    (port,) = free_ports(1)
    cluster = Cluster(postgres, "broken", port=port, password="x").create()
    cluster.configure({"shared_buffers": "plenty"})
    with pytest.raises(ServerError, match="PostgreSQL broken ended while starting") as caught:
        cluster.start()
    assert "shared_buffers" in caught.value.message


def test_a_failed_tool_says_what_it_said(home):
    postgres = Postgres(home, unprivileged())
    with pytest.raises(ServerError, match=r"pg_dump failed \(status 1\)"):
        postgres.run("pg_dump", "--no-such-option")


def test_valkey_on_a_unix_socket_has_no_port(home):
    with Valkey(home, account=unprivileged(), password="hidden") as cache:
        cache.wait_until(cache.listening)
        listening = [
            connection
            for connection in psutil.Process(cache.pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening == []
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(cache.socket))
            client.sendall(b"PING\r\n")
            assert client.recv(100).startswith(b"-NOAUTH")
            client.sendall(b"AUTH hidden\r\nCONFIG GET maxmemory-policy\r\n")
            answer = b""
            while b"allkeys-lru" not in answer:
                answer += client.recv(100)


def test_nginx_with_a_mistake_shows_its_line(home):
    edge = Nginx(home, "$MAIN\nhttp {\n  nonsense on;\n}\n", account=unprivileged())
    with pytest.raises(ServerError, match="nginx ended while starting") as caught, edge:
        edge.wait_until(lambda: False, timeout_s=10)
    assert 'unknown directive "nonsense"' in caught.value.message


def test_programs_out_of_the_accounts_reach_are_copied(home, monkeypatch):
    account = unprivileged()
    if account is None:
        pytest.skip("only root runs servers as somebody else")
    monkeypatch.setattr(Account, "may_enter", lambda self, folder: folder == home.parent)
    postgres = Postgres(home, account)
    assert postgres.directory == home / "programs" / "bin"
    assert "PostgreSQL" in postgres.run("pg_dump", "--version").stdout
    with Valkey(postgres.folder("cache"), account=account) as cache:
        cache.wait_until(cache.listening)
        assert cache.command.argv[0].parent == home / "cache"
