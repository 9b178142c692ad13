"""The tools that are compared, each as a command: ours, stock Locust, k6, wrk."""

import csv
import json
import math
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec
from targets import NotHere, Target

from readiness_kit.harness.plan import Plan
from readiness_kit.harness.schedule import steady

USERS = Path(__file__).parent / "users"


@dataclass(frozen=True)
class Tool:
    """A command that loads a target."""

    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)


class Percentiles(NamedTuple):
    """What a tool says about latency, in milliseconds."""

    p95_ms: float
    p99_ms: float


def program(name: str) -> str:
    """Return the path of a program, from this environment or the system.

    Raises:
        NotHere: It is not installed.

    """
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise NotHere(f"{name} is not installed")
    return found


def k6(
    target: Target,
    users: int,
    seconds: float,
    *,
    rate_rps: int | None = None,
    pause_s: float = 0,
    ca: Path | None = None,
    summary: Path | None = None,
) -> Tool:
    """k6, in a closed loop, or with constant arrivals at *rate_rps*."""
    command = [program("k6"), "run", "-q", "--no-usage-report"]
    command += ["--summary-export", str(summary)] if summary else ["--no-summary"]
    env = {"URL": f"{target.url}/", "USERS": str(users), "SECONDS": f"{seconds:g}"}
    env |= {"GOMAXPROCS": "1"}  # as many as it has cores
    env |= {"RATE": str(rate_rps)} if rate_rps else {}
    env |= {"PAUSE": f"{pause_s:g}"} if pause_s else {}
    env |= {"SSL_CERT_FILE": str(ca)} if ca else {}
    name = "k6 constant-arrival-rate" if rate_rps else "k6 constant-vus"
    return Tool(name, [*command, str(USERS / "k6.js")], env)


def locust(
    target: Target,
    users: int,
    seconds: float,
    *,
    kind: str = "Fast",
    pause_s: float = 0,
    summary: Path | None = None,
) -> Tool:
    """Stock Locust with FastHttpUser, or HttpUser where *kind* is ``Plain``."""
    command = [program("locust"), "-f", str(USERS / "stock.py"), kind, "--headless"]
    command += [
        "-u",
        str(users),
        "-r",
        str(users),
        "-t",
        f"{math.ceil(seconds)}s",
        "-H",
        target.url,
    ]
    command += ["--only-summary", "--loglevel", "ERROR"]
    command += ["--csv", str(summary)] if summary else []
    name = {"Fast": "Locust FastHttpUser", "Plain": "Locust HttpUser"}[kind]
    return Tool(name, command, {"PAUSE": f"{pause_s:g}"})


def wrk(target: Target, users: int, seconds: float) -> Tool:
    """wrk, in C: what a request costs at least."""
    argv = [program("wrk"), "-t1", f"-c{users}", f"-d{math.ceil(seconds)}s", f"{target.url}/"]
    return Tool("wrk", argv)


def lanes(target: Target, users: int, seconds: float, *, ca: Path | None = None) -> Tool:
    """The fast lane alone, in a loop without an engine."""
    argv = [sys.executable, str(USERS / "lanes.py"), str(target.port), str(users), f"{seconds:g}"]
    return Tool("Lane, bare loop", argv + ([str(ca)] if ca else []))


def plan(
    target: Target,
    users: int,
    seconds: float,
    rate_rps: float,
    **more: object,
) -> Plan:
    """A plan of the kit's engine for one target."""
    given: dict[str, object] = {
        "profile": "benchmark",
        "url": target.url,
        "origins": (target.origin,),
        "stages": steady(rate_rps, seconds),
        "block_s": seconds / 30,
        "users": users,
        "loopback": True,
    }
    return msgspec.convert(msgspec.to_builtins(given | more), Plan)


def ours(name: str, order: Plan) -> Tool:
    """The kit's engine, driven by a parent of its own."""
    said = msgspec.json.encode(order).decode()
    return Tool(name, [sys.executable, str(USERS / "plan.py"), said])


def open_user(target: Target, users: int, seconds: float, rate_rps: float) -> Tool:
    """The kit's OpenUser with an ordinary Locust task."""
    scenario = str(USERS / "ordinary.py")
    return ours("OpenUser", plan(target, users, seconds, rate_rps, scenario=scenario))


def fast_lane_user(
    target: Target, users: int, seconds: float, rate_rps: float, *, ca: Path | None = None
) -> Tool:
    """The kit's FastLaneUser with a prepared request."""
    more = {"scenario": str(USERS / "prepared.py"), "ca": str(ca) if ca else None}
    return ours("FastLaneUser", plan(target, users, seconds, rate_rps, **more))


def said_by_k6(summary: Path) -> Percentiles:
    """What k6 exported."""
    seen = json.loads(summary.read_text())["metrics"]["http_req_duration"]
    return Percentiles(seen["p(95)"], seen["p(99)"])


def said_by_locust(summary: Path) -> Percentiles:
    """What Locust wrote to its table."""
    with summary.with_name(f"{summary.name}_stats.csv").open() as table:
        last = list(csv.DictReader(table))[-1]
    return Percentiles(float(last["95%"]), float(last["99%"]))


def said_by_us(output: str) -> Percentiles:
    """What plan.py printed."""
    seen = json.loads(output)
    if seen["invalid"]:
        raise NotHere(f"the run was invalid: {seen['invalid']}")
    return Percentiles(seen["p95_ms"], seen["p99_ms"])
