"""Canonical JSON (RFC 8785) out, strict JSON in: the same record always has the same bytes.

>>> dumps({"b": 1.0, "a": "ü"}).decode()
'{"a":"ü","b":1}'
>>> loads(b'{"a": 1, "a": 2}')
Traceback (most recent call last):
...
readiness_kit.evidence.canonical.BadJson: not strict JSON: the key 'a' stands twice
"""

import json
import math
import re
from typing import NoReturn, TypeAlias, TypeVar

import msgspec
import rfc8785

from readiness_kit.errors import IntegrityError

MAX_BYTES = 64 * 1024 * 1024
"""Largest JSON document that is read."""

LARGEST_EXACT = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 7493, section 2.2)."""

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a pair, escaped: without its other half it is no character (RFC 7493, section 2.1)."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
T = TypeVar("T")


class BadJson(IntegrityError, ValueError):
    """Bytes that are not strict JSON, or a value that JSON cannot hold exactly."""


def dumps(value: object) -> bytes:
    """Return the canonical bytes of *value*: built-in types, or records of msgspec.

    Raises:
        BadJson: NaN, infinity, an integer beyond 2**53 - 1, or half a surrogate pair.

    """
    try:
        plain: Json = msgspec.to_builtins(value, str_keys=True)
        return rfc8785.dumps(plain)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadJson(f"cannot be written as canonical JSON: {error}") from error


def loads(data: bytes, *, max_bytes: int = MAX_BYTES) -> Json:
    """Return the value of *data*, which need not be canonical but must be strict.

    Raises:
        BadJson: Not UTF-8 or JSON, half a character, a key twice, NaN, a number or nesting beyond
            bounds, too long.

    """
    if len(data) > max_bytes:
        raise BadJson(f"not strict JSON: longer than {max_bytes} bytes")
    try:
        value: Json = json.loads(
            data.decode(),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_exact,
        )
        if SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadJson(f"not strict JSON: {error}") from error
    return value


def decode(data: bytes, kind: type[T], *, max_bytes: int = MAX_BYTES) -> T:
    """Return the record of *kind* in *data*.

    Raises:
        BadJson: Not strict JSON, or not such a record.

    """
    try:
        return msgspec.convert(loads(data, max_bytes=max_bytes), kind)
    except msgspec.ValidationError as error:
        raise BadJson(f"no {kind.__name__}: {error}") from error


def decode_canonical(data: bytes, kind: type[T], *, max_bytes: int = MAX_BYTES) -> T:
    """Return the record of *kind* in *data*, whose bytes must be the only ones it can have.

    Raises:
        BadJson: As :func:`decode`, or the bytes are not canonical.

    """
    record = decode(data, kind, max_bytes=max_bytes)
    if dumps(record) != data:
        raise BadJson(f"no {kind.__name__}: not in canonical form (RFC 8785)")
    return record


def _without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            message = f"the key {key!r} stands twice"
            raise ValueError(message)
        found[key] = value
    return found


def _refuse_constant(word: str) -> NoReturn:
    message = f"{word} is no JSON number"
    raise ValueError(message)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = f"{text[:40]} is beyond the range of numbers"
        raise ValueError(message)
    return number


def _exact(text: str) -> int | float:
    """Read an integer; a longer one only where it is the canonical form of a float."""
    if len(text) <= len(str(LARGEST_EXACT)) and abs(int(text)) <= LARGEST_EXACT:
        return int(text)
    number = _finite(text)
    if rfc8785.dumps(number) != text.encode():
        message = f"{text[:40]} is no number that every reader keeps exactly"
        raise ValueError(message)
    return number
