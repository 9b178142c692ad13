"""Reads how the service gets the key that signs tokens, and whether the source holds it."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import yaml
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from readiness_kit.errors import NotSeen
from readiness_kit.facts.callers.authentication import SigningKey
from readiness_kit.probes.api.graphql import Json
from readiness_kit.probes.callers import token as tokens
from readiness_kit.probes.environment.file import parse
from readiness_kit.probes.secrets.in_history import history_of
from readiness_kit.probes.source.tree import FILE_CAP_BYTES as SOURCE_CAP_BYTES
from readiness_kit.probes.source.tree import Tree, git, source_tree
from readiness_kit.sources import Visit, source

NAME = re.compile(r"(JWT|SIGN|TOKEN|AUTH).*(SECRET|KEY)|SECRET_KEY", re.IGNORECASE)
"""Names of variables that hold a signing key."""

UNEXPANDED = re.compile(r"\$\(|\$\{|`")
"""A shell would have replaced it; systemd and compose do not."""

SHORTEST_SEARCHED_BYTES = 8
"""A shorter value would be found everywhere; it fails by its length."""

LEAST_RSA_BITS, LEAST_CURVE_BITS = 2048, 255
"""NIST SP 800-131A: RSA from 2048 bits, curves from P-256 and Ed25519."""

FILE_CAP_BYTES = 2_000_000
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
    sought = [form for value in values for form in _forms(value)]
    looked = _look(visit, file, sought)
    return SigningKey(
        file=file.name,
        form="environment_file",
        variables=named,
        found_by=found_by,
        from_store=False,
        literal=any(UNEXPANDED.search(one) for one in values),
        key_bytes=min((len(one.encode()) for one in values), default=None),
        weak=next(filter(None, map(_weak, values)), ""),
        source_files=looked.files,
        source_unread=looked.unread,
        history=looked.history,
        found_in=looked.found_in,
        observed_at=datetime.now(UTC),
    )


class _Looked(NamedTuple):
    """What came of the search of source and history."""

    files: int = 0
    unread: int = 0
    history: Literal["searched", "none", "not_searched"] = "not_searched"
    found_in: tuple[str, ...] = ()


def _look(visit: Visit, own: Path, sought: list[bytes]) -> _Looked:
    """Search the declared tree and its history, but not the key's own file unless git keeps it."""
    if visit.target.source is None:
        return _Looked()
    tree = source_tree(visit)
    files = [one for one in tree.files if one != own or _tracked(tree.root, one)]
    texts = {one: _bytes_of(one) for one in files}
    unread = sum(data is None for data in texts.values())
    hits = [tree.name(one) for one, data in texts.items() if data and _holds(data, sought)]
    history, in_history = _history(tree, sought, visit)
    return _Looked(
        files=len(files) - unread,
        unread=unread + (not tree.complete),
        history=history,
        found_in=(*hits[:20], *(("history",) if in_history else ())),
    )


def _forms(value: str) -> Iterator[bytes]:
    """Yield what *value* looks like where it is written down: plain, as base64, a key unfolded."""
    plain = value.encode()
    if len(plain) >= SHORTEST_SEARCHED_BYTES:
        yield plain
        yield base64.b64encode(plain).rstrip(b"=")[:-1]
    lines = value.replace("\\n", "\n").splitlines()
    if "-----BEGIN" in value:
        yield from (one.encode() for one in lines[1:2] if len(one) >= SHORTEST_SEARCHED_BYTES)


def _weak(value: str) -> str:
    """Return what is wrong with an asymmetric key by its kind, or nothing."""
    key = tokens.private_key(value)
    if isinstance(key, RSAPrivateKey) and key.key_size < LEAST_RSA_BITS:
        return f"RSA of {key.key_size} bits"
    if isinstance(key, EllipticCurvePrivateKey) and key.key_size < LEAST_CURVE_BITS:
        return f"a curve of {key.key_size} bits"
    return ""


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
) -> tuple[tuple[str, ...], Literal["signature", "name", "other", "nothing"]]:
    """Return the variable whose value signed the valid token, else those named like it."""
    try:
        read = tokens.read(visit.token)
    except NotSeen:
        read = None
    if read is not None:
        signed = [name for name, value in variables.items() if tokens.verifies(read, value)]
        if signed:
            return tuple(signed), "signature"
    named = tuple(
        name
        for name, value in variables.items()
        if NAME.search(name) and "BEGIN PUBLIC KEY" not in value
    )
    known = read is not None and (read.algorithm in tokens.HASHES or _has_pem(variables, named))
    return named, "nothing" if not named else "other" if known else "name"


def _has_pem(variables: dict[str, str], named: tuple[str, ...]) -> bool:
    """Whether one of those *named* is an asymmetric key that could be compared."""
    return any(tokens.private_key(variables[name]) is not None for name in named)


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


def _tracked(tree: Path, path: Path) -> bool:
    return git(tree, "ls-files", "--error-unmatch", "--", str(path)) is not None


def _bytes_of(file: Path) -> bytes | None:
    """Return what *file* holds; ``None`` where it cannot be read whole."""
    try:
        with file.open("rb") as stream:
            data = stream.read(SOURCE_CAP_BYTES + 1)
    except OSError:
        return None
    return data if len(data) <= SOURCE_CAP_BYTES else None


def _holds(data: bytes, sought: list[bytes]) -> bool:
    return any(value in data for value in sought)


def _history(
    tree: Tree, sought: list[bytes], visit: Visit
) -> tuple[Literal["searched", "none", "not_searched"], bool]:
    """Search every change git remembers; the value never stands on a command line."""
    if not tree.in_git:
        return ("not_searched" if (tree.root / ".git").exists() else "none"), False
    lines, shallow = history_of(tree, min(HISTORY_TIMEOUT_S, visit.remaining_s / 2))
    if any(_holds(line, sought) for line in lines):
        return "searched", True
    return ("not_searched" if lines.reason or shallow else "searched"), False
