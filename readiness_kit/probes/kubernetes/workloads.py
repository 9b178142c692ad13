"""Reads how containers are watched, from manifests and from the objects of a cluster."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.kubernetes.workloads import (
    Container,
    DeclaredWorkloads,
    HealthProbe,
    Workload,
)
from readiness_kit.probes.kubernetes.manifests import Manifest, manifest_files, manifests
from readiness_kit.sources import Visit, source

KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout", "Pod"})
"""What runs for good; a Job ends, and needs no probes."""

How = Literal["http", "tcp", "grpc", "exec"]
_LONGEST = 300


class Port(msgspec.Struct, frozen=True):
    """One port of a container."""

    containerPort: int  # noqa: N815 - the API's own names, here and below
    name: str | None = None


class _Http(msgspec.Struct, frozen=True):
    port: int | str
    path: str | None = None


class _Tcp(msgspec.Struct, frozen=True):
    port: int | str


class _Grpc(msgspec.Struct, frozen=True):
    port: int
    service: str | None = None


class _Exec(msgspec.Struct, frozen=True):
    command: tuple[str, ...] | None = None


class Probe(msgspec.Struct, frozen=True):
    """One probe as the API has it."""

    httpGet: _Http | None = None  # noqa: N815
    tcpSocket: _Tcp | None = None  # noqa: N815
    grpc: _Grpc | None = None
    exec: _Exec | None = None
    initialDelaySeconds: int | None = None  # noqa: N815
    periodSeconds: int | None = None  # noqa: N815
    timeoutSeconds: int | None = None  # noqa: N815
    failureThreshold: int | None = None  # noqa: N815


class _Container(msgspec.Struct, frozen=True):
    name: str = ""
    ports: tuple[Port, ...] | None = None
    livenessProbe: Probe | None = None  # noqa: N815
    readinessProbe: Probe | None = None  # noqa: N815
    startupProbe: Probe | None = None  # noqa: N815
    restartPolicy: str | None = None  # noqa: N815


class Pod(msgspec.Struct, frozen=True):
    """The specification of a pod."""

    containers: tuple[_Container, ...] = ()
    initContainers: tuple[_Container, ...] | None = None  # noqa: N815


class _Metadata(msgspec.Struct, frozen=True):
    name: str = ""


class _Template(msgspec.Struct, frozen=True):
    spec: Pod = Pod()


class _Spec(msgspec.Struct, frozen=True):
    template: _Template = _Template()


class _Workload(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: _Spec = _Spec()


class _BarePod(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: Pod = Pod()


@source(effect="read", asks="no request: reads the declared manifests", deadline_s=15)
def declared_workloads(visit: Visit) -> DeclaredWorkloads:
    """Read every workload among the declared manifests.

    Raises:
        NotSeen: No manifests are declared, or they cannot be read.

    """
    files = tuple(manifest_files(visit))
    found = (one for file in files for one in manifests(file) if one.kind in KINDS)
    return DeclaredWorkloads(
        files=tuple(file.name for file in files),
        health=visit.api.health,
        ready=visit.api.ready,
        workloads=tuple(map(_workload, found)),
        observed_at=datetime.now(UTC),
    )


def _workload(one: Manifest) -> Workload:
    try:
        if one.kind == "Pod":
            pod = msgspec.convert(one.body, _BarePod)
            name, spec = pod.metadata.name, pod.spec
        else:
            made = msgspec.convert(one.body, _Workload)
            name, spec = made.metadata.name, made.spec.template.spec
    except msgspec.ValidationError as error:
        raise NotSeen(
            f"{one.origin}: no {one.kind} that Kubernetes would take: {error}"[:300],
            hint="kubectl apply --dry-run=server says more",
        ) from error
    return Workload(
        origin=one.origin, name=f"{one.kind}/{name}", containers=tuple(containers(spec))
    )


def containers(pod: Pod) -> Iterator[Container]:
    """Yield the containers of *pod* that run for good, side-cars among its first ones included."""
    lasting = (one for one in pod.initContainers or () if one.restartPolicy == "Always")
    for one in (*pod.containers, *lasting):
        ports = one.ports or ()
        yield Container(
            name=one.name,
            liveness=_probe(one.livenessProbe, ports),
            readiness=_probe(one.readinessProbe, ports),
            startup=_probe(one.startupProbe, ports),
        )


def _probe(given: Probe | None, ports: tuple[Port, ...]) -> HealthProbe | None:
    """Return *given* with the defaults of the API reference, Probe v1 core."""
    asked = _asked(given) if given else None
    if given is None or asked is None:
        return None
    how, target, port = asked
    period, timeout, failures = given.periodSeconds, given.timeoutSeconds, given.failureThreshold
    return HealthProbe(
        how=how,
        target=target[:_LONGEST],
        exposed=port is None or _exposed(port, ports),
        initial_delay_s=given.initialDelaySeconds or 0,
        period_s=10 if period is None else period,
        timeout_s=1 if timeout is None else timeout,
        failure_threshold=3 if failures is None else failures,
    )


def _asked(given: Probe) -> tuple[How, str, int | str | None] | None:
    """Return how, what and at which port *given* asks; None when it asks nothing."""
    if given.httpGet:
        return "http", given.httpGet.path or "/", given.httpGet.port
    if given.tcpSocket:
        return "tcp", "", given.tcpSocket.port
    if given.grpc:
        return "grpc", given.grpc.service or "", given.grpc.port
    if given.exec and given.exec.command:
        return "exec", " ".join(given.exec.command), None
    return None


def _exposed(port: int | str, ports: tuple[Port, ...]) -> bool:
    return any(port in {one.containerPort, str(one.containerPort), one.name} for one in ports)
