"""Reads ``readiness.yaml``: strict YAML in, a frozen :class:`~readiness_kit.target.Target` out.

Every mistake is a :class:`TargetError` with file, line and, where a name was misspelt, the name
that was probably meant. Nothing is asked of the target here.
"""

import difflib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import rfc8785
import yaml

from readiness_kit import described
from readiness_kit.errors import TargetError
from readiness_kit.target import Secret, Target, origin
from readiness_kit.target.parts import BY_VALUE
from readiness_kit.target.reference import takes

FORM = "indent with spaces, and put text with `: `, ` #` or a leading sign in quotes"
KEYS = "`readiness schema target --markdown` shows every key"
"""What to do next about a file that is no YAML, and about a wrong value."""

SIZE_CAP_BYTES = 1_000_000
DEPTH_CAP = 20

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def load_target(path: Path | str) -> Target:
    """Return the target that the file at *path* describes, secrets resolvable.

    Raises:
        TargetError: Missing, unreadable, not strict YAML, unknown key, wrong type, or a secret that
            is literal or cannot be read.

    """
    target = read_target(path)
    if missing := unread_secrets(target):
        raise TargetError(
            f"{path}: {'; '.join(missing)}", hint="supply what is missing and try again"
        )
    return target


def unread_secrets(target: Target) -> tuple[str, ...]:
    """Return what is wrong with each secret that cannot be read, once."""
    found: dict[str, None] = {}
    for secret in target.secrets():
        try:
            secret.reveal()
        except TargetError as error:
            found[error.message] = None
    return tuple(found)


def missing_files(target: Target) -> tuple[str, ...]:
    """Return the key and path of each declared file or folder that is not there."""
    return tuple(f"{key}: {path}" for key, path in _paths(target, "") if not path.exists())


def _paths(part: object, key: str) -> Iterator[tuple[str, Path]]:
    if isinstance(part, Path):
        yield key, part
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            # It ends a load test by being there.
            if name != "kill_file":
                yield from _paths(getattr(part, name), f"{key}.{name}".strip("."))
    elif isinstance(part, dict):
        for name, value in part.items():
            yield from _paths(value, f"{key}.{name}")
    elif isinstance(part, tuple):
        for value in part:
            yield from _paths(value, key)


def read_target(path: Path | str) -> Target:
    """Return the target in the file at *path* for a use that needs no secret of it.

    Raises:
        TargetError: As :func:`load_target`, but for secrets that cannot be read.

    """
    file = Path(path)
    if file.is_dir():
        file /= "readiness.yaml"
    try:
        text = file.read_bytes()[: SIZE_CAP_BYTES + 1].decode("utf-8")
    except OSError as error:
        raise TargetError(
            f"{file} cannot be read: {error.strerror}",
            hint="`readiness init` writes one to start from; -c FILE names another",
        ) from error
    except UnicodeDecodeError as error:
        raise TargetError(f"{file} is not UTF-8: {error}", hint="save it as UTF-8") from error
    return parse_target(text, file)


def parse_target(text: str, file: Path) -> Target:
    """Return the target that *text*, read from *file*, describes; secrets are not resolved."""
    if len(text) > SIZE_CAP_BYTES:
        raise TargetError(f"{file} is larger than {SIZE_CAP_BYTES} bytes")
    reader = _Reader(file)
    data = reader.read(text)
    folder = file.resolve().parent

    def decode(kind: type, value: object) -> object:
        if not isinstance(value, str):
            raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
        if kind is Secret:
            try:
                return Secret(value, folder)
            except TargetError as error:
                # msgspec adds the place to a ValueError only.
                raise ValueError(error.message) from error
        return (folder / value).resolve()

    try:
        target = msgspec.convert(data, Target, dec_hook=decode)
    except msgspec.ValidationError as error:
        raise reader.explain(error) from error
    for key, url in _urls(target):
        try:
            origin(url)
        except TargetError as error:
            raise reader.at(key, error.message, "write the scheme, https://, too") from error
    return target


def strict_yaml(file: Path) -> Json:
    """Return the mapping in the YAML file at *file*, read as strictly as ``readiness.yaml``.

    Raises:
        TargetError: Missing, unreadable, or not strict YAML, with the line.

    """
    try:
        data = file.read_bytes()
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"{file} cannot be read: {error}", hint="correct the path") from error
    if len(data) > SIZE_CAP_BYTES:
        raise TargetError(f"{file} is larger than {SIZE_CAP_BYTES} bytes")
    return _Reader(file).read(text)


def redacted(target: Target) -> dict[str, object]:
    """Return the target as plain data with references instead of secrets."""

    def encode(value: object) -> object:
        return value.reference if isinstance(value, Secret) else str(value)

    plain = msgspec.to_builtins(target, enc_hook=encode)
    assert isinstance(plain, dict)  # noqa: S101 - msgspec returns a dict for a Struct
    return plain


def digest(target: Target) -> str:
    """Return the SHA-256 of the redacted target in canonical JSON (RFC 8785), in hexadecimal.

    Raises:
        TargetError: It holds an integer that JSON readers do not keep exactly.

    """
    plain: Json = msgspec.to_builtins(redacted(target))
    try:
        return hashlib.sha256(rfc8785.dumps(plain)).hexdigest()
    except rfc8785.CanonicalizationError as error:
        raise TargetError(f"readiness.yaml: {error}", hint="use a smaller number") from error


def _urls(target: Target) -> Iterator[tuple[str, str]]:
    """Yield the key and value of each URL that is declared."""
    api, cluster = target.api, target.kubernetes.api
    found: list[tuple[str, str | None]] = [
        ("prometheus.url", target.prometheus.url),
        ("kubernetes.api.url", cluster.url if cluster else None),
        ("error_tracking.events_url", target.error_tracking.events_url),
    ]
    if api is not None:
        found += [("api.url", api.url), ("api.http_url", api.http_url), ("api.origin", api.origin)]
        found += [(f"api.instances[{n}]", url) for n, url in enumerate(api.instances)]
        found += [(f"api.metrics_urls[{n}]", url) for n, url in enumerate(api.metrics_urls)]
    yield from ((key, url) for key, url in found if url)


class _Reader:
    """Turns YAML nodes into plain data, remembering the line of every path."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lines: dict[str, int] = {}

    def read(self, text: str) -> Json:
        try:
            if "*" in text or "&" in text:
                self._refuse_aliases(text)
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = _line_of(error.problem_mark)
            raise self._error(line, f"not valid YAML: {error.problem}", hint=FORM) from error
        except yaml.YAMLError as error:
            raise self._error(0, f"not valid YAML: {error}", hint=FORM) from error
        except RecursionError as error:
            raise self._error(1, "nested too deeply", hint=FORM) from error
        if not isinstance(node, yaml.MappingNode):
            raise self._error(
                1, "wanted a mapping of keys, got something else", hint="write `key: value` lines"
            )
        return self._plain(node, "$", 0)

    def _refuse_aliases(self, text: str) -> None:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise self._error(
                    _line_of(event.start_mark),
                    "aliases (*name) are not accepted",
                    hint="write the value out; put text that begins with * or & in quotes",
                )

    def _plain(self, node: yaml.Node, path: str, depth: int) -> Json:
        self._lines[path] = node.start_mark.line + 1
        if depth > DEPTH_CAP:
            raise self._error(self._lines[path], "nested too deeply", hint=FORM)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [
                self._plain(child, f"{path}[{n}]", depth + 1) for n, child in enumerate(node.value)
            ]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise self._error(line, "a key is not text", hint="put the key in quotes")
            self._demand_characters(key.value, line)
            if key.value in found:
                raise self._error(line, f"the key {key.value!r} stands twice", hint="keep one")
            child = f"{path}.{key.value}"
            found[key.value] = self._plain(value, child, depth + 1)
            self._lines[child] = line
        return found

    def _scalar(self, node: yaml.Node) -> Json:
        line, text = node.start_mark.line + 1, str(node.value)
        kind = node.tag.rpartition(":")[2]
        self._demand_characters(text, line)
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind == "int" and re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,18})", text):
            return int(text)
        if kind == "float" and re.fullmatch(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]{1,2})?", text):
            return float(text)
        raise self._error(
            line, f"{text!r} would be read as {kind}", hint="put it in quotes if text is meant"
        )

    def _demand_characters(self, text: str, line: int) -> None:
        """Demand that *text* can be written again: half a surrogate pair is no character."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise self._error(
                line, f"{text!r} holds half a character", hint="write the character itself"
            ) from error

    def explain(self, error: msgspec.ValidationError) -> TargetError:
        """Return *error* with its line and a suggestion."""
        message, _, place = str(error).partition(" - at ")
        of_a_key, place = place.startswith("`key` in "), place.removeprefix("`key` in ").strip("`")
        place = place or "$"
        path = place
        while path not in self._lines and path:
            path = re.sub(r"(\.[^.\[]*|\[[^\]]*\]|\$)$", "", path)
        path = path or "$"
        hint = KEYS
        unknown = re.search(r"unknown field `(.*)`", message)
        if of_a_key:
            unknown = re.search("'(.*)'", message)
        if unknown:
            word = unknown[1]
            known = _names_at(path) if of_a_key else _fields_at(place)
            close = difflib.get_close_matches(word, known, n=2)
            hint = f"did you mean {' or '.join(close)}?" if close else hint
            if of_a_key and not close:
                hint = f"one of {', '.join(known)}"
            return self._error(self._line(f"{place}.{word}"), f"unknown key {word!r}", hint=hint)
        if message == BY_VALUE:
            hint = "write env:NAME or file:PATH, and keep the value there"
        elif message.startswith("Invalid enum value "):
            got = message.partition("value ")[2]
            wanted = _options_at(path)
            close = difflib.get_close_matches(got.strip("'"), wanted, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]}?" if close else hint
            message = f"got {got}, wanted one of {', '.join(wanted)}"
        return self.at(path[2:], message, hint)

    def _line(self, place: str) -> int:
        """Return the line of *place*, in which ``[...]`` stands for any name or number."""
        anywhere = re.escape(place).replace(r"\[\.\.\.\]", r"(?:\[\d+\]|\.[^.\[]+)")
        return next((n for one, n in self._lines.items() if re.fullmatch(anywhere, one)), 0)

    def at(self, key: str, message: str, hint: str) -> TargetError:
        """Return an error about the value of *key*, with its line."""
        return self._error(self._lines.get(f"$.{key}", 0), f"{key or 'file'}: {message}", hint=hint)

    def _error(self, line: int, message: str, *, hint: str = "") -> TargetError:
        return TargetError(f"{self._file}:{line}: {message}", hint=hint)


def _line_of(mark: object) -> int:
    line: int = getattr(mark, "line", -1)
    return line + 1


def _fields_at(path: str) -> list[str]:
    """Return the keys that the part at *path* may have, all known keys when it is unclear."""
    return [field.encode_name for field in _struct(_type_at(path)).fields]


def _names_at(path: str) -> list[str]:
    """Return the words by which the entries of the mapping at *path* may be called."""
    info = _type_at(path)
    kind = info.key_type if isinstance(info, msgspec.inspect.DictType) else None
    return [*map(str, kind.values)] if isinstance(kind, msgspec.inspect.LiteralType) else []


def _options_at(path: str) -> list[str]:
    """Return the words that the key at *path* takes."""
    return sorted(re.findall("`([^`]*)`", takes(_type_at(path))))


def _type_at(path: str) -> msgspec.inspect.Type:
    """Return the type of the key at *path*, of the part around it when it is unclear."""
    info = msgspec.inspect.type_info(Target)
    for word in re.findall(r"\.([^.\[]+)", path):
        fields = {f.encode_name: f.type for f in _struct(info).fields}
        info = fields.get(word, info)
    return info


def _struct(info: msgspec.inspect.Type) -> msgspec.inspect.StructType:
    if isinstance(info, msgspec.inspect.UnionType):
        return next(
            _struct(kind) for kind in info.types if isinstance(kind, msgspec.inspect.StructType)
        )
    if isinstance(info, (msgspec.inspect.VarTupleType, msgspec.inspect.ListType)):
        return _struct(info.item_type)
    if isinstance(info, msgspec.inspect.DictType):
        return _struct(info.value_type)
    if isinstance(info, msgspec.inspect.StructType):
        return info
    root = msgspec.inspect.type_info(Target)
    assert isinstance(root, msgspec.inspect.StructType)  # noqa: S101
    return root


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of ``readiness.yaml``, secrets and paths as text."""

    def hook(kind: type) -> dict[str, object]:
        if kind is Secret:
            return {"type": "string", "pattern": "^(env|file):.+"}
        if issubclass(kind, Path):
            return {"type": "string", "description": "path, relative to this file"}
        raise NotImplementedError(kind)

    return described.schema(Target, hook)
