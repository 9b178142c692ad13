"""How Kubernetes watches the containers of the service, and how many of them are ready."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class HealthProbe(Record, frozen=True):
    """One liveness, readiness or startup probe, Kubernetes' defaults filled in."""

    how: Literal["http", "tcp", "grpc", "exec"]

    target: str
    """Path, service of gRPC, or the command; empty for TCP."""

    exposed: bool
    """Whether its port is among those the container declares; true for a command."""

    initial_delay_s: int
    """Wait before the first one, seconds."""

    period_s: int
    """From one to the next, seconds."""

    timeout_s: int
    """Longest wait for an answer, seconds."""

    failure_threshold: int
    """Failures in a row that count."""


class Container(Record, frozen=True):
    """One container that runs for good."""

    name: str
    liveness: HealthProbe | None
    readiness: HealthProbe | None
    startup: HealthProbe | None


class Workload(Record, frozen=True):
    """What makes pods: a Deployment, a StatefulSet and the like."""

    origin: str
    """Name of its file, or ``cluster``."""

    name: str
    """Kind and name, e.g. ``Deployment/shop``."""

    containers: tuple[Container, ...]


class Replicas(Record, frozen=True):
    """How many replicas are wanted, and how many are ready."""

    name: str
    """The service and what it selects, or a workload that no service selects."""

    wanted: int
    """``spec.replicas`` of all it selects."""

    ready: int
    """Ready addresses in its EndpointSlices; ready pods of a workload without a service."""

    rolling: bool
    """Whether a rollout is under way."""


class DeclaredWorkloads(Fact, frozen=True, kw_only=True):
    """The workloads of the declared manifests."""

    files: tuple[str, ...]
    """Names of the files that were read."""

    health: str
    """Path of the service's liveness endpoint."""

    ready: str
    """Path of its readiness endpoint."""

    workloads: tuple[Workload, ...]


class RunningWorkloads(Fact, frozen=True, kw_only=True):
    """The workloads of one namespace, as the API server tells of them."""

    namespace: str

    health: str
    """Path of the service's liveness endpoint."""

    ready: str
    """Path of its readiness endpoint."""

    workloads: tuple[Workload, ...]
    replicas: tuple[Replicas, ...]
