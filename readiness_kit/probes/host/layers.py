"""Which layers lie between a file system and its disks, and whether one of them encrypts.

What ``lsblk`` calls type ``crypt`` is a device of device-mapper whose uuid begins with ``CRYPT-``.
So do those of dm-verity and dm-integrity, which encrypt nothing.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from readiness_kit.facts.storage.encryption import Layers
from readiness_kit.probes.host.disks import ROOT, device_folders, is_virtual, mount_of

ENCRYPTING = frozenset(
    {"ecryptfs", "fuse.gocryptfs", "fuse.encfs", "fuse.cryfs", "fuse.securefs", "fuse.rclone-crypt"}
)
"""File systems that encrypt each file."""

ELSEWHERE = frozenset({"nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "9p", "virtiofs", "zfs"})
"""File systems whose disks are not seen from here, or not by the kernel's own account."""

CRYPT = re.compile(r"CRYPT-(?:LUKS\d|PLAIN|TCRYPT|BITLK|FVAULT2|LOOPAES)-")
"""Formats of cryptsetup that encrypt."""

_DEPTH_CAP = 8


class Seen(NamedTuple):
    """What is known of the layers below a path."""

    layers: Layers
    detail: str


def below(path: Path, root: Path = ROOT) -> Seen:
    """Return what is known of the layers below *path*.

    Raises:
        OSError: The path cannot be looked at.

    """
    real = path.resolve(strict=True)
    mount = mount_of(real)
    if mount.filesystem in ENCRYPTING:
        return Seen("encrypted", f"{mount.filesystem} at {mount.point}")
    if mount.filesystem in ELSEWHERE:
        return Seen("hidden", f"{mount.filesystem} {mount.device}")
    folders = device_folders(real.stat().st_dev, mount, root)
    found = [_layers(folder, root) for folder in folders if folder.is_dir()]
    if not found or len(found) < len(folders):
        return Seen("hidden", f"{mount.filesystem or 'a file system'} whose disks are not seen")
    return _together(found, f"{mount.filesystem} on ")


def _together(found: list[Seen], before: str) -> Seen:
    """Return the weakest of *found*: a mirror with one plain half is plain."""
    order: list[Layers] = ["plain", "hidden", "encrypted"]
    weakest = min(found, key=lambda one: order.index(one.layers))
    return Seen(weakest.layers, before + ", ".join(sorted({one.detail for one in found})))


def _layers(folder: Path, root: Path, depth: int = 0) -> Seen:
    if depth > _DEPTH_CAP:
        return Seen("hidden", "too many layers")
    folder = folder.parent if (folder / "partition").exists() else folder
    name = folder.name
    if CRYPT.match(_word(folder / "dm" / "uuid")):
        return Seen("encrypted", f"crypt layer {_word(folder / 'dm' / 'name') or name}")
    beneath = list(_beneath(folder))
    if beneath:
        return _together([_layers(one, root, depth + 1) for one in beneath], f"{name} on ")
    if (folder / "loop" / "backing_file").exists():
        return Seen("hidden", f"{name}, a file")
    if not (folder / "queue").is_dir():
        return Seen("hidden", f"{name}, not seen further")
    if is_virtual(folder, root):
        return Seen("hidden", f"{name}, a disk of a hypervisor")
    return Seen("plain", f"disk {name}")


def _beneath(folder: Path) -> Iterator[Path]:
    try:
        for name in sorted(os.listdir(folder / "slaves")):  # noqa: PTH208 - may be absent
            yield (folder / "slaves" / name).resolve()
    except OSError:
        return


def _word(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
