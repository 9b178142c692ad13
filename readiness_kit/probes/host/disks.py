"""Which disks lie below a file system: partitions, volume groups and arrays taken apart."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from readiness_kit.facts.storage.volumes import Disk

ROOT = Path("/")

_DEPTH_CAP = 8
_VIRTUAL_NAME = re.compile(r"(vd|xvd|nbd|rbd|zram|ram)[a-z0-9]*")
_VIRTUAL_MAKER = re.compile(
    r"qemu|kvm|vmware|virtual|vbox|xen|msft|google|amazon|openstack|bhyve", re.IGNORECASE
)


class Mount(NamedTuple):
    """Where a path is mounted."""

    point: str
    filesystem: str
    device: str


def mount_of(path: Path) -> Mount:
    """Return the innermost mount that *path* lies on; of two at one point, the later."""
    here = path.resolve()
    above = [one for one in psutil.disk_partitions(all=True) if here.is_relative_to(one.mountpoint)]
    above.sort(key=lambda one: len(Path(one.mountpoint).parts))
    return Mount(above[-1].mountpoint, above[-1].fstype, above[-1].device) if above else _NOWHERE


_NOWHERE = Mount("", "", "")


def disks(device_number: int, mount: Mount, root: Path = ROOT) -> tuple[Disk, ...]:
    """Return every disk below the file system with that ``st_dev``; none where they are hidden."""
    folders = device_folders(device_number, mount, root)
    found = {disk.name: disk for folder in folders for disk in _below(folder, root)}
    return tuple(found[name] for name in sorted(found))


def device_folders(device_number: int, mount: Mount, root: Path = ROOT) -> tuple[Path, ...]:
    """Return the folders in sysfs of the devices that the file system lies on."""
    numbers = [device_number]
    if os.major(device_number) == 0:  # btrfs, overlay and others have no device of their own
        numbers = list(_members(mount, root))
    return tuple(_folder(number, root) for number in numbers)


def _members(mount: Mount, root: Path) -> Iterator[int]:
    """Yield the device a mount names; of btrfs, every device of that file system."""
    name = Path(mount.device).name
    groups = [set(_names(one / "devices")) for one in (root / "sys/fs/btrfs").glob("*-*")]
    together = next((group for group in groups if name in group), {name})
    for one in sorted(together):
        text = _word(root / "sys/class/block" / one / "dev")
        if mount.device.startswith("/dev/") and re.fullmatch(r"\d+:\d+", text):
            major, minor = text.split(":")
            yield os.makedev(int(major), int(minor))


def _folder(number: int, root: Path) -> Path:
    return (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()


def _below(folder: Path, root: Path, depth: int = 0) -> Iterator[Disk]:
    if depth > _DEPTH_CAP or not folder.is_dir():
        return
    if (folder / "partition").exists():
        folder = folder.parent
    beneath = [(folder / "slaves" / name).resolve() for name in _names(folder / "slaves")]
    file = _word(folder / "loop" / "backing_file")
    if file:
        try:
            beneath.append(_folder(Path(file).stat().st_dev, root))
        except OSError:
            beneath.append(root / "nowhere")
    for one in beneath:
        yield from _below(one, root, depth + 1)
    if not beneath:
        said = _word(folder / "queue" / "rotational")
        yield Disk(
            name=folder.name,
            rotational={"0": False, "1": True}.get(said),
            virtual=is_virtual(folder, root),
        )


def is_virtual(folder: Path, root: Path) -> bool:
    """Tell whether a hypervisor made up the disk in *folder*."""
    makers = [
        folder / "device" / "vendor",
        folder / "device" / "model",
        root / "sys/class/dmi/id/sys_vendor",
        root / "sys/class/dmi/id/product_name",
        root / "sys/hypervisor/type",
    ]
    return (
        _VIRTUAL_NAME.fullmatch(folder.name) is not None
        or any(_VIRTUAL_MAKER.search(_word(file)) for file in makers)
        or " hypervisor" in _text(root / "proc" / "cpuinfo")
    )


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names, of a folder that may be absent
    except OSError:
        return []


def _word(file: Path) -> str:
    return _text(file).strip()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
