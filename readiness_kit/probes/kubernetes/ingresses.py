"""Reads the limits of every Ingress in the manifests."""

import re
from datetime import UTC, datetime

import msgspec

from readiness_kit.facts.kubernetes.ingress import DeclaredIngresses, Ingress
from readiness_kit.probes.kubernetes.manifests import Manifest, manifest_files, manifests
from readiness_kit.sources import Visit, source

LIMITING = re.compile(
    r"nginx\.ingress\.kubernetes\.io/(limit-[\w-]+|proxy-body-size)|nginx\.org/(limit-req-[\w-]+"
    r"|client-max-body-size)|haproxy\.org/rate-limit-[\w-]+"
)
"""Annotations of the ingress controllers of Kubernetes, NGINX and HAProxy."""


class _Metadata(msgspec.Struct, frozen=True):
    name: str = ""
    annotations: dict[str, object] | None = None


class _Object(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()


@source(effect="read", asks="no request: reads the declared manifests", deadline_s=15)
def declared_ingresses(visit: Visit) -> DeclaredIngresses:
    """Read every ingress among the declared manifests.

    Raises:
        NotSeen: No manifests are declared, or they cannot be read.

    """
    files = tuple(manifest_files(visit))
    found = (one for file in files for one in manifests(file))
    return DeclaredIngresses(
        files=tuple(file.name for file in files),
        ingresses=tuple(_ingress(one) for one in found if one.kind == "Ingress"),
        observed_at=datetime.now(UTC),
    )


def _ingress(one: Manifest) -> Ingress:
    try:
        metadata = msgspec.convert(one.body, _Object).metadata
    except msgspec.ValidationError:
        metadata = _Metadata()
    given = metadata.annotations or {}
    return Ingress(
        origin=one.origin,
        name=metadata.name,
        limits={name: str(value) for name, value in given.items() if LIMITING.fullmatch(name)},
    )
