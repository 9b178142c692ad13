"""Pools of connections, as they are declared and as they are used."""

from readiness_kit.facts import Fact, Record


class DeclaredPool(Record, frozen=True):
    """One pool as ``readiness.yaml`` declares it."""

    name: str
    """``application_name`` of its connections."""

    size: int
    """Most connections one process holds."""

    processes: int
    """Processes per replica."""

    replicas: int
    """Most replicas."""

    timeout_s: float | None
    """Longest wait for a connection, when set explicitly."""

    max_lifetime_s: float | None
    """Age at which a connection is replaced, when set explicitly."""

    library: str
    """Library whose defaults apply to what is not set; empty when not declared."""

    @property
    def connections(self) -> int:
        """Most connections over all processes and replicas."""
        return self.size * self.processes * self.replicas


class DeclaredPools(Fact, frozen=True, kw_only=True):
    """Pools of the application as it configures them."""

    pools: tuple[DeclaredPool, ...]
    """Every pool declared."""


class PoolWatch(Record, frozen=True):
    """Connections of one pool while requests flowed."""

    pool: DeclaredPool
    """The pool as declared."""

    highest: int
    """Most connections seen at once."""

    kept: int
    """Connections there from the first sample to the last."""

    kept_and_used: int
    """Those of them that ran a statement meanwhile."""

    opened: int
    """Connections that appeared meanwhile."""


class PoolUse(Fact, frozen=True, kw_only=True):
    """``pg_stat_activity`` sampled while requests flowed."""

    requests_answered: int
    """Requests answered between the first sample and the last."""

    requests_failed: int
    """Requests that were not answered, or with an error."""

    samples: int
    """Number of samples."""

    sampled_s: float
    """Time from the first sample to the last."""

    pools: tuple[PoolWatch, ...]
    """Every declared pool."""
