"""Files that the package carries, and how their blanks are filled."""

from collections.abc import Mapping
from importlib import resources


def packaged_file(name: str, package: str = "readiness_kit.sandbox.files") -> str:
    """Return the text of a file that the package carries."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each ``@NAME@`` of *values* in *text*; what is unknown stays."""
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
