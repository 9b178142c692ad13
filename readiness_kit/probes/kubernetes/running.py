"""Asks the API server of Kubernetes for the workloads of a namespace and their ready addresses."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from readiness_kit.facts.kubernetes.workloads import Replicas, RunningWorkloads, Workload
from readiness_kit.probes.kubernetes.cluster import cluster, get
from readiness_kit.probes.kubernetes.workloads import Pod, containers
from readiness_kit.sources import Visit, source

KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}
SERVICE_NAME = "kubernetes.io/service-name"
"""Label by which a slice belongs to its service (Kubernetes: EndpointSlices, Ownership)."""

COMPLETE, STUCK = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"
"""Reasons of the condition Progressing once a rollout is over, or has come to nothing."""


class _Metadata(msgspec.Struct, frozen=True):
    name: str = ""
    labels: dict[str, str] | None = None
    generation: int = 0


class _Template(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    spec: Pod = Pod()


class _Spec(msgspec.Struct, frozen=True):
    replicas: int | None = None
    template: _Template = _Template()


class _Condition(msgspec.Struct, frozen=True):
    type: str
    reason: str = ""


class _Status(msgspec.Struct, frozen=True):
    readyReplicas: int | None = None  # noqa: N815 - the API's own names, here and below
    updatedReplicas: int | None = None  # noqa: N815
    numberReady: int | None = None  # noqa: N815
    desiredNumberScheduled: int | None = None  # noqa: N815
    updatedNumberScheduled: int | None = None  # noqa: N815
    observedGeneration: int = 0  # noqa: N815
    conditions: tuple[_Condition, ...] | None = None


class _Running(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _Runnings(msgspec.Struct, frozen=True):
    items: tuple[_Running, ...]


class _Selecting(msgspec.Struct, frozen=True):
    selector: dict[str, str] | None = None


class _Service(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: _Selecting = _Selecting()


class _Services(msgspec.Struct, frozen=True):
    items: tuple[_Service, ...]


class _State(msgspec.Struct, frozen=True):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None

    @property
    def takes_requests(self) -> bool:
        """Whether it is ready; unset means so. publishNotReadyAddresses sets ``ready`` anyway."""
        return False not in (self.ready, self.serving) and not self.terminating


class _Pointed(msgspec.Struct, frozen=True):
    name: str = ""


class _Endpoint(msgspec.Struct, frozen=True):
    addresses: tuple[str, ...] = ()
    conditions: _State = _State()
    targetRef: _Pointed | None = None  # noqa: N815


class _Slice(msgspec.Struct, frozen=True):
    metadata: _Metadata
    endpoints: tuple[_Endpoint, ...] | None = None


class _Slices(msgspec.Struct, frozen=True):
    items: tuple[_Slice, ...]


@source(effect="read", asks="5 GET of the API server: workloads, services, EndpointSlices")
def running_workloads(visit: Visit) -> RunningWorkloads:
    """List the workloads of the namespace, and count the ready addresses of each service.

    Raises:
        NotSeen: No API server is declared, or it gave no such answer.

    """
    api = cluster(visit)
    space = f"namespaces/{quote(api.namespace, safe='')}"
    running = {
        f"{kind}/{one.metadata.name}": one
        for plural, kind in KINDS.items()
        for one in get(visit, api, f"/apis/apps/v1/{space}/{plural}", _Runnings).items
    }
    services = get(visit, api, f"/api/v1/{space}/services", _Services).items
    slices = get(visit, api, f"/apis/discovery.k8s.io/v1/{space}/endpointslices", _Slices).items
    return RunningWorkloads(
        namespace=api.namespace,
        health=visit.api.health,
        ready=visit.api.ready,
        workloads=tuple(
            Workload(
                origin="cluster", name=name, containers=tuple(containers(one.spec.template.spec))
            )
            for name, one in running.items()
        ),
        replicas=tuple(_replicas(running, services, slices)),
        observed_at=datetime.now(UTC),
    )


def _replicas(
    running: Mapping[str, _Running], services: Sequence[_Service], slices: Sequence[_Slice]
) -> Iterator[Replicas]:
    """Yield every service that selects a workload, then the workloads that none selects."""
    served: set[str] = set()
    for service in services:
        wanted = service.spec.selector or {}
        names = [name for name, one in running.items() if wanted and _selects(wanted, one)]
        served.update(names)
        if names:
            yield Replicas(
                name=f"Service/{service.metadata.name} of {', '.join(names)}",
                wanted=sum(_wanted(running[name]) for name in names),
                ready=_ready(service.metadata.name, slices),
                rolling=any(_rolling(running[name]) for name in names),
            )
    for name, one in running.items():
        if name not in served:
            ready = one.status.readyReplicas or one.status.numberReady or 0
            yield Replicas(name=name, wanted=_wanted(one), ready=ready, rolling=_rolling(one))


def _selects(selector: Mapping[str, str], one: _Running) -> bool:
    return selector.items() <= (one.spec.template.metadata.labels or {}).items()


def _wanted(one: _Running) -> int:
    """Return how many pods there should be; a DaemonSet has one a node, all others default to 1."""
    scheduled = one.status.desiredNumberScheduled
    if scheduled is not None:
        return scheduled
    return 1 if one.spec.replicas is None else one.spec.replicas


def _ready(service: str, slices: Sequence[_Slice]) -> int:
    """Count the ready pods of *service*; one with an address of each family is one."""
    found = (
        one
        for piece in slices
        if (piece.metadata.labels or {}).get(SERVICE_NAME) == service
        for one in piece.endpoints or ()
    )
    ready = (one for one in found if one.conditions.takes_requests)
    return len({one.targetRef.name if one.targetRef else one.addresses for one in ready})


def _rolling(one: _Running) -> bool:
    status = one.status
    reasons = {one.reason for one in status.conditions or () if one.type == "Progressing"}
    if STUCK in reasons:
        return False
    updated = status.updatedNumberScheduled
    updated = (status.updatedReplicas or 0) if updated is None else updated
    unseen = status.observedGeneration < one.metadata.generation
    return unseen or updated < _wanted(one) or bool(reasons - {COMPLETE})
