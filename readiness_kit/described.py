"""What each field of a record means, taken from the words under its declaration.

Python forgets those words, so they are read from the source. JSON Schemas carry them, and
``docs/readiness_yaml.md`` is made of them.
"""

import ast
import inspect
import itertools
import re
from collections.abc import Callable, Iterable
from functools import cache

import msgspec

Schema = dict[str, object]


@cache
def words(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Return what each field of *kind* means, by the name it has in a file.

    >>> class Box(msgspec.Struct):
    ...     width_mm: int = 0
    >>> words(Box)
    {}
    """
    try:
        tree = ast.parse(inspect.getsource(inspect.getmodule(kind) or kind))
    except (OSError, TypeError):
        return {}
    bodies = [one.body for one in tree.body if isinstance(one, ast.ClassDef)]
    names = [one.name for one in tree.body if isinstance(one, ast.ClassDef)]
    body = dict(zip(names, bodies, strict=True)).get(kind.__name__, [])
    renamed = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    return {
        renamed[name]: text
        for declared, below in itertools.pairwise(body)
        if (name := _field(declared)) in renamed and (text := _text(below))
    }


def summary(kind: type[msgspec.Struct]) -> str:
    """Return what *kind* is."""
    return _plain(inspect.getdoc(kind) or "")


def schema(
    kind: type[msgspec.Struct], hook: Callable[[type], dict[str, object]] | None = None
) -> Schema:
    """Return the JSON Schema of *kind*, every field with its description."""
    made = msgspec.json.schema(kind, schema_hook=hook)
    parts = made.get("$defs", {})
    for struct in structs(kind):
        properties = parts.get(struct.__name__, {}).get("properties", {})
        for name, text in words(struct).items():
            if name in properties:
                more = properties[name].get("description", "")
                properties[name]["description"] = f"{text} ({more})" if more else text
    return made


def structs(kind: type[msgspec.Struct]) -> Iterable[type[msgspec.Struct]]:
    """Return *kind* and every record inside it, each once, in the order of their use."""
    found: dict[type[msgspec.Struct], None] = {}
    _collect(msgspec.inspect.type_info(kind), found)
    return tuple(found)


def _collect(info: msgspec.inspect.Type, found: dict[type[msgspec.Struct], None]) -> None:
    if isinstance(info, msgspec.inspect.StructType):
        if info.cls in found:
            return
        found[info.cls] = None
        for field in info.fields:
            _collect(field.type, found)
    elif isinstance(info, msgspec.inspect.UnionType):
        for one in info.types:
            _collect(one, found)
    elif isinstance(info, msgspec.inspect.DictType):
        _collect(info.value_type, found)
    elif isinstance(info, (msgspec.inspect.VarTupleType, msgspec.inspect.ListType)):
        _collect(info.item_type, found)
    elif isinstance(info, msgspec.inspect.Metadata):
        _collect(info.type, found)


def _field(node: ast.stmt) -> str:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return ""


def _text(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return _plain(node.value.value) if isinstance(node.value.value, str) else ""
    return ""


def _plain(text: str) -> str:
    """Return the words in one line, code between single backticks."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"``\1``", inspect.cleandoc(text))
    return " ".join(text.replace("``", "`").split())
