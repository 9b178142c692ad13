"""Each failover manager as it answers: stand-ins for SQL and Kubernetes, moto for RDS."""

import contextlib
import itertools
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from buckets import settle
from moto.server import ThreadedMotoServer
from webserver import Reply, secret, serve, visit

from readiness_kit.checks.database.failover import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.failover import pg_auto_failover as manager_autofailover
from readiness_kit.probes.failover import repmgr as manager_repmgr
from readiness_kit.probes.failover.means import failover_manager
from readiness_kit.target import CloudNativePg, Database, Kubernetes, KubernetesApi, Rds

CONF = "node_id={}\nnode_name='db-{}'\nfailover='automatic'\npromote_command='promote'\n"
NODES = [
    {"node_id": 1, "node_name": "db-1", "type": "primary", "active": True, "priority": 100},
    {"node_id": 2, "node_name": "db-2", "type": "standby", "active": True, "priority": 100},
    {"node_id": 3, "node_name": "w", "type": "witness", "active": True, "priority": 0},
]


def server(node, **changes):
    """What one server says of repmgr."""
    plain = {"in_recovery": node != 1, "running": True, "paused": False, "nodes": NODES}
    return {"node": node} | plain | changes


def nodes(number, **changes):
    return [one | (changes if one["node_id"] == number else {}) for one in NODES]


class Asked:
    """A session whose one answer is written down; one that is not raises."""

    def __init__(self, answer):
        self.answer = answer

    def row(self, _):
        return self.answer

    def rows(self, _):
        return self.answer


def answering(answers):
    """Return what stands for ``session``: it gives *answers* one by one."""
    left = iter(answers)

    @contextlib.contextmanager
    def session(*_):
        answer = next(left)
        if answer is None:
            raise NotSeen("no connection")
        yield Asked(answer)

    return session


def status(fact):
    return CHECK.shows(fact)["auto"]


def of_repmgr(tmp_path, monkeypatch, answers, confs=(1, 2)):
    monkeypatch.setattr(manager_repmgr, "session", answering(answers))
    files = []
    for number, conf in enumerate(confs):
        text = CONF.format(conf, conf) if isinstance(conf, int) else conf
        files.append(tmp_path / f"repmgr.{number}.conf")
        files[-1].write_text(text)
    dsn = secret(tmp_path, "dsn", "host=x")
    database = Database(dsn=dsn, replicas=(dsn,), repmgr=tuple(files))
    return failover_manager.gather(visit("http://localhost", database=database))


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([server(1), server(2)], "PASS"),
        ([server(1), None], "UNKNOWN"),
        ([None, server(2)], "UNKNOWN"),
        ([server(1), server(2, paused=True)], "FAIL"),
        ([server(1), server(2, running=False)], "FAIL"),
        ([server(1), server(-1, running=False)], "FAIL"),
        ([server(1), server(2, in_recovery=False)], "FAIL"),
        ([server(1), server(2, nodes=nodes(2, type="primary"))], "FAIL"),
        ([server(1, nodes=NODES[:2]), server(2, nodes=NODES[:2])], "WARN"),
        ([server(1, nodes=nodes(2, priority=0)), server(2)], "FAIL"),
        ([server(1, nodes=nodes(2, active=False)), server(2)], "FAIL"),
        ([server(1, nodes=[]), server(2, nodes=[])], "FAIL"),
    ],
)
def test_repmgr(tmp_path, monkeypatch, answers, wanted):
    assert status(of_repmgr(tmp_path, monkeypatch, answers)) == wanted


@pytest.mark.parametrize(
    ("confs", "wanted"),
    [
        ((1,), "UNKNOWN"),
        ((1, "node_id=2\npromote_command=x\n"), "FAIL"),  # manual is repmgr's default
        ((1, "node_id=2\nfailover=manual\npromote_command=x\n"), "FAIL"),
        ((1, "node_id=2\nfailover=automatic\n"), "FAIL"),
        ((1, "node_id = '2'\nfailover = automatic # yes\npromote_command='a b'\n"), "PASS"),
    ],
)
def test_repmgr_fails_over_only_where_its_file_says_so(tmp_path, monkeypatch, confs, wanted):
    fact = of_repmgr(tmp_path, monkeypatch, [server(1), server(2)], confs)
    assert status(fact) == wanted


@pytest.mark.parametrize("conf", ["", "node_id=x"])
def test_a_file_that_names_no_node_is_not_taken(tmp_path, monkeypatch, conf):
    with pytest.raises(NotSeen, match=r"repmgr\.conf"):
        of_repmgr(tmp_path, monkeypatch, [], (conf,))


def test_repmgr_that_nobody_knows(tmp_path, monkeypatch):
    with pytest.raises(NotSeen) as caught:
        of_repmgr(tmp_path, monkeypatch, [None, None])
    assert "repmgr.nodes" in caught.value.hint


def node(name, current="secondary", **changes):
    plain = {"formation": "default", "group_id": 0, "name": name, "current": current}
    also = {"assigned": current, "priority": 50, "health": 1, "report_age_s": 0.4}
    return plain | also | changes


FIRST = node("a", "primary")


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([FIRST, node("b")], "WARN"),  # one monitor decides alone
        ([FIRST], "FAIL"),
        ([node("a", "single")], "FAIL"),
        ([node("b"), node("c")], "FAIL"),
        ([FIRST, node("b", health=0)], "FAIL"),
        ([FIRST, node("b", report_age_s=61.0)], "FAIL"),
        ([FIRST, node("b", priority=0)], "FAIL"),
        ([FIRST, node("b", "catchingup")], "FAIL"),
        ([FIRST, node("b", assigned="prepare_promotion")], "FAIL"),
        ([FIRST, node("b", "maintenance")], "FAIL"),
    ],
)
def test_pg_auto_failover(tmp_path, monkeypatch, rows, wanted):
    assert status(of_monitor(tmp_path, monkeypatch, rows)) == wanted


@pytest.mark.parametrize("rows", [[], [FIRST, node("b", group_id=1)]])
def test_a_monitor_that_does_not_tell(tmp_path, monkeypatch, rows):
    with pytest.raises(NotSeen):
        of_monitor(tmp_path, monkeypatch, rows)


def of_monitor(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(manager_autofailover, "session", answering([rows]))
    dsn = secret(tmp_path, "dsn", "host=x")
    database = Database(dsn=dsn, pg_auto_failover=dsn)
    return failover_manager.gather(visit("http://localhost", database=database))


def pod(name, *, ready="True", labels=None):
    labels = {"cnpg.io/instanceRole": "replica"} if labels is None else labels
    return {
        "metadata": {"name": name, "labels": {"cnpg.io/cluster": "shop"} | labels},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    }


PODS = (pod("shop-1"), pod("shop-2"), pod("pooler", labels={"cnpg.io/poolerName": "shop"}))
STATUS = {
    "instances": 2,
    "readyInstances": 2,
    "phase": "Cluster in healthy state",
    "currentPrimary": "shop-1",
    "targetPrimary": "shop-1",
    "conditions": [{"type": "Ready", "status": "True", "reason": "ClusterIsReady"}],
}
ILL = {"conditions": [{"type": "Ready", "status": "False", "reason": "ClusterIsNotReady"}]}


def of_kubernetes(tmp_path, *, pods=PODS, renewed_s=3.0, notes=None, instances=2, **changes):
    renewed = datetime.now(UTC) - timedelta(seconds=renewed_s or 0)
    found = {
        "metadata": {"name": "shop", "annotations": notes},
        "spec": {"instances": instances},
        "status": STATUS | changes,
    }
    replies = {
        "/apis/postgresql.cnpg.io/v1/namespaces/data/clusters/shop": Reply(body=found),
        "/api/v1/namespaces/data/pods?labelSelector=cnpg.io%2Fcluster%3Dshop": Reply(
            body={"items": list(pods)}
        ),
        "/apis/coordination.k8s.io/v1/namespaces/cnpg-system/leases/db9c8771.cnpg.io": Reply(403)
        if renewed_s is None
        else Reply(body={"spec": {"renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}),
    }
    with serve(lambda asked: replies[asked.path]) as url:
        api = KubernetesApi(url=url, token=secret(tmp_path, "token", "t0ken"), namespace="data")
        dsn = secret(tmp_path, "dsn", "host=x")
        database = Database(dsn=dsn, cloudnative_pg=CloudNativePg(cluster="shop"), voters=3)
        asked = visit("http://127.0.0.1:1", database=database, kubernetes=Kubernetes(api=api))
        return failover_manager.gather(asked)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "PASS"),
        ({"renewed_s": None}, "UNKNOWN"),
        ({"renewed_s": 3600.0}, "FAIL"),  # all looks well, but nobody watches
        ({"pods": PODS[:1], "instances": 1}, "FAIL"),
        ({"pods": (PODS[0], pod("shop-2", ready="False"))}, "FAIL"),
        ({"pods": (PODS[0], PODS[2])}, "FAIL"),
        ({"pods": ()}, "FAIL"),
        ({"readyInstances": 1}, "FAIL"),
        ({"phase": "Failing over"}, "FAIL"),
        ({"targetPrimary": "shop-2"}, "FAIL"),
        ({"targetPrimary": "pending"}, "FAIL"),
        (ILL, "FAIL"),
        ({"notes": {"cnpg.io/hibernation": "on"}}, "FAIL"),
        ({"notes": {"cnpg.io/reconciliationLoop": "disabled"}}, "FAIL"),
        ({"notes": {"cnpg.io/fencedInstances": '["shop-2"]'}}, "FAIL"),
        ({"notes": {"cnpg.io/fencedInstances": '["*"]'}}, "FAIL"),
        ({"pods": (pod("shop-1", labels={"role": "primary"}), PODS[1])}, "PASS"),
    ],
)
def test_cloudnative_pg(tmp_path, changes, wanted):
    assert status(of_kubernetes(tmp_path, **changes)) == wanted


def test_a_namespace_without_that_cluster_is_not_seen(tmp_path):
    with serve(lambda _: Reply(404, {"kind": "Status"})) as url:
        api = KubernetesApi(url=url, token=secret(tmp_path, "token", "t0ken"))
        dsn = secret(tmp_path, "dsn", "host=x")
        database = Database(dsn=dsn, cloudnative_pg=CloudNativePg(cluster="shop"))
        parts = {"database": database, "kubernetes": Kubernetes(api=api)}
        with pytest.raises(NotSeen, match="404"):
            failover_manager.gather(visit("http://127.0.0.1:1", **parts))


_numbers = itertools.count()


@pytest.fixture(scope="module")
def amazon():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def rds(amazon, monkeypatch):
    settle(monkeypatch)
    return boto3.client("rds", endpoint_url=amazon, region_name="eu-central-1")


def of_rds(tmp_path, url, host, **named):
    database = Database(
        dsn=secret(tmp_path, "dsn", f"host={host}"),
        rds=Rds(region="eu-central-1", endpoint_url=url, **named),
    )
    return failover_manager.gather(visit("http://127.0.0.1:1", database=database))


def instance(rds, **more):
    name = f"shop-{next(_numbers)}"
    plain = {"Engine": "postgres", "DBInstanceClass": "db.m5.large", "AllocatedStorage": 20}
    login = {"MasterUsername": "shop", "MasterUserPassword": "not-a-secret"}
    if "DBClusterIdentifier" in more:
        plain, login = {"Engine": "aurora-postgresql", "DBInstanceClass": "db.r5.large"}, {}
    made = rds.create_db_instance(DBInstanceIdentifier=name, **plain, **login, **more)
    return name, made["DBInstance"]["Endpoint"]["Address"]


@pytest.mark.parametrize(("multi", "wanted"), [(True, "PASS"), (False, "FAIL")])
def test_an_instance_of_rds(tmp_path, rds, amazon, multi, wanted):
    name, address = instance(rds, MultiAZ=multi)
    assert status(of_rds(tmp_path, amazon, address.upper(), instance=name)) == wanted


def test_an_instance_that_no_connection_string_leads_to_proves_nothing(tmp_path, rds, amazon):
    name, _ = instance(rds, MultiAZ=True)
    assert status(of_rds(tmp_path, amazon, "192.0.2.7", instance=name)) == "UNKNOWN"


def test_an_instance_of_rds_that_is_stopped(tmp_path, rds, amazon):
    name, address = instance(rds, MultiAZ=True)
    rds.stop_db_instance(DBInstanceIdentifier=name)
    assert status(of_rds(tmp_path, amazon, address, instance=name)) == "FAIL"


@pytest.mark.parametrize(
    ("zones", "wanted"), [("ab", "PASS"), ("abb", "PASS"), ("aa", "FAIL"), ("a", "FAIL")]
)
def test_a_cluster_of_aurora(tmp_path, rds, amazon, zones, wanted):
    group = f"shop-{next(_numbers)}"
    made = rds.create_db_cluster(
        DBClusterIdentifier=group,
        Engine="aurora-postgresql",
        MasterUsername="shop",
        MasterUserPassword="not-a-secret",
    )
    for zone in zones:
        instance(rds, DBClusterIdentifier=group, AvailabilityZone=f"eu-central-1{zone}")
    fact = of_rds(tmp_path, amazon, made["DBCluster"]["Endpoint"], cluster=group)
    assert status(fact) == wanted


def test_what_rds_does_not_know_is_not_seen(tmp_path, rds, amazon):
    with pytest.raises(NotSeen):
        of_rds(tmp_path, amazon, "x", instance="gone")
    with pytest.raises(NotSeen):
        of_rds(tmp_path, amazon, "x", cluster="gone")


def test_a_target_names_one_manager(tmp_path):
    dsn = secret(tmp_path, "dsn", "host=x")
    with pytest.raises(ValueError, match="name one of"):
        Database(dsn=dsn, patroni=("http://a",), pg_auto_failover=dsn)
    for named in ({}, {"instance": "a", "cluster": "b"}):
        with pytest.raises(ValueError, match="either"):
            Rds(**named)
