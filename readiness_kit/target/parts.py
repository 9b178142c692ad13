"""What every part of a target is made of: strict records, and secrets by reference."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from readiness_kit.errors import TargetError

BY_VALUE = "a secret must be given by reference, not by value"
"""What is wrong with a literal secret."""

Environment = Literal["development", "staging", "sandbox", "production"]


class Secret:
    """A secret by reference; it never shows its value unless asked by :meth:`reveal`."""

    __slots__ = ("_folder", "reference")

    def __init__(self, reference: str, folder: Path | None = None) -> None:
        """Refer to ``env:NAME`` or ``file:PATH``, the path relative to *folder*.

        Raises:
            TargetError: A literal instead of a reference.

        """
        if not reference.startswith(("env:", "file:")) or reference.endswith(":"):
            raise TargetError(
                BY_VALUE,
                hint="write env:NAME or file:PATH, and keep the value there",
            )
        self.reference = reference
        self._folder = folder or Path()

    def reveal(self) -> str:
        """Return the value.

        Raises:
            TargetError: The variable is not set, or the file cannot be read, or it is empty.

        """
        kind, _, name = self.reference.partition(":")
        if kind == "env":
            value = os.environ.get(name, "")
            problem = f"the environment variable {name} is not set"
        else:
            try:
                value = (self._folder / name).read_text(encoding="utf-8").strip()
                problem = f"{self._folder / name} is empty"
            except (OSError, UnicodeDecodeError) as error:
                value, problem = "", f"{self._folder / name} cannot be read: {error}"
        if not value:
            raise TargetError(
                f"{self.reference}: {problem}", hint="supply the secret and try again"
            )
        return value

    def __repr__(self) -> str:
        """Show the reference, never the value."""
        return f"Secret({self.reference!r})"

    def __eq__(self, other: object) -> bool:
        """Two secrets are equal when they refer to the same place."""
        return isinstance(other, Secret) and self.reference == other.reference

    def __hash__(self) -> int:
        """Hash the reference."""
        return hash(self.reference)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the parts of ``readiness.yaml``: strict about keys and types."""


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of *url*.

    Raises:
        TargetError: Not an http or https URL with a host.

    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        host = parts.hostname or ""
    except (ValueError, KeyError):
        host, port = "", 0
    if not host:
        raise TargetError(f"{url!r} is no http:// or https:// URL with a host")
    return parts.scheme, host.lower(), port


def secrets_in(part: object) -> Iterator[Secret]:
    """Yield every secret in *part*, however deep."""
    if isinstance(part, Secret):
        yield part
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from secrets_in(getattr(part, name))
    elif isinstance(part, dict):
        for value in part.values():
            yield from secrets_in(value)
    elif isinstance(part, tuple):
        for value in part:
            yield from secrets_in(value)
