"""Ask Prometheus, hence a node exporter, for the volume below a folder of another machine."""

import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.storage.volumes import Holds, Volume
from readiness_kit.probes.metrics.prometheus import api_client, instant
from readiness_kit.sources import Visit

FIGURES = ("size_bytes", "avail_bytes", "free_bytes", "files", "files_free")
"""Ends of the node exporter's names, ``node_filesystem_…``."""

_LOCAL = re.compile(r"localhost|127\..*|::1")
"""Names of this machine: where the database is behind a tunnel, they are not the database's."""


def volume_of(visit: Visit, hosts: Iterable[str], folder: str, holds: tuple[Holds, ...]) -> Volume:
    """Return the innermost volume that *folder* lies on at one of *hosts*; its disks are hidden.

    Raises:
        NotSeen: No Prometheus is configured, or it does not tell of exactly one such volume.

    """
    named = "|".join(sorted(re.escape(host) for host in hosts if not _LOCAL.fullmatch(host)))
    if not named:
        raise NotSeen("the way to the database begins on this machine, and ends elsewhere")
    machine = f"instance=~{json.dumps(f'({named})(:[0-9]+)?')}"
    with api_client(visit) as client:
        for point in (PurePosixPath(folder), *PurePosixPath(folder).parents):
            chosen = f'{{{machine},mountpoint={json.dumps(str(point))},fstype!~"rootfs|tmpfs"}}'
            found = instant(client, f"node_filesystem_size_bytes{chosen}")
            if len(found) == 1:
                return _volume(client, chosen, str(point), holds)
            if found:
                raise NotSeen(f"Prometheus knows {len(found)} volumes at {point} of {named}")
    raise NotSeen(
        f"Prometheus knows no volume of {named}", hint="scrape a node exporter on that machine"
    )


def _volume(client: httpx.Client, chosen: str, mount: str, holds: tuple[Holds, ...]) -> Volume:
    seen = {name: _one(client, f"node_filesystem_{name}{chosen}") for name in FIGURES}
    free = f"node_filesystem_avail_bytes{chosen}"
    shrinking = instant(client, f"-86400 * deriv({free}[6h]) and ({free} offset 5h)")
    return Volume(
        holds=holds,
        mount=mount,
        filesystem="",
        size_bytes=seen["size_bytes"],
        available_bytes=seen["avail_bytes"],
        used_bytes=seen["size_bytes"] - seen["free_bytes"],
        inodes=seen["files"],
        inodes_free=seen["files_free"],
        disks=(),
        shrinking_bytes_per_day=next(iter(shrinking.values()), None),
    )


def _one(client: httpx.Client, query: str) -> int:
    found = list(instant(client, query).values())
    if len(found) != 1:
        raise NotSeen(f"Prometheus has {len(found)} values for {query}")
    return int(found[0])
