"""The profiles of load, and the facts they give."""

import ipaddress
import math
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from readiness_kit.errors import NotSeen, UsageError
from readiness_kit.facts.load import (
    BenchmarkLoad,
    LoadRun,
    PeakLoad,
    SmokeLoad,
    SoakLoad,
    SpikeLoad,
    Stage,
    StepLoad,
    StressLoad,
)
from readiness_kit.harness.drive import LoadOutcome, drive
from readiness_kit.harness.plan import Plan
from readiness_kit.harness.schedule import stages, steady
from readiness_kit.sources import Visit, source
from readiness_kit.statistics.early import Limit
from readiness_kit.target import AbortOn, LoadProfile, Objectives, Target, origin

BLOCKS = 30
"""Blocks of a schedule of one stage."""

BLOCKS_PER_STAGE = 10
"""Blocks of the shortest stage of a schedule of several."""

PERCENTILE_REQUESTS = 800
"""Requests behind a P99: it needs 368 independent ones, and bursts make some dependent."""

USERS_PER_RPS = 2.5
"""Users per request a second, so that one user stays below 24 requests a minute."""

STEPS = 10
"""Steps of the profile ``step``: a fit of the scaling law needs 8."""

Run = TypeVar("Run", bound=LoadRun)
Part = TypeVar("Part")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a profile plays when nothing else is declared."""

    fact: type[LoadRun]
    """What it gives."""

    peaks: float
    """Its highest rate, in peak rates."""

    seconds: Callable[[float], float]
    """Its length, by its highest rate."""

    stages: Callable[[float, float], tuple[Stage, ...]] = steady
    """Its parts, by its highest rate and its length."""

    most_rps: float = math.inf
    """Ceiling on its highest rate."""

    held: bool = False
    """Whether the objectives are meant to hold, so that their certain breach may end it early."""

    until_lagging: bool = False
    """Whether it ends once the target falls behind."""


def _rising(top_rps: float, seconds: float) -> tuple[Stage, ...]:
    """Return steps from a sixteenth of *top_rps* to it, each higher than the last by one factor."""
    rates = [top_rps * 16 ** (step / (STEPS - 1) - 1) for step in range(STEPS)]
    return stages(*((f"step {n}", seconds / STEPS, r, r) for n, r in enumerate(rates, 1)))


def _around(
    name: str, over: float, shares: tuple[int, int, int]
) -> Callable[..., tuple[Stage, ...]]:
    """Return stages ``before``, *name* at *over* times their rate, ``after``; lengths by share."""

    def around(top_rps: float, seconds: float) -> tuple[Stage, ...]:
        rates = (top_rps / over, top_rps, top_rps / over)
        lengths = (seconds * share / sum(shares) for share in shares)
        named = zip(("before", name, "after"), lengths, rates, strict=True)
        return stages(*((part, length, rate, rate) for part, length, rate in named))

    return around


_PROFILES = {
    "smoke": Profile(fact=SmokeLoad, peaks=1, seconds=lambda _: 5.0, most_rps=2.0, held=True),
    "benchmark": Profile(
        fact=BenchmarkLoad,
        peaks=1,
        seconds=lambda rate: max(30.0, math.ceil(PERCENTILE_REQUESTS / rate)),
        held=True,
    ),
    "peak": Profile(
        fact=PeakLoad,
        peaks=2,
        seconds=lambda rate: max(20.0, math.ceil(PERCENTILE_REQUESTS / rate)),
        held=True,
    ),
    "step": Profile(
        fact=StepLoad, peaks=16, seconds=lambda _: 100.0, stages=_rising, until_lagging=True
    ),
    "stress": Profile(
        fact=StressLoad,
        peaks=3,
        seconds=lambda _: 110.0,
        stages=_around("overload", 3, (2, 3, 6)),
    ),
    "spike": Profile(
        fact=SpikeLoad, peaks=5, seconds=lambda _: 60.0, stages=_around("spike", 5, (4, 1, 7))
    ),
    "soak": Profile(fact=SoakLoad, peaks=1, seconds=lambda _: 1800.0, held=True),
}

PROFILES = tuple(_PROFILES)
"""Names of the built-in profiles."""


def fact_of(profile: str) -> type[LoadRun]:
    """Return the fact that *profile* gives.

    Raises:
        UsageError: No such profile.

    """
    return _profile(profile).fact


def plan_for(
    target: Target, profile: str, override: LoadProfile | None = None, *, url: str | None = None
) -> Plan:
    """Return what *profile* asks of *target*: *override*, else what is declared, else the built-in.

    Given *url*, that one URL is fetched instead of playing the scenario.

    Raises:
        UsageError: No such profile, or beyond a ceiling of ``load``.
        NotSeen: ``not_configured``: no api, no rate or no scenario to go by.

    """
    built_in = _profile(profile)
    api = _need(target.api, "api")
    shape = _over(override, target.load.profiles.get(profile))
    top_rps = shape.rate_rps or _top(target, built_in)
    seconds = shape.seconds or built_in.seconds(top_rps)
    users = shape.users or _users(target, top_rps)
    _bounded(target, top_rps, seconds, users)
    base, path = (api.url.rstrip("/"), api.health) if url is None else _split(target, url)
    scenario = _need(target.load.scenario, "load.scenario") if url is None else None
    played = built_in.stages(top_rps, seconds)
    shortest_s = min(stage.seconds for stage in played)
    return Plan(
        profile=profile,
        url=base,
        origins=(origin(base),),
        stages=played,
        block_s=shortest_s / (BLOCKS if len(played) == 1 else BLOCKS_PER_STAGE),
        abort_on=_limits(shape.abort_on or _kept(target.objectives, built_in)),
        until_lagging=built_in.until_lagging,
        users=users,
        scenario=str(scenario) if scenario else None,
        path=path,
        graphql=api.graphql,
        headers=api.headers,
        ca=str(api.ca) if api.ca else None,
        loopback=_on_loopback(base),
    )


def _profile(name: str) -> Profile:
    if name not in _PROFILES:
        raise UsageError(f"no profile {name!r}", hint=f"there is {', '.join(PROFILES)}")
    return _PROFILES[name]


def _top(target: Target, built_in: Profile) -> float:
    """Return the highest rate: what a step would like and the ceiling forbids, it does without."""
    wanted = built_in.peaks * _need(target.objectives.peak_rps, "objectives.peak_rps")
    wanted = min(wanted, built_in.most_rps)
    return min(wanted, target.load.max_rps) if built_in.until_lagging else wanted


def _users(target: Target, top_rps: float) -> int:
    return max(10, min(math.ceil(USERS_PER_RPS * top_rps), target.load.max_users))


def _kept(objectives: Objectives, built_in: Profile) -> AbortOn:
    """Return the objectives where the profile is meant to hold them, nothing where it is not."""
    if not built_in.held:
        return AbortOn()
    # with no error allowed there is no share to test: the run goes on and is judged at its end
    rate = objectives.error_rate if 0 < objectives.error_rate < 1 else None
    return AbortOn(
        error_rate=rate,
        p50_ms=objectives.p50_ms,
        p95_ms=objectives.p95_ms,
        p99_ms=objectives.p99_ms,
    )


def _limits(abort_on: AbortOn) -> tuple[Limit, ...]:
    over = ((0.50, abort_on.p50_ms), (0.05, abort_on.p95_ms), (0.01, abort_on.p99_ms))
    late = tuple(Limit(share=share, over_ms=ms) for share, ms in over if ms is not None)
    return late if abort_on.error_rate is None else (Limit(share=abort_on.error_rate), *late)


def tokens_for(target: Target) -> tuple[str, ...]:
    """Return the bearer tokens that users draw from."""
    secrets = target.load.identities or ((target.auth.token,) if target.auth.token else ())
    return tuple(secret.reveal() for secret in secrets)


def load_run(kind: type[Run], outcome: LoadOutcome) -> Run:
    """Return the fact that *outcome* is."""
    plan, ended = outcome.plan, outcome.ended
    said = {name: getattr(ended, name) for name in ended.__struct_fields__}
    return kind(
        observed_at=datetime.now(UTC),
        profile=plan.profile,
        scenario=(plan.scenario or plan.path).rpartition("/")[2],
        users=plan.users,
        workers=1,
        workers_lost=0,
        series=outcome.series,
        served=None,
        gauges=(),
        **said,
    )


def _play(visit: Visit, kind: type[Run], profile: str) -> Run:
    plan = plan_for(visit.target, profile)
    outcome = drive(plan, tokens_for(visit.target), deadline_s=visit.remaining_s)
    visit.meter.count("http_requests", outcome.ended.sent + plan.users + 1)
    return load_run(kind, outcome)


@source(
    effect="load",
    asks="the profile `benchmark`: objectives.peak_rps for 30 s or longer",
    deadline_s=4000.0,
    exclusive=("load", "target"),
)
def benchmark(visit: Visit) -> BenchmarkLoad:
    """Offer the peak rate and measure the percentiles."""
    return _play(visit, BenchmarkLoad, "benchmark")


@source(
    effect="load",
    asks="the profile `peak`: twice objectives.peak_rps for 20 s or longer",
    deadline_s=4000.0,
    exclusive=("load", "target"),
)
def peak(visit: Visit) -> PeakLoad:
    """Offer twice the peak rate."""
    return _play(visit, PeakLoad, "peak")


def _split(target: Target, url: str) -> tuple[str, str]:
    where, parts = origin(url), urlsplit(url)
    if where not in target.origins():
        raise UsageError(
            f"{url} is not on a host that readiness.yaml names",
            hint="load goes to api.url, api.instances, api.metrics_urls and api.http_url only",
        )
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}", (parts.path or "/") + query


def _over(first: LoadProfile | None, second: LoadProfile | None) -> LoadProfile:
    """Return *second* with whatever *first* says instead."""
    said = msgspec.structs.asdict(first or LoadProfile())
    given = {name: value for name, value in said.items() if value not in (None, ())}
    return msgspec.structs.replace(second or LoadProfile(), **given)


def _bounded(target: Target, rate_rps: float, seconds: float, users: int) -> None:
    load = target.load
    for name, asked, most in (
        ("max_rps", rate_rps, load.max_rps),
        ("max_seconds", seconds, load.max_seconds),
        ("max_users", users, load.max_users),
    ):
        if asked > most:
            raise UsageError(
                f"{asked:g} is more than load.{name}, {most:g}",
                hint=f"ask for less, or raise load.{name} in readiness.yaml",
            )


def _on_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return False  # preflight will say so
    return all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)


def _need(value: Part | None, key: str) -> Part:
    if value is None:
        raise NotSeen(
            f"readiness.yaml has no {key}",
            cause="not_configured",
            hint=f"add {key} to readiness.yaml",
        )
    return value
