"""Ask the API server of Kubernetes, with get and list only."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.kubernetes.manifests import AutoscalerState, AutoscalerStates
from readiness_kit.probes.api.graphql import bearer
from readiness_kit.sources import Visit, source
from readiness_kit.target import KubernetesApi

T = TypeVar("T")


class _Condition(msgspec.Struct, frozen=True):
    type: str
    status: str
    reason: str = ""


class _Current(msgspec.Struct, frozen=True):
    averageUtilization: int | None = None  # noqa: N815 - the API's own names, here and below
    averageValue: str | int | None = None  # noqa: N815
    value: str | int | None = None


class _Named(msgspec.Struct, frozen=True):
    name: str = ""


class _Part(msgspec.Struct, frozen=True):
    current: _Current = _Current()
    name: str = ""
    metric: _Named = _Named()


class _Metric(msgspec.Struct, frozen=True):
    resource: _Part | None = None
    containerResource: _Part | None = None  # noqa: N815
    pods: _Part | None = None
    object: _Part | None = None
    external: _Part | None = None


class _Status(msgspec.Struct, frozen=True):
    conditions: tuple[_Condition, ...] | None = None
    currentMetrics: tuple[_Metric, ...] | None = None  # noqa: N815


class _Spec(msgspec.Struct, frozen=True):
    metrics: tuple[msgspec.Raw, ...] | None = None


class _Autoscaler(msgspec.Struct, frozen=True):
    metadata: _Named
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _Autoscalers(msgspec.Struct, frozen=True):
    items: tuple[_Autoscaler, ...]


@source(effect="read", asks="1 GET of the API server: list of the autoscalers")
def autoscaler_states(visit: Visit) -> AutoscalerStates:
    """List the autoscalers of the namespace.

    Raises:
        NotSeen: No API server is declared, or it gave no such answer.

    """
    api = cluster(visit)
    path = f"/apis/autoscaling/v2/namespaces/{quote(api.namespace, safe='')}"
    found = get(visit, api, f"{path}/horizontalpodautoscalers", _Autoscalers)
    return AutoscalerStates(
        observed_at=datetime.now(UTC),
        namespace=api.namespace,
        autoscalers=tuple(map(_state, found.items)),
    )


def cluster(visit: Visit) -> KubernetesApi:
    """Return the declared API server, or NotSeen ``not_configured``."""
    api = visit.target.kubernetes.api
    if api is None:
        raise NotSeen(
            "readiness.yaml names no API server",
            cause="not_configured",
            hint="add kubernetes.api with url, token and ca, or declare the item not_applicable",
        )
    return api


def get(visit: Visit, api: KubernetesApi, path: str, kind: type[T]) -> T:
    """Return what the API server answers at *path*.

    Raises:
        NotSeen: Refused, unreachable, or not of that *kind*.

    """
    try:
        context = ssl.create_default_context(cafile=str(api.ca) if api.ca else None)
        with visit.client(api.url, verify=context, headers=bearer(api.token)) as client:
            answer = client.get(path)
        if answer.status_code != httpx.codes.OK:
            raise NotSeen(
                f"the API server answered {answer.status_code} to {path}",
                hint="the account needs get and list: kubectl auth can-i --list",
            )
        return msgspec.json.decode(answer.content, type=kind)
    except (OSError, httpx.HTTPError, msgspec.MsgspecError, RecursionError) as error:
        raise NotSeen(
            f"the API server gave no usable answer: {type(error).__name__}: {error}"[:300],
            hint="check kubernetes.api: url, token and ca",
        ) from error


def _state(one: _Autoscaler) -> AutoscalerState:
    conditions = one.status.conditions or ()
    status = {condition.type: condition.status for condition in conditions}
    return AutoscalerState(
        name=one.metadata.name,
        scaling_active=status.get("ScalingActive", ""),
        able_to_scale=status.get("AbleToScale", ""),
        reasons=tuple(
            f"{one.type}: {one.reason}"
            for one in conditions
            if one.type in {"ScalingActive", "AbleToScale"} and one.status != "True"
        ),
        watched=len(one.spec.metrics or ()) or 1,
        values=tuple(_values(one.status.currentMetrics or ())),
    )


def _values(metrics: tuple[_Metric, ...]) -> Iterator[str]:
    """Yield the metrics that have a value; one that could not be had stands there without."""
    for metric in metrics:
        part = (
            metric.resource
            or metric.containerResource
            or metric.pods
            or metric.object
            or metric.external
        )
        if part is None:
            continue
        name, current = part.name or part.metric.name, part.current
        if current.averageUtilization is not None:
            yield f"{name} {current.averageUtilization} %"
        elif current.averageValue is not None or current.value is not None:
            value = current.value if current.averageValue is None else current.averageValue
            yield f"{name} {value}"
