"""What the machine gives the service: processors and memory, less the limits of its container."""

from readiness_kit.facts import Fact, Record


class Capacity(Record, frozen=True):
    """Processors and memory that one process may use."""

    pid: int
    """The process whose limits these are."""

    cpu_limit_cores: float | None
    """Limit of its cgroups, the smallest on the way up; ``None`` without one."""

    memory_limit_bytes: int | None
    """Limit of its cgroups, the smallest on the way up; ``None`` without one."""


class HostCapacity(Fact, frozen=True, kw_only=True):
    """The machine that runs the service, and the limits of the service's processes on it."""

    cpus: int
    """Logical processors of the machine."""

    memory_bytes: int
    """Memory of the machine."""

    processes: tuple[Capacity, ...]
    """The service's own processes, from ``application.process_ids``."""

    def cores(self) -> float | None:
        """Return the cores usable by the most restricted process; ``None`` without a process."""
        limits = [one.cpu_limit_cores for one in self.processes]
        return min((self.cpus if x is None else min(x, self.cpus) for x in limits), default=None)

    def usable_bytes(self) -> int | None:
        """Return the memory usable by the most restricted process; ``None`` without a process."""
        limits = [one.memory_limit_bytes for one in self.processes]
        return min(
            (self.memory_bytes if x is None else min(x, self.memory_bytes) for x in limits),
            default=None,
        )
