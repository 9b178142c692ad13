"""Manifests, and a cluster's objects as an API server of version 1.31 gives them."""

import pytest
import yaml
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.kubernetes.running import running_workloads
from readiness_kit.probes.kubernetes.workloads import declared_workloads
from readiness_kit.target import Kubernetes, KubernetesApi

HTTP = {"httpGet": {"path": "/health", "port": "http"}}
PORTS = [{"name": "http", "containerPort": 8000}]


def workload(container, kind="Deployment", **spec):
    pod = {"containers": [{"name": "shop", "ports": PORTS, **container}], **spec}
    body = pod if kind == "Pod" else {"replicas": 2, "template": {"spec": pod}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "shop"}, "spec": body}


def look(folder, *documents):
    (folder / "all.yaml").write_text(yaml.safe_dump_all(documents))
    cluster = Kubernetes(manifests=(folder,))
    return declared_workloads.gather(visit("http://localhost", kubernetes=cluster))


def container(folder, *documents):
    return look(folder, *documents).workloads[0].containers[0]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Pod"])
def test_defaults_are_those_of_kubernetes(tmp_path, kind):
    fact = look(tmp_path, workload({"livenessProbe": HTTP}, kind))
    (work,) = fact.workloads
    assert (work.origin, work.name) == ("all.yaml", f"{kind}/shop")
    probe = work.containers[0].liveness
    assert (probe.how, probe.target, probe.exposed) == ("http", "/health", True)
    assert (probe.initial_delay_s, probe.period_s, probe.timeout_s) == (0, 10, 1)
    assert probe.failure_threshold == 3
    assert work.containers[0].readiness is None


@pytest.mark.parametrize(
    ("given", "how", "target", "exposed"),
    [
        ({"httpGet": {"port": 8000}}, "http", "/", True),
        ({"httpGet": {"path": "/x", "port": 9000}}, "http", "/x", False),
        ({"httpGet": {"path": "/x", "port": "web"}}, "http", "/x", False),
        ({"tcpSocket": {"port": "http"}}, "tcp", "", True),
        ({"grpc": {"port": 8000, "service": "live"}}, "grpc", "live", True),
        ({"exec": {"command": ["curl", "localhost/ready"]}}, "exec", "curl localhost/ready", True),
    ],
)
def test_what_is_asked_and_where(tmp_path, given, how, target, exposed):
    probe = container(tmp_path, workload({"readinessProbe": given})).readiness
    assert (probe.how, probe.target, probe.exposed) == (how, target, exposed)


def test_a_probe_that_asks_nothing_is_none(tmp_path):
    assert container(tmp_path, workload({"livenessProbe": {"periodSeconds": 5}})).liveness is None


def test_side_cars_count_and_what_ends_does_not(tmp_path):
    first = [{"name": "mesh", "restartPolicy": "Always"}, {"name": "migrate"}]
    fact = look(tmp_path, workload({}, initContainers=first), workload({}, "Job"))
    assert [one.name for work in fact.workloads for one in work.containers] == ["shop", "mesh"]


def test_what_kubernetes_would_refuse_is_no_evidence(tmp_path):
    with pytest.raises(NotSeen, match="no Deployment that Kubernetes would take"):
        look(tmp_path, workload({"livenessProbe": {"periodSeconds": "often"}}))


LABELS = {"app": "shop"}


def running(name="shop", labels=LABELS, status=None, replicas=2, **metadata):
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c"}]}}
    return {
        "metadata": {"name": name, "uid": "0f", **metadata},
        "spec": {"replicas": replicas, "template": template},
        "status": {"updatedReplicas": 2, "readyReplicas": 1, **(status or {})},
    }


def endpoint(name, ready=True):
    conditions = {} if ready is None else {"ready": ready, "serving": ready, "terminating": False}
    return {
        "addresses": ["10.0.0.7"],
        "conditions": conditions,
        "targetRef": {"kind": "Pod", "name": name},
    }


def published(name):
    """Published though it is not ready."""
    found = endpoint(name)
    return found | {"conditions": {"ready": True, "serving": False, "terminating": False}}


def part(*endpoints, service="shop"):
    labels = {"kubernetes.io/service-name": service}
    return {"metadata": {"name": "s", "labels": labels}, "endpoints": list(endpoints) or None}


SERVICE = {"metadata": {"name": "shop"}, "spec": {"selector": LABELS, "ports": [{"port": 80}]}}
EXTERNAL = {"metadata": {"name": "elsewhere"}, "spec": {"externalName": "example.com"}}


def ask(folder, deployments=(), slices=(), daemons=(), services=(SERVICE, EXTERNAL)):
    lists = {
        "/apis/apps/v1/namespaces/shop/deployments": deployments,
        "/apis/apps/v1/namespaces/shop/statefulsets": (),
        "/apis/apps/v1/namespaces/shop/daemonsets": daemons,
        "/api/v1/namespaces/shop/services": services,
        "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices": slices,
    }

    def answer(asked):
        assert asked.method == "GET"
        assert asked.token == "t0ken"
        items = lists.get(asked.path)
        return Reply(404) if items is None else Reply(body={"kind": "List", "items": list(items)})

    with serve(answer) as url:
        api = KubernetesApi(url=url, token=secret(folder, "token", "t0ken"), namespace="shop")
        cluster = Kubernetes(api=api)
        return running_workloads.gather(visit("http://127.0.0.1:1", kubernetes=cluster))


def counts(fact):
    return [(one.wanted, one.ready, one.rolling) for one in fact.replicas]


def test_ready_addresses_are_counted_by_pod(tmp_path):
    slices = (
        part(endpoint("a"), endpoint("b", ready=None)),
        part(endpoint("a")),  # its address of the other family
        part(endpoint("c", ready=False)),
        part(published("e")),
        part(endpoint("d"), service="other"),
        part(),
    )
    fact = ask(tmp_path, (running(),), slices)
    assert counts(fact) == [(2, 2, False)]
    assert fact.replicas[0].name == "Service/shop of Deployment/shop"
    assert [one.name for one in fact.workloads] == ["Deployment/shop"]


def test_a_workload_without_a_service_tells_of_itself(tmp_path):
    daemon = running(
        "log",
        {"app": "log"},
        {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 2},
    )
    daemon["status"].pop("readyReplicas")
    fact = ask(tmp_path, (running("worker", {"app": "worker"}),), (), (daemon,))
    assert counts(fact) == [(2, 1, False), (3, 2, False)]


@pytest.mark.parametrize(
    ("parts", "rolling"),
    [
        ({}, False),
        ({"status": {"updatedReplicas": 1}}, True),
        ({"status": {"updatedReplicas": None}}, True),
        ({"generation": 2, "status": {"observedGeneration": 1}}, True),
        (
            {"status": {"conditions": [{"type": "Progressing", "reason": "ReplicaSetUpdated"}]}},
            True,
        ),
        (
            {
                "status": {
                    "updatedReplicas": 1,
                    "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}],
                }
            },
            False,
        ),
    ],
)
def test_a_rollout_is_under_way_until_it_is_over_or_stuck(tmp_path, parts, rolling):
    assert counts(ask(tmp_path, (running(**parts),)))[0][2] is rolling


def test_without_leave_to_list_nothing_is_counted(tmp_path):
    token = secret(tmp_path, "token", "t0ken")
    with serve(lambda _: Reply(403)) as url:
        target = visit(url, kubernetes=Kubernetes(api=KubernetesApi(url=url, token=token)))
        with pytest.raises(NotSeen, match="403"):
            running_workloads.gather(target)
