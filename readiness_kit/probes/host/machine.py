"""Look at this machine: its processors and memory, and the limits put on a process."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil

from readiness_kit.errors import NotSeen
from readiness_kit.facts.host import Capacity, HostCapacity
from readiness_kit.sources import Visit, source

ROOT = Path("/")


@source(effect="read", asks="processors, memory and cgroup limits of this machine", deadline_s=5)
def host_capacity(visit: Visit) -> HostCapacity:
    """Look at this machine, if the service's processes run on it.

    Raises:
        NotSeen: No process is named, or one does not run here.

    """
    files = visit.target.application.process_ids
    if not files:
        raise NotSeen(
            "readiness.yaml has no application.process_ids: is this the service's machine?",
            cause="not_configured",
            hint="run the kit where the service runs, and name its pid files",
        )
    return HostCapacity(
        observed_at=datetime.now(UTC),
        cpus=psutil.cpu_count() or 0,
        memory_bytes=psutil.virtual_memory().total,
        processes=tuple(capacity(process_id(file)) for file in files),
    )


def capacity(pid: int, root: Path = ROOT) -> Capacity:
    """Return what the cgroups and the affinity of process *pid* leave it.

    Raises:
        NotSeen: No such process, or its cgroup cannot be read.

    """
    if sys.platform != "linux":
        return Capacity(pid=pid, cpu_limit_cores=None, memory_limit_bytes=None)
    try:
        groups = (root / "proc" / str(pid) / "cgroup").read_text(encoding="utf-8")
    except OSError as error:
        raise NotSeen(
            f"the limits of process {pid} cannot be read: {error.strerror}",
            hint="run the kit as an account that may read /proc of the service",
        ) from error
    cores = [*_cpu_quotas(groups, root), *_affinity(pid, root)]
    return Capacity(
        pid=pid,
        cpu_limit_cores=min(cores, default=None),
        memory_limit_bytes=min(_memory_limits(groups, root), default=None),
    )


def is_our_backend(pid: int, client_port: int | None) -> bool:
    """Tell whether process *pid* of this machine is the PostgreSQL backend of our connection.

    A loopback address proves nothing, for a tunnel has one too: but a backend's title carries the
    port of its client, and behind a tunnel that is another port.
    """
    try:
        title = " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False
    client = "[local]" if client_port is None else f"({client_port})"
    return title.startswith("postgres") and client in title


def process_id(file: Path) -> int:
    """Return the process id that *file* holds.

    Raises:
        NotSeen: It holds none, or no such process runs here.

    """
    try:
        pid = int(file.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError) as error:
        raise NotSeen(
            f"{file} holds no process id", hint="correct application.process_ids"
        ) from error
    if not psutil.pid_exists(pid):
        raise NotSeen(f"{file}: no process {pid} runs here", hint="start the service, then again")
    return pid


def _cgroups(groups: str, controller: str, root: Path) -> Iterator[Path]:
    """Yield the folder of each cgroup from the process's own up to the top."""
    mount = root / "sys" / "fs" / "cgroup"
    for line in groups.splitlines():
        _, names, path = (*line.split(":", 2), "", "")[:3]
        if names and controller not in names.split(","):
            continue
        top = mount / names if names else mount  # version 1 has a hierarchy per controller
        folder = top / path.lstrip("/")
        yield from (one for one in (folder, *folder.parents) if one.is_relative_to(top))


def _cpu_quotas(groups: str, root: Path) -> Iterator[float]:
    for folder in _cgroups(groups, "cpu", root):
        quota, period = (*_words(folder / "cpu.max"), "", "")[:2]
        if not quota:
            quota = "".join(_words(folder / "cpu.cfs_quota_us"))
            period = "".join(_words(folder / "cpu.cfs_period_us"))
        if quota.isdigit() and period.isdigit() and int(period):
            yield int(quota) / int(period)


def _memory_limits(groups: str, root: Path) -> Iterator[int]:
    for folder in _cgroups(groups, "memory", root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = "".join(_words(folder / name))
            if limit.isdigit() and int(limit) < 1 << 60:  # version 1 writes "none" as about 2**63
                yield int(limit)


def _affinity(pid: int, root: Path) -> Iterator[float]:
    if root == ROOT:
        try:
            yield float(len(psutil.Process(pid).cpu_affinity() or ()))
        except psutil.Error:
            return


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except OSError:
        return []
