"""The gauges of a load test on a real PostgreSQL and a real Valkey."""

import tempfile
import threading
import time
from pathlib import Path

import pytest
import redis
from webserver import secret, visit

from readiness_kit.harness.sampling.gauges import Gauges
from readiness_kit.servers.account import unprivileged
from readiness_kit.servers.ports import free_ports
from readiness_kit.servers.postgres import Cluster, Postgres
from readiness_kit.servers.valkey import Valkey
from readiness_kit.target import Cache, Database

pytestmark = pytest.mark.live

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def home():
    with tempfile.TemporaryDirectory(prefix="gauges-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def cluster(home):
    (port,) = free_ports(1)
    made = Cluster(Postgres(home, unprivileged()), f"main{port}", port=port, password="s")
    made.create().configure({})
    with made.start():
        yield made


def until(true):
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


def watched(folder, cluster, user="postgres", password="s", **parts):
    dsn = secret(folder, "dsn", cluster.dsn(user, password))
    made = Gauges(visit("http://192.0.2.1", database=Database(dsn=dsn), **parts), seconds=60)
    made.interval_s = 0.05
    return made


def newest(gauges, name):
    return next((one.values[-1] for one in gauges.series() if one.name == name), None)


def test_connections_are_counted_busy_and_waiting_ones_apart(tmp_path, cluster):
    with watched(tmp_path, cluster) as gauges:
        gauges.start()
        until(lambda: newest(gauges, "connections") == 0)
        with cluster.connect() as holder, cluster.connect() as waiter:
            until(lambda: newest(gauges, "connections") == 2)
            assert newest(gauges, "connections_waiting") == 0
            holder.execute("SELECT pg_advisory_lock(7)")
            thread = threading.Thread(
                target=waiter.execute, args=["SELECT pg_advisory_lock(7)"], daemon=True
            )
            thread.start()
            until(lambda: newest(gauges, "connections_waiting") == 1)
            assert newest(gauges, "connections_active") == 1
            holder.execute("SELECT pg_advisory_unlock(7)")
            thread.join(PATIENCE_S)
        until(lambda: newest(gauges, "connections") == 0)
    assert gauges.notes == gauges.notes[:1]  # no application is named
    assert {one.of for one in gauges.series()} == {"database"}


def test_a_database_that_restarts_leaves_a_gap(tmp_path, cluster):
    with watched(tmp_path, cluster) as gauges:
        gauges.start()
        until(lambda: newest(gauges, "connections") is not None)
        cluster.stop(immediate=True)
        until(lambda: any("database" in note for note in gauges.notes))
        before = len(gauges.series()[0].values)
        with cluster.start():
            until(lambda: len(gauges.series()[0].values) > before)


def test_a_role_that_sees_only_itself_counts_nothing(tmp_path, cluster):
    with cluster.connect() as connection:
        connection.execute("CREATE ROLE blind LOGIN PASSWORD 'b'")
        with watched(tmp_path, cluster, "blind", "b") as gauges:
            gauges.start()
            until(lambda: any("pg_monitor" in note for note in gauges.notes))
    assert gauges.series() == ()


def test_hits_and_misses_of_the_cache(tmp_path, home):
    (port,) = free_ports(1)
    (home / "valkey").mkdir()
    valkey = Valkey(home / "valkey", account=unprivileged(), port=port, password="v")
    valkey.start().wait_until(valkey.listening)
    url = secret(tmp_path, "url", f"redis://:v@127.0.0.1:{port}/0")
    gauges = Gauges(visit("http://192.0.2.1", cache=Cache(url=url)), seconds=60)
    gauges.interval_s = 0.05
    try:
        with gauges:
            gauges.start()
            until(lambda: newest(gauges, "cache_misses") == 0)
            with redis.Redis(port=port, password="v") as client:
                client.set("a", 1)
                for key in ("a", "a", "b"):
                    client.get(key)
            until(lambda: newest(gauges, "cache_hits") == 2)
            until(lambda: newest(gauges, "cache_misses") == 1)
            valkey.stop()
            until(lambda: any("cache" in note for note in gauges.notes))
    finally:
        valkey.stop()
    for series in gauges.series():
        assert list(series.values) == sorted(series.values)  # they only grow
