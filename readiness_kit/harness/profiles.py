"""The profiles of load, and the facts they give."""

import ipaddress
import math
import socket
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

from readiness_kit.errors import NotSeen, UsageError
from readiness_kit.facts.load import BenchmarkLoad, LoadRun, Stage
from readiness_kit.harness.drive import LoadOutcome, drive
from readiness_kit.harness.plan import Plan
from readiness_kit.sources import Visit, source
from readiness_kit.target import LoadProfile, Target, origin

BENCHMARK_REQUESTS = 800
"""Requests of a benchmark: P99 needs 368 independent ones, and bursts make some dependent."""

BENCHMARK_SECONDS = 30.0
"""Shortest benchmark."""

USERS_PER_RPS = 2.5
"""Users per request a second, so that one user stays below 24 requests a minute."""

Run = TypeVar("Run", bound=LoadRun)
Part = TypeVar("Part")

_FACTS: dict[str, type[LoadRun]] = {"benchmark": BenchmarkLoad}

PROFILES = tuple(_FACTS)
"""Names of the built-in profiles."""


def fact_of(profile: str) -> type[LoadRun]:
    """Return the fact that *profile* gives.

    Raises:
        UsageError: No such profile.

    """
    if profile not in _FACTS:
        raise UsageError(f"no profile {profile!r}", hint=f"there is {', '.join(PROFILES)}")
    return _FACTS[profile]


def plan_for(
    target: Target, profile: str, override: LoadProfile | None = None, *, url: str | None = None
) -> Plan:
    """Return what *profile* asks of *target*: *override*, else what is declared, else the built-in.

    Given *url*, that one URL is fetched instead of playing the scenario.

    Raises:
        UsageError: No such profile, or beyond a ceiling of ``load``.
        NotSeen: ``not_configured``: no api, no rate or no scenario to go by.

    """
    fact_of(profile)
    api = _need(target.api, "api")
    shape = _over(override, target.load.profiles.get(profile))
    rate_rps = _need(shape.rate_rps or target.objectives.peak_rps, "objectives.peak_rps")
    seconds = shape.seconds or max(BENCHMARK_SECONDS, math.ceil(BENCHMARK_REQUESTS / rate_rps))
    users = shape.users or max(10, math.ceil(USERS_PER_RPS * rate_rps))
    _bounded(target, rate_rps, seconds, users)
    base, path = (api.url.rstrip("/"), api.health) if url is None else _split(target, url)
    scenario = _need(target.load.scenario, "load.scenario") if url is None else None
    return Plan(
        profile=profile,
        url=base,
        origins=(origin(base),),
        rate_rps=rate_rps,
        seconds=seconds,
        users=users,
        scenario=str(scenario) if scenario else None,
        path=path,
        graphql=api.graphql,
        headers=api.headers,
        ca=str(api.ca) if api.ca else None,
        loopback=_on_loopback(base),
    )


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
        seconds=plan.seconds,
        stages=(
            Stage(
                name="steady",
                start_s=0.0,
                seconds=plan.seconds,
                from_rps=plan.rate_rps,
                to_rps=plan.rate_rps,
            ),
        ),
        offered_rps=plan.rate_rps,
        aborted=None,
        served=None,
        gauges=(),
        series=outcome.series,
        **said,
    )


@source(
    effect="load",
    asks="the profile `benchmark`: objectives.peak_rps for 30 s or longer",
    deadline_s=4000.0,
    exclusive=("load", "target"),
)
def benchmark(visit: Visit) -> BenchmarkLoad:
    """Offer the peak rate and measure the percentiles."""
    plan = plan_for(visit.target, "benchmark")
    outcome = drive(plan, tokens_for(visit.target), deadline_s=visit.remaining_s)
    visit.meter.count("http_requests", outcome.ended.sent + plan.users + 1)
    return load_run(BenchmarkLoad, outcome)


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
    first, second = first or LoadProfile(), second or LoadProfile()
    return LoadProfile(
        rate_rps=first.rate_rps or second.rate_rps,
        seconds=first.seconds or second.seconds,
        users=first.users or second.users,
    )


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
