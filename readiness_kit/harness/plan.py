"""What parent and child say to each other: one order in, one JSON line a second out."""

from typing import Literal

import msgspec

from readiness_kit.facts.load import InvalidReason, Operation, Second, Stage
from readiness_kit.harness.schedule import Arrivals, requests_in
from readiness_kit.statistics.early import Limit
from readiness_kit.statistics.histogram import Histogram

Origin = tuple[str, str, int]
"""Scheme, host and port."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One load test, without any secret."""

    profile: str
    """Name of the profile."""

    url: str
    """Base URL, without a path."""

    origins: tuple[Origin, ...]
    """The only places requests may go to."""

    stages: tuple[Stage, ...]
    """The schedule, part by part, without a gap."""

    block_s: float
    """Length of the blocks whose histograms are kept apart, to see dependence and change."""

    abort_on: tuple[Limit, ...] = ()
    """Limits whose certain breach ends the run early."""

    until_lagging: bool = False
    """Whether the run ends with the first stage in which the target falls behind."""

    users: int
    """Concurrent users."""

    scenario: str | None = None
    """Locust file; None fetches ``path`` only."""

    path: str = "/"
    """What is fetched to reach, and to warm, the target."""

    graphql: str = "/graphql"
    """Path of the GraphQL endpoint."""

    headers: dict[str, str] = {}
    """Sent with every request."""

    ca: str | None = None
    """PEM file of the authority behind the certificate; None is the system's store."""

    loopback: bool = False
    """Whether the target is on this host, so that each user can have an address of its own."""

    arrivals: Arrivals = "constant"
    """How requests are spread over time."""

    seed: int = 1
    """Seed of what is drawn."""

    timeout_s: float = 10.0
    """Longest wait for one answer."""

    grace_s: float = 11.0
    """Longest wait, after the schedule, for answers still due."""

    @property
    def seconds(self) -> float:
        """Length of the schedule."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def requests(self) -> int:
        """How many requests are due in all."""
        return sum(requests_in(stage) for stage in self.stages)

    @property
    def top_rps(self) -> float:
        """The highest rate."""
        return max(max(stage.from_rps, stage.to_rps) for stage in self.stages)


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the child reads from its standard input; secrets travel nowhere else."""

    plan: Plan
    tokens: tuple[str, ...] = ()
    """Bearer tokens the users draw from."""

    def __repr__(self) -> str:
        """Show how many tokens there are, not which."""
        return f"Order({self.plan!r}, {len(self.tokens)} tokens)"


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """Every user is connected; the schedule starts."""

    users: int
    noise_floor_ms: float


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag="tick"):
    """One second has passed."""

    second: Second


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """The run is over; fields as in :class:`readiness_kit.facts.load.LoadRun`."""

    sent: int
    answered: int
    failed: int
    errors: dict[str, int]
    scheduled: int
    seconds: float
    stages: tuple[Stage, ...]
    aborted: str | None
    offered_rps: float
    achieved_rps: float
    block_s: float
    blocks: tuple[Histogram, ...]
    service: Histogram
    operations: tuple[Operation, ...]
    lateness_p99_ms: float | None
    noise_floor_ms: float
    cpu_s: float
    max_rss_bytes: int
    invalid_reason: InvalidReason | None


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The run never started."""

    cause: Literal["target_down", "scenario", "warm_up"]
    message: str


Message = Ready | Tick | Ended | Refused
