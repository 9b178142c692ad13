"""Folders that others may pass through: pytest makes its own 0700."""

import tempfile
from pathlib import Path


def passable(folder: Path) -> Path:
    """Open *folder* and those above it, up to the system's temporary folder, and return it."""
    for each in (folder, *folder.parents):
        if each == Path(tempfile.gettempdir()):
            break
        each.chmod(0o711)
    return folder
