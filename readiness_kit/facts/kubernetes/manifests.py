"""What manifests declare for Kubernetes, and what its API server tells."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class DeclaredAutoscaler(Record, frozen=True):
    """One HorizontalPodAutoscaler of the manifests."""

    origin: str
    """Name of its file."""

    name: str
    """Its name."""

    api_version: str
    """``autoscaling/v2``, or an older one."""

    scales: str
    """Kind and name of what it scales, e.g. ``Deployment/shop``."""

    min_replicas: int
    """Fewest replicas; 1 where the manifest says nothing."""

    max_replicas: int
    """Most replicas."""

    cpu_target_percent: int | None
    """Utilisation of CPU it aims at; ``None`` when it goes by something else."""

    watches: tuple[str, ...]
    """Every metric it goes by."""

    requests: Literal["set", "missing", "not_seen"]
    """Whether each container of what it scales requests CPU and what else it is measured by;
    ``not_seen`` when that workload is not among the manifests.
    """


class DeclaredAutoscalers(Fact, frozen=True, kw_only=True):
    """The autoscalers of the declared manifests."""

    files: tuple[str, ...]
    """Names of the files that were read."""

    objects: int
    """Objects of Kubernetes in them."""

    autoscalers: tuple[DeclaredAutoscaler, ...]
    """Every autoscaler."""


class AutoscalerState(Record, frozen=True):
    """One autoscaler, as the API server tells of it."""

    name: str
    """Its name."""

    scaling_active: str
    """Condition ScalingActive: ``True``, ``False`` or ``Unknown``; empty when there is none."""

    able_to_scale: str
    """Condition AbleToScale, likewise."""

    reasons: tuple[str, ...]
    """Reasons of the conditions that are not true."""

    watched: int
    """Metrics that it goes by."""

    values: tuple[str, ...]
    """Current value of each metric that has one, e.g. ``cpu 43 %``."""


class AutoscalerStates(Fact, frozen=True, kw_only=True):
    """The autoscalers of one namespace."""

    namespace: str
    """The namespace."""

    autoscalers: tuple[AutoscalerState, ...]
    """Every autoscaler in it."""
