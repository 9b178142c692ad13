"""Every key of ``readiness.yaml``, in tables: ``docs/readiness_yaml.md`` is made here."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import inspect

from readiness_kit.described import summary, words
from readiness_kit.target import Secret, Target

HEAD = """# readiness.yaml, key by key

Made by `readiness schema target --markdown` from the declarations in `readiness_kit/target/`.

Only `schema`, `name` and `environment` are needed. What is absent is not measured: the claims that
need it are UNKNOWN, and say which key is missing. Paths are relative to the file. Secrets are given
by reference, `env:NAME` or `file:PATH`, never by value. `readiness init` writes a file to start
from, `readiness plan` says what a run of it would ask of the target.
"""

PLAIN: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.BoolType: "true or false",
}


def markdown() -> str:
    """Return the page."""
    tables = ("\n".join(_table(part, paths)) for part, paths in _parts().items())
    return "\n".join((HEAD, *tables))


def takes(info: inspect.Type) -> str:
    """Say in words what a key takes.

    >>> takes(inspect.type_info(bool | None))
    'true or false'
    >>> takes(inspect.type_info(tuple[Path, ...]))
    'list: path'
    """
    if isinstance(info, inspect.Metadata):
        return takes(info.type)
    if isinstance(info, inspect.LiteralType):
        return " or ".join(f"`{one}`" if one != "" else "nothing" for one in info.values)
    if isinstance(info, inspect.CustomType):
        return "secret" if info.cls is Secret else "path" if info.cls is Path else "text"
    if isinstance(info, inspect.UnionType):
        kinds = (one for one in info.types if not isinstance(one, inspect.NoneType))
        return ", or ".join(takes(one) for one in kinds)
    if isinstance(info, (inspect.VarTupleType, inspect.ListType)):
        return f"list: {takes(info.item_type)}"
    if isinstance(info, inspect.DictType):
        names = takes(info.key_type) if isinstance(info.key_type, inspect.LiteralType) else "name"
        return f"by {names}: {takes(info.value_type)}"
    if isinstance(info, inspect.StructType):
        return "keys"
    return PLAIN.get(type(info), "text")


def _parts() -> dict[type[msgspec.Struct], list[str]]:
    """Return every part, in the order of its first use, with the keys under which it stands."""
    found: dict[type[msgspec.Struct], list[str]] = {Target: [""]}
    waiting: list[type[msgspec.Struct]] = [Target]
    for part in waiting:
        info = inspect.type_info(part)
        assert isinstance(info, inspect.StructType)  # noqa: S101 - a part is a Struct
        for field in info.fields:
            for inner, suffix in _inside(field.type):
                places = [f"{path}.{field.encode_name}{suffix}".strip(".") for path in found[part]]
                if inner not in found:
                    waiting.append(inner)
                found.setdefault(inner, []).extend(places)
    return found


def _inside(info: inspect.Type) -> Iterator[tuple[type[msgspec.Struct], str]]:
    """Yield the parts that a key may hold, and what stands between."""
    if isinstance(info, inspect.StructType):
        yield info.cls, ""
    elif isinstance(info, inspect.UnionType):
        for one in info.types:
            yield from _inside(one)
    elif isinstance(info, (inspect.VarTupleType, inspect.ListType)):
        yield from ((part, f"[]{more}") for part, more in _inside(info.item_type))
    elif isinstance(info, inspect.DictType):
        yield from ((part, f".NAME{more}") for part, more in _inside(info.value_type))


def _table(part: type[msgspec.Struct], paths: list[str]) -> Iterator[str]:
    info = inspect.type_info(part)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - a part is a Struct
    title = ", ".join(f"`{path}`" for path in paths) if paths != [""] else "The file"
    yield f"## {title}\n\n{summary(part)}\n"
    yield "| key | takes | left out | what it is |\n|---|---|---|---|"
    said = words(part)
    for field in info.fields:
        name = field.encode_name
        yield f"| `{name}` | {takes(field.type)} | {_default(field)} | {said.get(name, '')} |"
    yield ""


def _default(field: inspect.Field) -> str:
    """Say what holds when a key is left out."""
    if field.required:
        return "**needed**"
    value = field.default if field.default is not msgspec.NODEFAULT else None
    if value is None or value in ("", (), {}) or isinstance(value, msgspec.Struct):
        return ""
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
