"""Read Kubernetes manifests as they are applied."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import yaml

from readiness_kit.errors import NotSeen
from readiness_kit.facts.kubernetes.manifests import DeclaredAutoscaler, DeclaredAutoscalers
from readiness_kit.sources import Visit, source

FILES_CAP = 500
SIZE_CAP_BYTES = 1_000_000
DEFAULT_CPU_PERCENT = 80
"""What an autoscaler without metrics aims at (Kubernetes API reference, autoscaling/v2)."""

_SUFFIXES = (".yaml", ".yml", ".json")


class Manifest(NamedTuple):
    """One object, and where it stands."""

    origin: str
    kind: str
    api_version: str
    body: dict[str, object]


class _Target(msgspec.Struct, frozen=True):
    averageUtilization: int | None = None  # noqa: N815 - the API's own names, here and below


class _Resource(msgspec.Struct, frozen=True):
    name: str
    target: _Target = _Target()


class _Named(msgspec.Struct, frozen=True):
    name: str


class _Metered(msgspec.Struct, frozen=True):
    metric: _Named


class _Metric(msgspec.Struct, frozen=True):
    type: str
    resource: _Resource | None = None
    containerResource: _Resource | None = None  # noqa: N815
    pods: _Metered | None = None
    object: _Metered | None = None
    external: _Metered | None = None


class _Scaled(msgspec.Struct, frozen=True):
    kind: str
    name: str


class _Spec(msgspec.Struct, frozen=True):
    scaleTargetRef: _Scaled  # noqa: N815
    maxReplicas: int  # noqa: N815
    minReplicas: int | None = None  # noqa: N815
    metrics: tuple[_Metric, ...] | None = None
    targetCPUUtilizationPercentage: int | None = None  # noqa: N815


class _Autoscaler(msgspec.Struct, frozen=True):
    metadata: _Named
    spec: _Spec


class _Amounts(msgspec.Struct, frozen=True):
    requests: dict[str, object] | None = None
    limits: dict[str, object] | None = None


class _Container(msgspec.Struct, frozen=True):
    resources: _Amounts | None = None


class _Pod(msgspec.Struct, frozen=True):
    containers: tuple[_Container, ...] = ()


class _Template(msgspec.Struct, frozen=True):
    spec: _Pod = _Pod()


class _WorkloadSpec(msgspec.Struct, frozen=True):
    template: _Template = _Template()


class _Workload(msgspec.Struct, frozen=True):
    metadata: _Named
    spec: _WorkloadSpec = _WorkloadSpec()


@source(effect="read", asks="no request: reads the declared manifests", deadline_s=15)
def declared_autoscalers(visit: Visit) -> DeclaredAutoscalers:
    """Read every autoscaler among the declared manifests.

    Raises:
        NotSeen: No manifests are declared, or they cannot be read.

    """
    files = tuple(manifest_files(visit))
    found = [one for file in files for one in manifests(file)]
    return DeclaredAutoscalers(
        observed_at=datetime.now(UTC),
        files=tuple(file.name for file in files),
        objects=len(found),
        autoscalers=tuple(
            _autoscaler(one, found) for one in found if one.kind == "HorizontalPodAutoscaler"
        ),
    )


def manifest_files(visit: Visit) -> Iterator[Path]:
    """Yield the declared files, and those of the declared folders.

    Raises:
        NotSeen: None are declared, or one is not there.

    """
    declared = visit.target.kubernetes.manifests
    if not declared:
        raise NotSeen(
            "readiness.yaml names no manifests",
            cause="not_configured",
            hint="name them as kubernetes.manifests, or declare the item not_applicable",
        )
    files: list[Path] = []
    for path in declared:
        below = sorted(path.rglob("*")) if path.is_dir() else [path]
        files += [one for one in below if one == path or one.suffix in _SUFFIXES]
    if len(files) > FILES_CAP:
        raise NotSeen(f"more than {FILES_CAP} manifests", hint="name the service's own folder only")
    yield from files


def manifests(file: Path) -> Iterator[Manifest]:
    """Yield the objects in *file*, those of a list one by one; what is no object is passed over.

    Raises:
        NotSeen: It cannot be read, or is no YAML.

    """
    try:
        with file.open("rb") as stream:
            data = stream.read(SIZE_CAP_BYTES + 1)
        if len(data) > SIZE_CAP_BYTES:
            raise NotSeen(f"{file.name} is longer than {SIZE_CAP_BYTES} bytes")
        documents = list(yaml.safe_load_all(data))
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}", hint="correct kubernetes.manifests"
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise NotSeen(
            f"{file.name} is no YAML: {error}"[:200],
            hint="render templates first: helm template, kustomize build",
        ) from error
    for document in documents:
        yield from _objects(document, file.name)


def _objects(document: object, origin: str, depth: int = 0) -> Iterator[Manifest]:
    if not isinstance(document, dict) or depth > 1:
        return
    kind, version = document.get("kind"), document.get("apiVersion")
    items = document.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        for item in items:
            yield from _objects(item, origin, depth + 1)
    elif isinstance(kind, str) and isinstance(version, str):
        yield Manifest(origin, kind, version, document)


def _autoscaler(one: Manifest, among: Sequence[Manifest]) -> DeclaredAutoscaler:
    try:
        found = msgspec.convert(one.body, _Autoscaler)
    except msgspec.ValidationError as error:
        raise NotSeen(
            f"{one.origin}: no autoscaler that Kubernetes would take: {error}"[:300],
            hint="kubectl apply --dry-run=server says more",
        ) from error
    spec, cpu = found.spec, found.spec.targetCPUUtilizationPercentage
    resources = [
        part
        for metric in spec.metrics or ()
        if (part := metric.resource or metric.containerResource)
    ]
    if not spec.metrics and cpu is None:
        cpu = DEFAULT_CPU_PERCENT
    targets = [one.target.averageUtilization for one in resources if one.name == "cpu"]
    cpu = max((target for target in targets if target is not None), default=cpu)
    return DeclaredAutoscaler(
        origin=one.origin,
        name=found.metadata.name,
        api_version=one.api_version,
        scales=f"{spec.scaleTargetRef.kind}/{spec.scaleTargetRef.name}",
        min_replicas=1 if spec.minReplicas is None else spec.minReplicas,
        max_replicas=spec.maxReplicas,
        cpu_target_percent=cpu,
        watches=tuple(map(_watched, spec.metrics)) if spec.metrics else ("cpu",),
        requests=_requests(spec.scaleTargetRef, {"cpu", *(one.name for one in resources)}, among),
    )


def _watched(metric: _Metric) -> str:
    resource = metric.resource or metric.containerResource
    metered = metric.pods or metric.object or metric.external
    return resource.name if resource else metered.metric.name if metered else metric.type


def _requests(
    scaled: _Scaled, names: set[str], among: Sequence[Manifest]
) -> Literal["set", "missing", "not_seen"]:
    """Tell whether every container of *scaled* requests *names*; a limit is a request as well."""
    for one in among:
        if one.kind != scaled.kind:
            continue
        try:
            workload = msgspec.convert(one.body, _Workload)
        except msgspec.ValidationError:
            continue
        if workload.metadata.name == scaled.name:
            containers = workload.spec.template.spec.containers
            every = all(names <= _requested(container) for container in containers)
            return "set" if containers and every else "missing"
    return "not_seen"


def _requested(container: _Container) -> set[str]:
    amounts = container.resources or _Amounts()
    return {*(amounts.requests or {}), *(amounts.limits or {})}
