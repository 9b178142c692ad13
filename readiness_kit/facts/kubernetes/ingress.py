"""What the manifests ask of the ingress in front of the service."""

from readiness_kit.facts import Fact, Record


class Ingress(Record, frozen=True):
    """One Ingress of the manifests."""

    origin: str
    """Name of its file."""

    name: str

    limits: dict[str, str]
    """Annotations that limit requests, connections or bodies, by their full names."""


class DeclaredIngresses(Fact, frozen=True, kw_only=True):
    """The ingresses of the declared manifests."""

    files: tuple[str, ...]
    """Names of the files that were read."""

    ingresses: tuple[Ingress, ...]
