"""From a target and a profile to the plan of a load test, within ceilings and never guessed."""

import ipaddress
import math
import socket
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from readiness_kit.errors import UsageError
from readiness_kit.facts.load import Stage
from readiness_kit.harness.conducting.profiles import Profile, profile
from readiness_kit.harness.plan import Plan
from readiness_kit.harness.schedule import steady
from readiness_kit.sources import configured
from readiness_kit.statistics.early import Limit
from readiness_kit.target import AbortOn, LoadProfile, Objectives, Target, origin

BLOCKS = 30
"""Blocks of a schedule of one stage."""

BLOCKS_PER_STAGE = 20
"""Blocks of the shortest stage of a schedule of several; a capacity needs 10 after the first 4."""

USERS_PER_RPS = 2.5
"""Users per request a second, so that one user stays below 24 requests a minute."""


def plan_for(
    target: Target, name: str, override: LoadProfile | None = None, *, url: str | None = None
) -> Plan:
    """Return what profile *name* asks of *target*: *override*, else as declared, else built-in.

    Given *url*, that one URL is fetched instead of playing the scenario.

    Raises:
        UsageError: No such profile, beyond a ceiling of ``load``, or a file that cannot be used.
        NotSeen: ``not_configured``: no api, no rate or no scenario to go by.

    """
    built_in = profile(name)
    api = configured(target.api, "api")
    declared = next((one for key, one in target.load.profiles.items() if key == name), None)
    shape = _over(override, declared)
    instants = _instants(shape.replay) if shape.replay else ()
    played = _replayed(instants) if instants else _stages(target, built_in, shape)
    top_rps = max(max(stage.from_rps, stage.to_rps) for stage in played)
    users = shape.users or max(10, min(math.ceil(USERS_PER_RPS * top_rps), target.load.max_users))
    _bounded(target, top_rps, sum(stage.seconds for stage in played), users)
    base, path = (api.url.rstrip("/"), api.health) if url is None else _split(target, url)
    shortest_s = min(stage.seconds for stage in played)
    far = target.load.distributed
    return Plan(
        profile=name,
        url=base,
        origins=(origin(base),),
        stages=played,
        block_s=shortest_s / (BLOCKS if len(played) == 1 else BLOCKS_PER_STAGE),
        abort_on=_limits(shape.abort_on or _kept(target.objectives, built_in)),
        until_lagging=built_in.until_lagging,
        users=users,
        workers=min(far.workers if far else target.load.workers, users),
        scenario=_scenario(target, shape) if url is None else None,
        tags=shape.tags,
        path=path,
        graphql=api.graphql,
        auth_header=target.auth.header,
        headers=api.headers,
        ca=str(api.ca) if api.ca else None,
        loopback=_on_loopback(base),
        arrivals="replay" if instants else shape.arrivals or "constant",
        instants=instants,
    )


def _stages(target: Target, built_in: Profile, shape: LoadProfile) -> tuple[Stage, ...]:
    top_rps = shape.rate_rps or _top(target, built_in)
    return built_in.stages(top_rps, shape.seconds or built_in.seconds(top_rps))


def _top(target: Target, built_in: Profile) -> float:
    """Return the highest rate: what a step would like and a ceiling forbids, it does without."""
    wanted = built_in.peaks * configured(target.objectives.peak_rps, "objectives.peak_rps")
    wanted = min(wanted, built_in.most_rps)
    return min(wanted, *_ceilings(target)) if built_in.until_lagging else wanted


def _ceilings(target: Target) -> tuple[float, ...]:
    production = target.environment == "production"
    own = (target.limits.production.max_rps,) if production else ()
    return (target.load.max_rps, *own)


def _scenario(target: Target, shape: LoadProfile) -> str:
    return str(configured(shape.scenario or target.load.scenario, "load.scenario"))


def _instants(file: Path) -> tuple[float, ...]:
    """Return the instants in *file*, seconds from the first, ascending."""
    try:
        lines = file.read_text(encoding="utf-8").split()
        found = sorted(float(line) for line in lines)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: {error}", hint="one instant a line, in seconds") from error
    if len(found) < 2 or not all(map(math.isfinite, found)) or found[0] == found[-1]:
        raise UsageError(
            f"{file} holds {len(found)} instants", hint="two different, finite ones at least"
        )
    return tuple(at - found[0] for at in found)


def _replayed(instants: tuple[float, ...]) -> tuple[Stage, ...]:
    """Return the one stage of a replay; its rate is the mean."""
    seconds = instants[-1] * len(instants) / (len(instants) - 1)
    return steady(len(instants) / seconds, seconds)


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
    bounds = [
        ("load.max_rps", rate_rps, load.max_rps),
        ("load.max_seconds", seconds, load.max_seconds),
        ("load.max_users", users, load.max_users),
    ]
    if target.environment == "production":
        bounds.append(("limits.production.max_rps", rate_rps, target.limits.production.max_rps))
    for key, asked, most in bounds:
        if asked > most:
            raise UsageError(
                f"{asked:g} is more than {key}, {most:g}",
                hint=f"ask for less, or raise {key} in readiness.yaml",
            )


def _on_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return False  # preflight will say so
    return all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)
