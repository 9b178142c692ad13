"""Which secrets of Kubernetes come from a manager, and which are plain, by their manifests."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from readiness_kit.probes.kubernetes.manifests import Manifest

Origin = tuple[Literal["manager", "kubernetes_secret", "value"], str | None, str]
"""Way, value where it is written down, and what says so."""

VAULT = "vault.hashicorp.com/agent-inject"
CSI = "secrets-store.csi.k8s.io"


@dataclass(frozen=True)
class Stores:
    """The secrets and configuration maps that manifests speak of."""

    managed: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    """By the name of the Secret that a manager fills: what fills it, and the keys it tells of."""

    written: dict[str, dict[str, str]] = field(default_factory=dict)
    """Secrets whose values stand in a manifest."""

    classes: frozenset[str] = frozenset()
    """Names of SecretProviderClasses."""

    config_maps: dict[str, dict[str, str]] = field(default_factory=dict)

    def keys(self, secret: str) -> frozenset[str]:
        """Return the keys of *secret* that are told."""
        _, managed = self.managed.get(secret, ("", frozenset[str]()))
        return managed | frozenset(self.written.get(secret, {}))

    def way(self, secret: str, key: str) -> Origin:
        """Tell where *key* of *secret* comes from."""
        if key in self.written.get(secret, {}):
            return "value", self.written[secret][key], f"Secret {secret} with its value"
        filler, keys = self.managed.get(secret, ("", frozenset[str]()))
        if filler and (key in keys or not keys):
            return "manager", None, filler
        return "kubernetes_secret", None, f"Secret {secret}"

    def mounted(
        self, pod: Mapping[str, object], annotations: Mapping[str, object]
    ) -> Iterator[tuple[str, Origin]]:
        """Yield the files that a manager or the platform puts into a pod, by name."""
        if str(annotations.get(VAULT)).lower() == "true":
            for name in annotations:
                if name.startswith(f"{VAULT}-secret-"):
                    yield name.removeprefix(f"{VAULT}-secret-"), ("manager", None, "Vault agent")
        for volume in map(mapping, items(pod.get("volumes"))):
            yield from self._volume(volume)

    def _volume(self, volume: Mapping[str, object]) -> Iterator[tuple[str, Origin]]:
        name = str(mapping(volume.get("secret")).get("secretName") or "")
        for key in self.keys(name):
            yield key, self.way(name, key)
        csi = mapping(volume.get("csi"))
        chosen = str(mapping(csi.get("volumeAttributes")).get("secretProviderClass"))
        if csi.get("driver") == CSI and chosen in self.classes:
            yield str(volume.get("name")), ("manager", None, f"SecretProviderClass {chosen}")


def stores(found: Iterable[Manifest]) -> Stores:
    """Return what *found* says of secrets."""
    managed: dict[str, tuple[str, frozenset[str]]] = {}
    written: dict[str, dict[str, str]] = {}
    classes: set[str] = set()
    config_maps: dict[str, dict[str, str]] = {}
    for one in found:
        name = str(mapping(one.body.get("metadata")).get("name"))
        if one.kind == "Secret":
            written[name] = secret_values(one.body)
        elif one.kind == "ConfigMap":
            data = mapping(one.body.get("data"))
            config_maps[name] = {key: str(value) for key, value in data.items()}
        elif one.kind == "SecretProviderClass":
            classes.add(name)
        managed |= dict(_filled(one, name))
    return Stores(managed, written, frozenset(classes), config_maps)


def secret_values(body: Mapping[str, object]) -> dict[str, str]:
    """Return the values that a Secret's manifest holds; what is encrypted in place is none."""
    if "sops" in body:
        return {}
    plain = {key: str(value) for key, value in mapping(body.get("stringData")).items() if value}
    for key, value in mapping(body.get("data")).items():
        try:
            text = base64.b64decode(str(value), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            text = str(value)
        if value:
            plain[key] = text
    return plain


def _filled(one: Manifest, name: str) -> Iterator[tuple[str, tuple[str, frozenset[str]]]]:
    """Yield the Secrets that *one* fills, with what fills them and their keys as far as told."""
    spec, what = mapping(one.body.get("spec")), f"{one.kind} {name}"
    if one.kind in {"ExternalSecret", "ClusterExternalSecret"}:
        spec = mapping(spec.get("externalSecretSpec")) or spec
        target = str(mapping(spec.get("target")).get("name") or name)
        keys = {str(mapping(part).get("secretKey")) for part in items(spec.get("data"))}
        yield target, (what, frozenset() if spec.get("dataFrom") else frozenset(keys))
    elif one.kind == "SealedSecret":
        template = mapping(mapping(spec.get("template")).get("metadata"))
        sealed = frozenset(map(str, mapping(spec.get("encryptedData"))))
        yield str(template.get("name") or name), (what, sealed)
    elif one.kind in {"VaultStaticSecret", "VaultDynamicSecret"}:
        yield str(mapping(spec.get("destination")).get("name")), (what, frozenset())
    elif one.kind == "SecretProviderClass":
        for part in map(mapping, items(spec.get("secretObjects"))):
            told = {str(mapping(entry).get("key")) for entry in items(part.get("data"))}
            yield str(part.get("secretName")), (what, frozenset(told))


def mapping(value: object) -> dict[str, object]:
    """Return *value* if it is a mapping, an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """Return *value* if it is a list, an empty one otherwise."""
    return value if isinstance(value, list) else []
