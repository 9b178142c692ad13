"""Every place that gives the service a variable or a secret: by value, or by reference to a store.

Values pass through here and are never kept in a fact.
"""

import shlex
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from readiness_kit.errors import NotSeen
from readiness_kit.probes.environment.file import parse
from readiness_kit.probes.kubernetes.manifests import Manifest, manifest_files, manifests
from readiness_kit.probes.kubernetes.secrets import Stores, items, mapping, stores
from readiness_kit.sources import Visit

Way = Literal["manager", "kubernetes_secret", "value"]
"""How a variable is given: through a secrets manager, a plain Secret of Kubernetes, or as it is."""

SIZE_CAP_BYTES = 1_000_000


class Given(NamedTuple):
    """How one variable is given."""

    way: Way
    value: str | None
    detail: str


@dataclass(frozen=True)
class Place:
    """One place that gives variables."""

    origin: str
    """Name of the file, or of the process."""

    kind: Literal["file", "process", "manifest", "unit"]
    given: dict[str, Given] = field(default_factory=dict)

    unseen: tuple[Given, ...] = ()
    """Secrets all of whose keys become variables, though their keys are not told."""

    mode: int | None = None
    """Permission bits of an environment file."""

    owner: int | None = None
    """User id of its owner."""

    @property
    def own(self) -> bool:
        """Whether it is the service's environment itself, values and all."""
        return self.kind in {"file", "process"}

    def sets(self, name: str) -> bool:
        """Tell whether *name* is given, and not as an empty value."""
        found = self.given.get(name)
        return found is not None and found.value != ""

    def writes(self, name: str) -> bool:
        """Tell whether *name* is given by its value."""
        found = self.given.get(name)
        return found is not None and found.way == "value" and bool(found.value)


def environments(visit: Visit) -> Iterator[Place]:
    """Yield the declared environment file, local processes, manifests and units.

    Raises:
        NotSeen: One that is declared cannot be read.

    """
    application = visit.target.application
    if application.environment_file is not None:
        yield _file(application.environment_file)
    yield from _processes(application.process_ids)
    if visit.target.kubernetes.manifests:
        found = [one for file in manifest_files(visit) for one in manifests(file)]
        known = stores(found)
        yield from (place for one in found if (place := workload(one, known)) is not None)
    for unit in application.units:
        yield from _unit(unit)


def _file(file: Path) -> Place:
    try:
        with file.open("rb") as stream:
            text = stream.read(SIZE_CAP_BYTES).decode("utf-8", "replace")
        status = file.stat()
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}",
            hint="correct application.environment_file, or give the kit's user access",
        ) from error
    given = {name: Given("value", value, file.name) for name, value in parse(text).items()}
    mode = stat.S_IMODE(status.st_mode)
    return Place(file.name, "file", given, mode=mode, owner=status.st_uid)


def _processes(files: tuple[Path, ...]) -> Iterator[Place]:
    for file in files:
        with suppress(OSError, ValueError, psutil.Error):  # not of this account, or gone
            variables = psutil.Process(int(file.read_text())).environ()
            origin = f"process of {file.name}"
            given = {name: Given("value", value, origin) for name, value in variables.items()}
            yield Place(origin, "process", given)


def workload(one: Manifest, known: Stores) -> Place | None:
    """Return what the pods of a workload are given; None for what makes no pods."""
    pod = _pod(one.body)
    containers = [*items(pod.get("initContainers")), *items(pod.get("containers"))]
    if not containers:
        return None
    name = mapping(one.body.get("metadata")).get("name")
    given = dict(known.mounted(pod, _annotations(one.body)))
    unseen: list[Given] = []
    for container in map(mapping, containers):
        for part in map(mapping, items(container.get("envFrom"))):
            given |= dict(_whole(part, known, unseen))
        for entry in map(mapping, items(container.get("env"))):
            given |= {str(entry.get("name")): _entry(entry, known)}
    ways = {key: Given(*found) for key, found in given.items()}
    return Place(f"{one.origin}: {one.kind}/{name}", "manifest", ways, tuple(unseen))


def _pod(body: Mapping[str, object]) -> Mapping[str, object]:
    spec = mapping(body.get("spec"))
    for step in ("jobTemplate", "spec"):  # of a CronJob
        spec = mapping(spec.get(step)) or spec
    return mapping(mapping(spec.get("template")).get("spec")) or spec


def _annotations(body: Mapping[str, object]) -> Mapping[str, object]:
    spec = mapping(body.get("spec"))
    template = mapping(mapping(spec.get("template")).get("metadata"))
    own = mapping(mapping(body.get("metadata")).get("annotations"))
    return {**own, **mapping(template.get("annotations"))}


def _whole(
    part: Mapping[str, object], known: Stores, unseen: list[Given]
) -> Iterator[tuple[str, tuple[Way, str | None, str]]]:
    """Yield what ``envFrom`` gives."""
    prefix = str(part.get("prefix") or "")
    secret = str(mapping(part.get("secretRef")).get("name") or "")
    config = str(mapping(part.get("configMapRef")).get("name") or "")
    for key, value in known.config_maps.get(config, {}).items():
        yield prefix + key, ("value", value, f"ConfigMap {config}")
    if secret:
        for key in known.keys(secret):
            yield prefix + key, known.way(secret, key)
        if not known.keys(secret):
            unseen.append(Given(*known.way(secret, "")))


def _entry(entry: Mapping[str, object], known: Stores) -> tuple[Way, str | None, str]:
    origin = mapping(entry.get("valueFrom"))
    if not origin:
        return "value", str(entry.get("value") or ""), "env"
    secret, config = mapping(origin.get("secretKeyRef")), mapping(origin.get("configMapKeyRef"))
    if secret:
        return known.way(str(secret.get("name")), str(secret.get("key")))
    name = str(config.get("name"))
    value = known.config_maps.get(name, {}).get(str(config.get("key")))
    return "value", value if config else None, f"ConfigMap {name}" if config else "fieldRef"


def _unit(file: Path) -> Iterator[Place]:
    """Yield what a systemd unit gives: ``Environment=``, and credentials by name."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}", hint="correct application.units"
        ) from error
    given: dict[str, Given] = {}
    for line in text.replace("\\\n", " ").splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "Environment":
            given |= {name: Given("value", word, key) for name, word in _assignments(value)}
        elif key in {"LoadCredential", "LoadCredentialEncrypted", "SetCredentialEncrypted"}:
            given[value.partition(":")[0]] = Given("manager", None, key)
        elif key == "SetCredential":
            name, _, word = value.partition(":")
            given[name] = Given("value", word, key)
    yield Place(file.name, "unit", given)


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    with suppress(ValueError):  # a quote that is not closed: systemd ignores the line, too
        for word in shlex.split(text):
            name, separator, value = word.partition("=")
            if separator:
                yield name, value
