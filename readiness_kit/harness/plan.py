"""What the parent and its generators say to each other: JSON, one message a line.

The parent sends an :class:`Order`, then :data:`Command`; a generator answers with :data:`Message`:
one :class:`Ready`, a :class:`Tick` a second, one :class:`Ended`. A :class:`Refused` or the end of
its output instead of these means that it is lost.
"""

from typing import Literal

import msgspec

from readiness_kit.facts.load import Stage
from readiness_kit.harness.schedule import Arrivals, requests_in
from readiness_kit.statistics.early import Limit
from readiness_kit.statistics.histogram import Histogram

Origin = tuple[str, str, int]
"""Scheme, host and port."""


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message; an unknown field is an error, so that two versions never half understand."""


class Plan(Said, frozen=True, kw_only=True):
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
    """Concurrent users, of all workers together."""

    workers: int = 1
    """Generator processes."""

    scenario: str | None = None
    """Locust file; None fetches ``path`` only."""

    tags: tuple[str, ...] = ()
    """Only tasks with one of these Locust tags; when empty, all."""

    path: str = "/"
    """What is fetched to reach, and to warm, the target."""

    graphql: str = "/graphql"
    """Path of the GraphQL endpoint."""

    auth_header: str = "authorization"
    """Header that carries a user's token; in ``authorization`` it follows ``Bearer``."""

    headers: dict[str, str] = {}
    """Sent with every request."""

    ca: str | None = None
    """PEM file of the authority behind the certificate; None is the system's store."""

    loopback: bool = False
    """Whether the target is on this host, so that each user can have an address of its own."""

    arrivals: Arrivals = "constant"
    """How requests are spread over time."""

    instants: tuple[float, ...] = ()
    """Of a replay: when each request is due, seconds from the start."""

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
        return len(self.instants) or sum(requests_in(stage) for stage in self.stages)

    @property
    def top_rps(self) -> float:
        """The highest rate."""
        return max(max(stage.from_rps, stage.to_rps) for stage in self.stages)

    def users_of(self, worker: int) -> range:
        """Return the numbers of the users that *worker* plays."""
        return range(worker, self.users, self.workers)


class Order(Said, frozen=True, kw_only=True):
    """What a generator is to play. Secrets travel nowhere else."""

    plan: Plan
    worker: int = 0
    """Its index: it plays every n-th arrival with every n-th user."""

    tokens: tuple[str, ...] = ()
    """Bearer tokens the users draw from."""

    def __repr__(self) -> str:
        """Show how many tokens there are, not which."""
        return f"Order({self.plan!r}, worker {self.worker}, {len(self.tokens)} tokens)"


class Start(Said, frozen=True, kw_only=True, tag="start"):
    """Begin the schedule."""

    at: float
    """When, on the monotonic clock of the generator's own host."""


class Cut(Said, frozen=True, kw_only=True, tag="cut"):
    """End the schedule early."""

    until: float
    """Where, seconds from the start; it lies ahead."""


class Renew(Said, frozen=True, kw_only=True, tag="renew"):
    """Use other tokens from now on."""

    tokens: tuple[str, ...]

    def __repr__(self) -> str:
        """Show how many tokens there are, not which."""
        return f"Renew({len(self.tokens)} tokens)"


class Stop(Said, frozen=True, kw_only=True, tag="stop"):
    """Send nothing more, and say what was seen."""


Command = Start | Cut | Renew | Stop


class Ready(Said, frozen=True, kw_only=True, tag="ready"):
    """Every user is connected and waits for the start."""

    users: int
    noise_floor_ms: float


class Tick(Said, frozen=True, kw_only=True, tag="tick"):
    """One second has passed."""

    number: int
    """1 for the first second, then without a gap."""

    t_s: float
    """When, seconds from the start."""

    n: int
    """Requests that ended, well or not."""

    failed: int
    """Those that failed."""

    answered: int
    """Those that got any answer, good or bad."""

    corrected: Histogram
    """Of those that succeeded, from the instant each was due; the failed are lost in it."""

    service: Histogram
    """Of those that succeeded, from the instant each was sent."""

    lateness: Histogram
    """How late the generator itself was."""


class Kind(Said, frozen=True, kw_only=True):
    """One kind of request."""

    name: str
    corrected: Histogram
    service: Histogram


class Ended(Said, frozen=True, kw_only=True, tag="ended"):
    """A generator's share of the run; fields as in :class:`readiness_kit.facts.load.LoadRun`."""

    ticks: int
    """Ticks that were said."""

    seconds: float
    """Where its schedule ended."""

    scheduled: int
    sent: int
    answered: int
    failed: int
    in_time: int
    """Good answers that came before the schedule ended."""

    errors: dict[str, int]
    blocks: tuple[Histogram, ...]
    service: Histogram
    operations: tuple[Kind, ...]
    lateness: Histogram
    noise_floor_ms: float
    busiest: float
    """Greatest share of a processor that it used over five seconds."""

    held: bool
    """Whether the target held every user at the end, so that it is why requests were not sent."""

    closed_loop: bool
    """Whether users sent when they liked."""

    interrupted: bool
    """Whether it was stopped."""

    cpu_s: float
    max_rss_bytes: int


class Refused(Said, frozen=True, kw_only=True, tag="refused"):
    """The generator could not start."""

    cause: Literal["target_down", "scenario", "warm_up", "joining"]
    message: str


Message = Ready | Tick | Ended | Refused
