"""Search source, history, manifests, units and images for secrets; keep their fingerprints only."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import yaml

from readiness_kit.errors import NotSeen
from readiness_kit.facts.secrets import FoundSecret, SecretsInCode
from readiness_kit.probes.kubernetes.manifests import Manifest, manifest_files, manifests
from readiness_kit.probes.kubernetes.secrets import items, mapping, secret_values
from readiness_kit.probes.secrets.in_history import (
    Hit,
    Swept,
    hits_in_patch,
    search_history,
    searched,
)
from readiness_kit.probes.secrets.patterns import is_configuration, secrets_in
from readiness_kit.probes.secrets.planted import planted
from readiness_kit.probes.secrets.strength import fingerprint
from readiness_kit.probes.source.tree import Tree, source_tree, text_of
from readiness_kit.sources import Visit, source

MOST_FOUND = 200
DEPTH_CAP = 50


@source(
    effect="read",
    asks="no request: reads source tree, git history, manifests, units, configuration of images",
    deadline_s=60,
)
def secrets_in_code(visit: Visit) -> SecretsInCode:
    """Search everything that is declared, and a planted file by the same way.

    Raises:
        NotSeen: No source tree is declared, or something that is declared cannot be read.

    """
    tree = source_tree(visit)
    objects = _objects(visit)
    in_images, images = _images(visit.target.application.images)
    swept = [
        search_tree(tree, visit),
        search_history(tree, visit),
        _manifests(objects),
        _units(visit.target.application.units),
        in_images,
    ]
    reviewed_by, alarms = _false_alarms(visit.target.credentials.false_alarms)
    hits = {(one.what, one.where, one.fingerprint): one for part in swept for one in part.hits}
    return SecretsInCode(
        searched=tuple(part.searched for part in swept),
        found=tuple(
            FoundSecret(
                kind=one.kind,
                what=one.what,
                where=one.where,
                fingerprint=one.fingerprint,
                reviewed=one.fingerprint in alarms,
            )
            for one in sorted(hits.values(), key=lambda one: one.fingerprint in alarms)[:MOST_FOUND]
        ),
        images_named=tuple(sorted({name for one in objects for name in _named_images(one.body)})),
        images_searched=tuple(images),
        reviewed_by=reviewed_by,
        planted=dict(_planted(visit)),
        observed_at=datetime.now(UTC),
    )


def search_tree(tree: Tree, visit: Visit) -> Swept:
    """Search every file of *tree*."""
    hits, unread = [], 0
    for file in tree.files:
        _ = visit.remaining_s
        text, name = text_of(file), tree.name(file)
        if text is None:
            unread += 1
            continue
        hits += [
            Hit(one.kind, "tree", f"{name}:{one.line}", one.fingerprint)
            for one in secrets_in(text, configuration=is_configuration(name))
        ]
    reason = f"{unread} files cannot be read, or are too long" if unread else ""
    reason = reason if tree.complete else "there are too many files, or some are not checked out"
    return Swept(searched("tree", len(tree.files) - unread, reason), hits)


def _planted(visit: Visit) -> Iterator[tuple[str, bool]]:
    """Write a file for each kind, search them as a tree and as a history, and forget them."""
    lines = planted(visit.run_id)
    with tempfile.TemporaryDirectory(prefix="readiness-kit-") as folder:
        files = {kind: Path(folder, f"{n}.py") for n, kind in enumerate(lines)}
        for kind, file in files.items():
            file.write_text(f"# planted\n{lines[kind]}\n")
        tree = Tree(Path(folder), tuple(files.values()), complete=True, in_git=False)
        found = {(one.kind, one.where.partition(":")[0]) for one in search_tree(tree, visit).hits}
    for kind, file in files.items():
        patch = [b"commit 0\n", b"+++ b/x.py\n", *_added(lines[kind])]
        remembered = {one.kind for one in hits_in_patch(patch)}
        yield kind, (kind, file.name) in found and kind in remembered


def _added(text: str) -> Iterator[bytes]:
    yield from (f"+{line}\n".encode() for line in text.splitlines())


def _objects(visit: Visit) -> list[Manifest]:
    if not visit.target.kubernetes.manifests:
        return []
    return [one for file in manifest_files(visit) for one in manifests(file)]


def _manifests(objects: list[Manifest]) -> Swept:
    hits = []
    for one in objects:
        name = mapping(one.body.get("metadata")).get("name")
        where = f"{one.origin}: {one.kind}/{name}"
        if one.kind == "Secret":
            text = "\n".join(f"{k}={v}" for k, v in secret_values(one.body).items())
            hits += [
                Hit(
                    "value in a Secret's manifest",
                    "manifests",
                    f"{where} {key}",
                    fingerprint(value),
                )
                for key, value in secret_values(one.body).items()
            ]
        else:
            text = "\n".join(_leaves(one.body, 0))
        hits += [
            Hit(found.kind, "manifests", where, found.fingerprint) for found in secrets_in(text)
        ]
    return Swept(searched("manifests", len(objects), ""), hits)


def _leaves(node: object, depth: int, key: str = "") -> Iterator[str]:
    """Yield ``key=value`` for every leaf, and for every variable of a container."""
    if depth > DEPTH_CAP:
        return
    if isinstance(node, dict):
        if isinstance(node.get("name"), str) and isinstance(node.get("value"), str):
            yield f"{node['name']}={node['value']}"
        for name, inner in node.items():
            yield from _leaves(inner, depth + 1, str(name))
    elif isinstance(node, list):
        for inner in node:
            yield from _leaves(inner, depth + 1, key)
    elif isinstance(node, str):
        yield from (f"{key}={node}", node) if "\n" not in node else (node,)


def _units(files: tuple[Path, ...]) -> Swept:
    hits = []
    for file in files:
        text = text_of(file)
        if text is None:
            raise NotSeen(f"{file} cannot be read", hint="correct application.units")
        hits += [
            Hit(one.kind, "units", f"{file.name}:{one.line}", one.fingerprint)
            for one in secrets_in(text.replace("Environment=", "export "))
        ]
    return Swept(searched("units", len(files), ""), hits)


def _images(files: tuple[Path, ...]) -> tuple[Swept, list[tuple[str, ...]]]:
    """Search environment, labels, commands and history of each image; return its names, too."""
    hits, images = [], list[tuple[str, ...]]()
    for file in files:
        try:
            found = json.loads(text_of(file) or "")
        except (ValueError, RecursionError) as error:
            raise NotSeen(
                f"{file.name} is no image configuration: {error}"[:200],
                hint="docker image inspect NAME > FILE, and name it under application.images",
            ) from error
        for image in map(mapping, found if isinstance(found, list) else [found]):
            config = mapping(image.get("Config") or image.get("config"))
            if not config:
                raise NotSeen(f"{file.name} has no Config", hint="docker image inspect NAME > FILE")
            names = [*items(image.get("RepoTags")), *items(image.get("RepoDigests"))]
            images.append(tuple(map(str, names)))
            history = [str(mapping(one).get("created_by")) for one in items(image.get("history"))]
            text = "\n".join([*map(str, items(config.get("Env"))), *_leaves(config, 0), *history])
            hits += [
                Hit(one.kind, "images", file.name, one.fingerprint) for one in secrets_in(text)
            ]
    return Swept(searched("images", len(images), ""), hits), images


def _named_images(node: object, depth: int = 0) -> Iterator[str]:
    if depth > DEPTH_CAP:
        return
    if isinstance(node, dict):
        containers = [*items(node.get("containers")), *items(node.get("initContainers"))]
        for container in map(mapping, containers):
            if isinstance(container.get("image"), str):
                yield str(container["image"])
        for inner in node.values():
            yield from _named_images(inner, depth + 1)
    elif isinstance(node, list):
        for inner in node:
            yield from _named_images(inner, depth + 1)


def _false_alarms(file: Path | None) -> tuple[str, frozenset[str]]:
    """Return who reviewed, and the fingerprints that are no secrets."""
    if file is None:
        return "", frozenset()
    found: object = None
    with suppress(yaml.YAMLError, RecursionError):
        found = yaml.safe_load(text_of(file) or "")
    body = mapping(found)
    by, day = body.get("reviewed_by"), body.get("reviewed_on")
    if not (isinstance(by, str) and by and day and isinstance(body.get("fingerprints"), dict)):
        raise NotSeen(
            f"{file.name} wants reviewed_by, reviewed_on and fingerprints with their reasons",
            hint="correct credentials.false_alarms",
        )
    reasons = mapping(body["fingerprints"])
    return f"{by}, {day}", frozenset(str(mark) for mark, reason in reasons.items() if reason)
