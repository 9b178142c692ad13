"""Reads how the service gets the key that signs tokens, and whether the source holds it."""

import re
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import yaml

from readiness_kit.errors import NotSeen
from readiness_kit.facts.auth import SigningKey
from readiness_kit.probes.api.graphql import Json
from readiness_kit.probes.callers import token as tokens
from readiness_kit.probes.environment.file import parse
from readiness_kit.probes.source.tree import git, git_command, git_environment
from readiness_kit.sources import Visit, source

NAME = re.compile(r"(JWT|SIGN|TOKEN|AUTH).*(SECRET|KEY)|SECRET_KEY", re.IGNORECASE)
"""Names of variables that hold a signing key."""

UNEXPANDED = re.compile(r"\$\(|\$\{|`")
"""A shell would have replaced it; systemd and compose do not."""

SHORTEST_SEARCHED_BYTES = 8
"""A shorter value would be found everywhere; it fails by its length."""

SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__"}
FILE_CAP_BYTES = 2_000_000
FILES_CAP = 20_000
HISTORY_CAP_BYTES = 200_000_000
HISTORY_TIMEOUT_S = 8.0


@source(effect="read", asks="no request: reads the key's file, the source tree and its history")
def signing_key(visit: Visit) -> SigningKey:
    """Read the declared file, and search the source tree for the value it holds."""
    file = _declared(visit)
    if file.suffix in (".yaml", ".yml"):
        return _from_manifest(file)
    variables = parse(_text(file))
    named, found_by = _key_variables(visit, variables)
    values = [variables[name] for name in named]
    tree = visit.target.source.path if visit.target.source else None
    sought = [one.encode() for one in values if len(one.encode()) >= SHORTEST_SEARCHED_BYTES]
    files = list(_files(tree, file)) if tree else []
    in_files = [str(one.relative_to(tree)) for one in files if tree and _holds(one, sought)]
    history, in_history = _history(tree, sought)
    return SigningKey(
        file=file.name,
        form="environment_file",
        variables=named,
        found_by=found_by,
        from_store=False,
        literal=any(UNEXPANDED.search(one) for one in values),
        key_bytes=min((len(one.encode()) for one in values), default=None),
        source_files=len(files),
        history=history,
        found_in=(*in_files[:20], *(("history",) if in_history else ())),
        observed_at=datetime.now(UTC),
    )


def signing_secrets(visit: Visit) -> dict[str, str]:
    """Return the variables of the declared environment file; nothing when there is none to read."""
    try:
        file = _declared(visit)
        return {} if file.suffix in (".yaml", ".yml") else parse(_text(file))
    except NotSeen:
        return {}


def _declared(visit: Visit) -> Path:
    file = visit.target.auth.signing_key_file
    if file is None:
        raise NotSeen(
            "readiness.yaml does not say where the signing key comes from",
            cause="not_configured",
            hint="add auth.signing_key_file: the environment file or manifest that supplies it",
        )
    return file


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(FILE_CAP_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}",
            hint="correct auth.signing_key_file, or give the kit's user access",
        ) from error


def _key_variables(
    visit: Visit, variables: dict[str, str]
) -> tuple[tuple[str, ...], Literal["signature", "name", "nothing"]]:
    """Return the variable whose value signed the valid token, else those named like it."""
    try:
        read = tokens.read(visit.token)
    except NotSeen:
        read = None
    if read is not None:
        signed = [name for name, value in variables.items() if tokens.verifies(read, value)]
        if signed:
            return tuple(signed), "signature"
    named = tuple(name for name in variables if NAME.search(name))
    return named, "name" if named else "nothing"


def _from_manifest(file: Path) -> SigningKey:
    try:
        found = list(_environment(list(yaml.safe_load_all(_text(file))), 0))
    except (yaml.YAMLError, RecursionError) as error:
        raise NotSeen(f"{file} is not valid YAML", hint="correct the manifest") from error
    keys = [(name, entry) for name, entry in found if NAME.search(name)]
    return SigningKey(
        file=file.name,
        form="manifest",
        variables=tuple(name for name, _ in keys),
        found_by="name" if keys else "nothing",
        from_store=bool(keys) and all(_referred(entry) for _, entry in keys),
        literal=any("value" in entry for _, entry in keys),
        key_bytes=None,
        source_files=0,
        history="not_searched",
        found_in=(),
        observed_at=datetime.now(UTC),
    )


def _environment(node: Json, depth: int) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield name and entry of every container variable of Kubernetes manifests."""
    if depth > 50:
        return
    if isinstance(node, list):
        for child in node:
            yield from _environment(child, depth + 1)
    elif isinstance(node, dict):
        name = node.get("name")
        if isinstance(name, str) and ("valueFrom" in node or "value" in node):
            yield name, node
        for child in node.values():
            yield from _environment(child, depth + 1)


def _referred(entry: dict[str, Json]) -> bool:
    origin = entry.get("valueFrom")
    return isinstance(origin, dict) and "secretKeyRef" in origin


def _files(tree: Path, key_file: Path) -> Iterator[Path]:
    """Yield the files of *tree*, but not the key's own unless git keeps it."""
    for seen, path in enumerate(tree.rglob("*")):
        if seen > FILES_CAP:
            return
        inside = path.relative_to(tree).parts
        own = path == key_file and not _tracked(tree, path)
        if not own and not SKIPPED & set(inside) and path.is_file() and not path.is_symlink():
            yield path


def _tracked(tree: Path, path: Path) -> bool:
    return git(tree, "ls-files", "--error-unmatch", "--", str(path)) is not None


def _holds(file: Path, sought: list[bytes]) -> bool:
    try:
        with file.open("rb") as stream:
            data = stream.read(FILE_CAP_BYTES)
    except OSError:
        return False
    return any(value in data for value in sought)


def _history(
    tree: Path | None, sought: list[bytes]
) -> tuple[Literal["searched", "none", "not_searched"], bool]:
    """Search every change git remembers; the value never stands on a command line."""
    if tree is None or not (tree / ".git").exists():
        return ("not_searched" if tree is None else "none"), False
    argv = [*git_command(tree), "log", "--all", "--patch", "--no-color", "--no-textconv"]
    argv.append("--no-ext-diff")
    try:
        child = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=git_environment()
        )
    except OSError:
        return "not_searched", False
    watch = threading.Timer(HISTORY_TIMEOUT_S, child.kill)
    watch.start()
    assert child.stdout is not None  # noqa: S101 - a pipe was asked for
    try:
        read = 0
        for line in child.stdout:
            read += len(line)
            if any(value in line for value in sought):
                return "searched", True
            if read > HISTORY_CAP_BYTES:
                return "not_searched", False
        return ("searched" if child.wait() == 0 else "not_searched"), False
    finally:
        watch.cancel()
        child.kill()
        child.wait()
        child.stdout.close()
