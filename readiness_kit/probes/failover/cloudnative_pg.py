"""Ask Kubernetes for a cluster of CloudNativePG, for its pods, and for the operator's sign of life.

The cluster's status is the operator's own word, and stays as it was when the operator has died:
pods are as the kubelet tells, and the operator is at work while it renews its lease.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.failover.means import FailoverManager, Member
from readiness_kit.probes.kubernetes.cluster import cluster, get
from readiness_kit.sources import Visit

HEALTHY = "Cluster in healthy state"
LEASE = "db9c8771.cnpg.io"
"""Lease of the operator that leads (CloudNativePG, internal/cmd/manager/controller)."""

RENEWED_S = 60.0
"""The lease lasts 15 s; this leaves room for clocks that differ (default)."""

FENCED, HIBERNATION = "cnpg.io/fencedInstances", "cnpg.io/hibernation"
RECONCILIATION = "cnpg.io/reconciliationLoop"
CLUSTER_LABEL = "cnpg.io/cluster"
ROLES = ("cnpg.io/instanceRole", "role")
"""Labels of a pod that is an instance, and no pooler; the second until version 1.20."""


class _Metadata(msgspec.Struct, frozen=True):
    name: str = ""
    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class _Condition(msgspec.Struct, frozen=True):
    type: str
    status: str
    reason: str = ""


class _Spec(msgspec.Struct, frozen=True):
    instances: int = 1


class _Status(msgspec.Struct, frozen=True):
    phase: str = ""
    readyInstances: int = 0  # noqa: N815 - the API's own names, here and below
    currentPrimary: str = ""  # noqa: N815
    targetPrimary: str = ""  # noqa: N815
    conditions: tuple[_Condition, ...] | None = None


class _Cluster(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: _Spec
    status: _Status = _Status()


class _PodStatus(msgspec.Struct, frozen=True):
    conditions: tuple[_Condition, ...] | None = None


class _Pod(msgspec.Struct, frozen=True):
    metadata: _Metadata
    status: _PodStatus = _PodStatus()


class _Pods(msgspec.Struct, frozen=True):
    items: tuple[_Pod, ...]


class _Held(msgspec.Struct, frozen=True):
    renewTime: datetime | None = None  # noqa: N815


class _Lease(msgspec.Struct, frozen=True):
    spec: _Held = _Held()


def cloudnative_pg(visit: Visit) -> FailoverManager:
    """Ask for the declared cluster.

    Raises:
        NotSeen: It is not declared, or the API server gave no such answer.

    """
    declared = visit.database.cloudnative_pg
    if declared is None:
        raise NotSeen("readiness.yaml names no cluster", cause="not_configured")
    api = cluster(visit)
    space, name = quote(declared.namespace or api.namespace, safe=""), quote(declared.cluster, "")
    groups = f"/apis/postgresql.cnpg.io/v1/namespaces/{space}"
    found = get(visit, api, f"{groups}/clusters/{name}", _Cluster)
    label = quote(f"{CLUSTER_LABEL}={declared.cluster}", safe="")
    pods = get(visit, api, f"/api/v1/namespaces/{space}/pods?labelSelector={label}", _Pods).items
    age_s = _operator_age_s(visit, quote(declared.operator_namespace, safe=""))
    notes = found.metadata.annotations or {}
    return FailoverManager(
        observed_at=datetime.now(UTC),
        kind="cloudnative_pg",
        asked=2,
        answered=1 if age_s is None else 2,
        members=tuple(_members(found, pods)),
        agreed=found.status.currentPrimary == found.status.targetPrimary,
        paused=notes.get(HIBERNATION) == "on" or notes.get(RECONCILIATION) == "disabled",
        down=_down(found, age_s),
        voters=visit.database.voters,
        managed=False,
        ours=None,
    )


def _operator_age_s(visit: Visit, space: str) -> float | None:
    """Return how long ago the operator renewed its lease; ``None`` when that cannot be asked."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{space}/leases/{LEASE}"
    try:
        renewed = get(visit, cluster(visit), path, _Lease).spec.renewTime
    except NotSeen:
        return None
    return None if renewed is None else (datetime.now(UTC) - renewed).total_seconds()


def _down(found: _Cluster, age_s: float | None) -> str:
    """Return why nobody would fail over, or would not be ready to; empty when all is well."""
    if age_s is not None and age_s > RENEWED_S:
        return f"the operator last renewed its lease {age_s:.0f} s ago"
    if found.status.phase != HEALTHY:
        return f"phase: {found.status.phase or 'none'}"
    if found.status.readyInstances < found.spec.instances:
        return f"{found.status.readyInstances} of {found.spec.instances} instances are ready"
    conditions = found.status.conditions or ()
    return next((f"not ready: {one.reason}" for one in conditions if _is_not_ready(one)), "")


def _is_not_ready(one: _Condition) -> bool:
    return one.type == "Ready" and one.status != "True"


def _members(found: _Cluster, pods: tuple[_Pod, ...]) -> Iterator[Member]:
    fenced = (found.metadata.annotations or {}).get(FENCED, "")
    for pod in pods:
        if not any(label in (pod.metadata.labels or {}) for label in ROLES):
            continue
        name = pod.metadata.name
        states = {one.type: one.status for one in pod.status.conditions or ()}
        ready = states.get("Ready") == "True"
        is_fenced = f'"{name}"' in fenced or '"*"' in fenced
        yield Member(
            name=name,
            role="leader" if name == found.status.currentPrimary else "replica",
            state="fenced" if is_fenced else "running" if ready else "not ready",
        )
