import pytest
import yaml
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.kubernetes.ingresses import declared_ingresses
from readiness_kit.target import Kubernetes

NGINX = "nginx.ingress.kubernetes.io"


def look(folder, *annotations):
    documents = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "shop", "annotations": one},
        }
        for one in annotations
    ]
    (folder / "all.yaml").write_text(yaml.safe_dump_all(documents))
    cluster = Kubernetes(manifests=(folder,))
    return declared_ingresses.gather(visit("http://localhost", kubernetes=cluster)).ingresses


def test_limits_are_kept_and_nothing_else(tmp_path):
    (one,) = look(tmp_path, {f"{NGINX}/limit-rps": "5", f"{NGINX}/rewrite-target": "/"})
    assert (one.origin, one.name, one.limits) == ("all.yaml", "shop", {f"{NGINX}/limit-rps": "5"})


def test_an_ingress_without_annotations_has_no_limits(tmp_path):
    assert [one.limits for one in look(tmp_path, None, {"a": 1})] == [{}, {}]


def test_without_manifests_nothing_is_read():
    with pytest.raises(NotSeen) as error:
        declared_ingresses.gather(visit("http://localhost"))
    assert error.value.cause == "not_configured"
