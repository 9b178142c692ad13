"""The API server's answers, as one of version 1.31 gives them."""

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.kubernetes.cluster import autoscaler_states
from readiness_kit.target import Kubernetes, KubernetesApi

ACTIVE = {
    "type": "ScalingActive",
    "status": "True",
    "lastTransitionTime": "2026-02-01T10:00:00Z",
    "reason": "ValidMetricFound",
    "message": "the HPA was able to successfully calculate a replica count",
}
ABLE = {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"}
LIMITED = {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange"}
CURRENT = {
    "type": "Resource",
    "resource": {"name": "cpu", "current": {"averageUtilization": 43, "averageValue": "107m"}},
}
PODS = {"type": "Pods", "pods": {"metric": {"name": "rps"}, "current": {"averageValue": "17"}}}


def autoscaler(*, conditions=(ABLE, ACTIVE, LIMITED), current=(CURRENT,), watched=1):
    return {
        "metadata": {"name": "shop", "namespace": "shop", "uid": "0f"},
        "spec": {"maxReplicas": 10, "metrics": [{"type": "Resource"}] * watched},
        "status": {
            "currentReplicas": 2,
            "desiredReplicas": 2,
            "conditions": list(conditions) or None,
            "currentMetrics": None if current is None else list(current),
        },
    }


def listed(*items):
    return {"kind": "HorizontalPodAutoscalerList", "apiVersion": "autoscaling/v2", "items": items}


def gather(folder, answer, **api):
    token = secret(folder, "token", "t0ken")
    with serve(answer) as url:
        cluster = Kubernetes(api=KubernetesApi(url=url, token=token, namespace="shop", **api))
        headers = {"headers": {"x-api-key": "secret"}}
        return autoscaler_states.gather(
            visit("http://127.0.0.1:1", kubernetes=cluster, api=headers)
        )


def look(folder, *items):
    fact = gather(folder, lambda _: Reply(body=listed(*items)))
    return fact.autoscalers[0] if fact.autoscalers else fact


def test_a_living_autoscaler_is_asked_with_its_own_token_only(tmp_path):
    def answer(asked):
        assert asked.method == "GET"
        assert asked.path == "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
        assert asked.token == "t0ken"
        assert "x-api-key" not in asked.headers
        return Reply(body=listed(autoscaler(current=(CURRENT, PODS), watched=2)))

    (found,) = gather(tmp_path, answer).autoscalers
    assert (found.scaling_active, found.able_to_scale, found.reasons) == ("True", "True", ())
    assert (found.watched, found.values) == (2, ("cpu 43 %", "rps 17"))


FAILED = {**ACTIVE, "status": "False", "reason": "FailedGetResourceMetric"}


@pytest.mark.parametrize(
    ("parts", "active", "values"),
    [
        ({"conditions": (ABLE, FAILED), "current": None}, "False", ()),
        ({"conditions": (), "current": ()}, "", ()),
        ({"current": ({"type": ""},)}, "True", ()),
        ({"current": ({"type": "Resource", "resource": {"name": "cpu"}},)}, "True", ()),
    ],
)
def test_what_has_no_value_shows_none(tmp_path, parts, active, values):
    found = look(tmp_path, autoscaler(**parts))
    assert (found.scaling_active, found.values) == (active, values)


def test_a_failed_condition_comes_with_its_reason(tmp_path):
    found = look(tmp_path, autoscaler(conditions=(ABLE, FAILED)))
    assert found.reasons == ("ScalingActive: FailedGetResourceMetric",)
    assert look(tmp_path).autoscalers == ()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401, {"kind": "Status", "reason": "Unauthorized"}),
        Reply(403, {"kind": "Status", "reason": "Forbidden"}),
        Reply(404),
        Reply(body="<html>"),
        Reply(body={"items": None}),
        Reply(body="[" * 100_000),
    ],
)
def test_no_usable_answer_is_not_a_verdict(tmp_path, reply):
    with pytest.raises(NotSeen):
        gather(tmp_path, lambda _: reply)


def test_an_authority_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotSeen, match="no usable answer"):
        gather(tmp_path, lambda _: Reply(body=listed()), ca=tmp_path / "gone.pem")


def test_without_a_cluster_nothing_is_asked():
    with pytest.raises(NotSeen) as error:
        autoscaler_states.gather(visit("http://127.0.0.1:1"))
    assert error.value.cause == "not_configured"
