"""Who fails over by itself, and how the kit asks it."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from readiness_kit.target.parts import Part


class CloudNativePg(Part, frozen=True):
    """A ``Cluster`` of CloudNativePG, asked for at ``kubernetes.api``.

    The account needs get on that cluster, list on the pods beside it, and get on the lease of the
    operator, which tells that it is at work.
    """

    cluster: str
    """Name of the ``Cluster``."""

    namespace: str = ""
    """Its namespace; empty means ``kubernetes.api.namespace``."""

    operator_namespace: str = "cnpg-system"
    """Namespace of the operator."""


class Rds(Part, frozen=True):
    """An instance of RDS, or a cluster of RDS or Aurora, asked by the extra ``aws``.

    Keys come from where AWS's own tools look for them. They need ``rds:DescribeDBInstances`` and,
    for a cluster, ``rds:DescribeDBClusters``.
    """

    instance: str = ""
    """Identifier of the instance."""

    cluster: str = ""
    """Identifier of the cluster, instead."""

    region: str = ""
    """Region; empty means what AWS's own settings say."""

    endpoint_url: Annotated[str, Meta(pattern=r"^https?://[^/@]+/?$")] | None = None
    """URL of the service, where it is not Amazon's own."""

    ca: Path | None = None
    """PEM file of the authority behind its certificate."""

    profile: str = ""
    """Profile of ``~/.aws/config``; empty means AWS's usual order."""

    def __post_init__(self) -> None:
        """Demand one identifier.

        Raises:
            ValueError: None is given, or both.

        """
        if bool(self.instance) == bool(self.cluster):
            raise ValueError("name either database.rds.instance or database.rds.cluster")
