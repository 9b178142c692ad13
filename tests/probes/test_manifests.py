import json

import pytest
import yaml
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.kubernetes.manifests import declared_autoscalers
from readiness_kit.target import Kubernetes

CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
}
PODS = {
    "type": "Pods",
    "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "50"}},
}


def autoscaler(api_version="autoscaling/v2", **spec):
    return {
        "apiVersion": api_version,
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "minReplicas": 2,
            "maxReplicas": 10,
            "metrics": [CPU],
            **spec,
        },
    }


def deployment(*containers, name="shop"):
    template = {"spec": {"containers": [{"name": "c", "resources": one} for one in containers]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"template": template},
    }


REQUESTS = {"requests": {"cpu": "250m", "memory": "64Mi"}}


def look(folder, *documents):
    (folder / "all.yaml").write_text(yaml.safe_dump_all(documents))
    fact = declared_autoscalers.gather(
        visit("http://localhost", kubernetes=Kubernetes(manifests=(folder,)))
    )
    return fact.autoscalers[0] if fact.autoscalers else fact


def test_an_autoscaler_with_what_it_scales(tmp_path):
    found = look(tmp_path, deployment(REQUESTS), autoscaler())
    assert (found.scales, found.min_replicas, found.max_replicas) == ("Deployment/shop", 2, 10)
    assert (found.cpu_target_percent, found.watches, found.requests) == (70, ("cpu",), "set")


@pytest.mark.parametrize(
    ("spec", "percent", "watches"),
    [
        ({"metrics": [PODS]}, None, ("rps",)),
        ({"metrics": [CPU, PODS]}, 70, ("cpu", "rps")),
        ({"metrics": None}, 80, ("cpu",)),  # what Kubernetes takes where nothing is said
        ({"metrics": None, "targetCPUUtilizationPercentage": 60}, 60, ("cpu",)),
        ({"metrics": [{**CPU, "type": "ContainerResource"}]}, 70, ("cpu",)),
    ],
)
def test_what_it_goes_by(tmp_path, spec, percent, watches):
    found = look(tmp_path, autoscaler(**spec))
    assert (found.cpu_target_percent, found.watches) == (percent, watches)


@pytest.mark.parametrize(
    ("containers", "requests"),
    [
        ([REQUESTS, REQUESTS], "set"),
        ([REQUESTS, {}], "missing"),
        ([{"limits": {"cpu": "1"}}], "set"),  # Kubernetes takes the limit for the request
        ([{"requests": {"memory": "1Gi"}}], "missing"),
        ([], "missing"),
    ],
)
def test_every_container_requests_what_is_measured(tmp_path, containers, requests):
    assert look(tmp_path, autoscaler(), deployment(*containers)).requests == requests


def test_memory_is_requested_where_it_is_measured(tmp_path):
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {}}}
    cpu_only = deployment({"requests": {"cpu": "1"}})
    assert look(tmp_path, autoscaler(metrics=[memory]), cpu_only).requests == "missing"
    assert look(tmp_path, autoscaler(), deployment(REQUESTS, name="other")).requests == "not_seen"


def test_lists_and_json_and_what_is_no_object(tmp_path):
    items = {"apiVersion": "v1", "kind": "List", "items": [deployment(REQUESTS), autoscaler()]}
    (tmp_path / "list.json").write_text(json.dumps(items))
    (tmp_path / "values.yaml").write_text("replicas: 2\n")
    (tmp_path / "notes.txt").write_text("{{ not read }}")
    found = look(tmp_path, None, ["kind"], {"kind": 1})
    assert found.requests == "set"
    assert found.api_version == "autoscaling/v2"


def test_nothing_to_scale_is_seen_as_such(tmp_path):
    fact = look(tmp_path, deployment(REQUESTS))
    assert (fact.objects, fact.autoscalers) == (1, ())


@pytest.mark.parametrize(
    "text",
    [
        "a: {{ .Values.replicas }}\nb: [",
        "[" * 2000,
        yaml.safe_dump(autoscaler(maxReplicas="many")),
        "x" * 1_100_000,
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(NotSeen):
        look(tmp_path)


def test_manifests_that_are_not_there(tmp_path):
    with pytest.raises(NotSeen):
        declared_autoscalers.gather(
            visit("http://localhost", kubernetes=Kubernetes(manifests=(tmp_path / "gone",)))
        )
    with pytest.raises(NotSeen) as error:
        declared_autoscalers.gather(visit("http://localhost"))
    assert error.value.cause == "not_configured"
