"""Load tests."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readiness_kit.target.parts import Part, Secret


class AbortOn(Part, frozen=True):
    """Limits whose certain breach ends a load test before its time. What is absent ends none."""

    error_rate: Annotated[float, Meta(gt=0, lt=1)] | None = None
    """Share of requests that may fail."""

    p50_ms: Annotated[float, Meta(gt=0)] | None = None
    """Limit of the median."""

    p95_ms: Annotated[float, Meta(gt=0)] | None = None
    """Limit of the 95th percentile."""

    p99_ms: Annotated[float, Meta(gt=0)] | None = None
    """Limit of the 99th percentile."""


class LoadProfile(Part, frozen=True):
    """The shape of one load test."""

    rate_rps: Annotated[float, Meta(gt=0)] | None = None
    """Highest rate, arrivals per second; when absent, a multiple of ``objectives.peak_rps``."""

    seconds: Annotated[float, Meta(gt=0)] | None = None
    """How long."""

    users: Annotated[int, Meta(gt=0)] | None = None
    """Concurrent users that serve the arrivals."""

    arrivals: Literal["constant", "poisson"] | None = None
    """Evenly spaced, or at random like independent callers; when absent, evenly."""

    replay: Path | None = None
    """File with the instant of each arrival, seconds, one a line; stands for rate and length."""

    scenario: Path | None = None
    """Locust file of this profile; when absent, ``load.scenario``."""

    tags: tuple[str, ...] = ()
    """Only tasks with one of these Locust tags; when empty, all."""

    abort_on: AbortOn | None = None
    """When to end early; when absent, on the objectives where the profile is meant to hold them."""


class Distributed(Part, frozen=True):
    """Generators on other hosts, as workers of a Locust master on this one."""

    workers: Annotated[int, Meta(gt=0)]
    """How many must join; the test does not start with fewer."""

    secret: Secret
    """Shared with the workers: what is said is sealed with it, though not hidden."""

    bind: str = "127.0.0.1"
    """Address of this host that the workers reach."""

    port: Annotated[int, Meta(ge=1, le=65535)] = 5557
    """Port of the master."""

    join_s: Annotated[float, Meta(gt=0)] = 60.0
    """Longest wait for the workers."""


class GaugeQuery(Part, frozen=True):
    """A series of the target's own that Prometheus knows, sampled during load tests."""

    name: str
    """What it is, with its unit: ``replicas``, ``queue_length``, …"""

    query: str
    """PromQL; each series of the answer is kept apart."""


Profile = Literal["benchmark", "peak", "step", "stress", "soak"]
AnyProfile = Literal["smoke", "benchmark", "peak", "step", "stress", "spike", "soak"]


class Load(Part, frozen=True):
    """Load tests."""

    scenario: Path | None = None
    """Locust file with the users."""

    profiles: dict[AnyProfile, LoadProfile] = {}
    """Overrides of the built-in profiles."""

    run: tuple[Profile, ...] = ("benchmark", "peak", "step", "stress", "soak")
    """Profiles that ``readiness run --allow load`` plays; any other is played by name only."""

    workers: Annotated[int, Meta(gt=0, le=64)] = 1
    """Generator processes on this host."""

    distributed: Distributed | None = None
    """Generators on other hosts, instead of those on this one."""

    identities: tuple[Secret, ...] = ()
    """Tokens the users draw from; when empty, ``auth.token``, renewed by ``auth.token_command``."""

    gauges: tuple[GaugeQuery, ...] = ()
    """What to ask Prometheus for during a load test."""

    records: Path | None = None
    """Folder of signed records of earlier load tests."""

    kill_file: Path | None = None
    """A file that ends every load test of this target while it exists; when absent, ``STOP-LOAD``
    in the working directory.
    """

    max_rps: Annotated[float, Meta(gt=0)] = 1000.0
    """Ceiling on any rate."""

    max_users: Annotated[int, Meta(gt=0)] = 5000
    """Ceiling on any number of users."""

    max_seconds: Annotated[float, Meta(gt=0)] = 3600.0
    """Ceiling on any duration."""
