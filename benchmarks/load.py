"""The load engine beside stock Locust, k6 and wrk, measured in the same run.

Cost is processor time per request, by the target's own counter. Rounds alternate between the
tools; medians, and medians of the ratios within a round, count. Exits 1 where a limit is broken.

    python benchmarks/load.py [--quick] [cost tls paced stall capacity memory recording soak]
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import peers
import psutil
from measures import Cost, cost, memory_mb, running, said, until_served
from peers import Percentiles, Tool
from targets import Certificates, NotHere, Target, target

USERS = 50
ANSWERS_PER_S = 2000
CAPACITY = {"servers": 8, "rps": 2000}

Make = Callable[[Target], Tool]
Limits = dict[str, tuple[str, float | None]]
"""By tool: the peer beside which it is measured, and the most that the ratio may be."""


@dataclass
class Bench:
    """How long to measure, and what was found to be over its limit."""

    rounds: int
    window_s: float
    stalls: int
    soak_s: float
    folder: Path
    broken: int = 0

    def row(self, what: str, value: float, unit: str, most: float | None = None) -> None:
        """Print one result, and remember whether it is over its limit."""
        verdict = ""
        if most is not None:
            over = value > most
            self.broken += over
            verdict = f"  must be at most {most:g}: {'BROKEN' if over else 'kept'}"
        print(f"  {what:<44} {value:9.2f} {unit}{verdict}", flush=True)


def tried(name: str, make: Make, on: Target) -> Tool | None:
    """Return the tool, or say why it is left out."""
    try:
        return make(on)
    except NotHere as missing:
        print(f"  {name:<44} left out: {missing}")
        return None


def costs(
    bench: Bench, makes: dict[str, Make], certificates: Certificates | None = None
) -> dict[str, list[Cost]]:
    """Measure every tool in every round."""
    found: dict[str, list[Cost]] = {}
    with target((), certificates) as on:
        tools = {name: tool for name, make in makes.items() if (tool := tried(name, make, on))}
        for _ in range(bench.rounds):
            for name, tool in tuple(tools.items()):
                try:
                    one = cost(tool, on, after=20 * USERS, window_s=bench.window_s)
                except NotHere as why:
                    print(f"  {name:<44} left out: {why}")
                    del tools[name]
                    found.pop(name, None)
                else:
                    found.setdefault(name, []).append(one)
    return found


def table(bench: Bench, found: dict[str, list[Cost]], limits: Limits) -> None:
    """Print what each tool costs, in itself and beside a peer."""
    for name, samples in found.items():
        rate = statistics.median(one.rps for one in samples)
        bench.row(name, statistics.median(one.us for one in samples), f"us/request {rate:7.0f}/s")
    for name, (peer, most) in limits.items():
        if name in found and peer in found:
            pairs = zip(found[name], found[peer], strict=True)
            bench.row(
                f"{name} / {peer}", statistics.median(a.us / b.us for a, b in pairs), "", most
            )


def cost_plain(bench: Bench) -> None:
    print(f"cost of a request, flat out, {USERS} connections, plain HTTP")
    long_s = bench.window_s + 60
    found = costs(
        bench,
        {
            "k6": lambda on: peers.k6(on, USERS, long_s),
            "Lane": lambda on: peers.lanes(on, USERS, long_s),
            "FastLaneUser": lambda on: peers.fast_lane_user(on, USERS, long_s, 60_000),
            "FastHttpUser": lambda on: peers.locust(on, USERS, long_s),
            "OpenUser": lambda on: peers.open_user(on, USERS, long_s, 20_000),
            "HttpUser": lambda on: peers.locust(on, USERS, long_s, kind="Plain"),
            "wrk": lambda on: peers.wrk(on, USERS, long_s),
        },
    )
    limits: Limits = {
        "Lane": ("k6", 0.4),
        "FastLaneUser": ("k6", 0.6),
        "OpenUser": ("FastHttpUser", 1.1),
    }
    table(bench, found, limits)


def cost_tls(bench: Bench) -> None:
    print(f"cost of a request, flat out, {USERS} connections, TLS")
    long_s = bench.window_s + 60
    made = Certificates(bench.folder)
    found = costs(
        bench,
        {
            "k6": lambda on: peers.k6(on, USERS, long_s, ca=made.ca),
            "Lane": lambda on: peers.lanes(on, USERS, long_s, ca=made.ca),
            "FastLaneUser": lambda on: peers.fast_lane_user(on, USERS, long_s, 60_000, ca=made.ca),
            "FastHttpUser": lambda on: peers.locust(on, USERS, long_s),
            "wrk": lambda on: peers.wrk(on, USERS, long_s),
        },
        made,
    )
    table(bench, found, {"Lane": ("k6", 0.6), "FastLaneUser": ("k6", 0.8)})


def cost_paced(bench: Bench) -> None:
    print(f"cost of a request at {ANSWERS_PER_S} a second, {USERS} connections, plain HTTP")
    long_s = bench.window_s + 60
    found = costs(
        bench,
        {
            "k6": lambda on: peers.k6(on, USERS, long_s, rate_rps=ANSWERS_PER_S),
            "FastLaneUser": lambda on: peers.fast_lane_user(on, USERS, long_s, ANSWERS_PER_S),
            "OpenUser": lambda on: peers.open_user(on, USERS, long_s, ANSWERS_PER_S),
        },
    )
    table(bench, found, {"FastLaneUser": ("k6", None)})


def stall(bench: Bench) -> None:
    """Arrivals spread evenly over periods of 10 s, of which the last second is frozen."""
    truth = Percentiles(500, 900)
    seconds, users, rate = 10 * bench.stalls, 20, 200
    print(f"a target that freezes 1 s in every 10 s; P95 {truth.p95_ms:g}, P99 {truth.p99_ms:g} ms")
    k6_file, locust_file = bench.folder / "k6.json", bench.folder / "locust"
    tools: dict[str, tuple[Make, Callable[[str], Percentiles], bool]] = {
        "this kit": (
            lambda on: peers.ours("", peers.plan(on, users, seconds, rate)),
            peers.said_by_us,
            True,
        ),
        "this kit, FastLaneUser": (
            lambda on: peers.fast_lane_user(on, users, seconds, rate),
            peers.said_by_us,
            True,
        ),
        "k6 constant-arrival-rate": (
            lambda on: peers.k6(on, 300, seconds, rate_rps=rate, summary=k6_file),
            lambda _: peers.said_by_k6(k6_file),
            False,
        ),
        "k6 constant-vus": (
            lambda on: peers.k6(on, users, seconds, pause_s=users / rate, summary=k6_file),
            lambda _: peers.said_by_k6(k6_file),
            False,
        ),
        "Locust FastHttpUser": (
            lambda on: peers.locust(on, users, seconds, pause_s=users / rate, summary=locust_file),
            lambda _: peers.said_by_locust(locust_file),
            False,
        ),
    }
    for name, (make, read, judged) in tools.items():
        with target(["-S", "1000", "-E", "10000"]) as on:
            tool = tried(name, make, on)
            if tool is None:
                continue
            try:
                seen = read(said(tool, seconds))
            except NotHere as why:
                print(f"  {name:<44} left out: {why}")
                continue
        for p, got, want in zip(("P95", "P99"), seen, truth, strict=True):
            off = 100 * abs(got / want - 1)
            bench.row(f"{name}, {p} {got:.0f} ms, off by", off, "%", 5 if judged else None)


def capacity(bench: Bench) -> None:
    servers, rps = CAPACITY["servers"], CAPACITY["rps"]
    print(f"capacity of {servers} servers with exponential service times, {rps} a second in truth")
    seconds = 10.0 if bench.rounds > 1 else 6.0
    options = ["-c", str(servers), "-s", f"{servers / rps * 1e6:.0f}"]
    for arrivals in ("constant", "poisson"):
        with target(options) as on:
            more = {"arrivals": arrivals, "grace_s": seconds}
            order = peers.plan(on, USERS, seconds, 1.5 * rps, **more)
            found = json.loads(said(peers.ours("", order), 2 * seconds))["capacity"]
        if "value_rps" not in found:
            sys.exit(f"no capacity: {found}")
        off = 100 * abs(found["value_rps"] / rps - 1)
        what = f"{arrivals} arrivals, {found['value_rps']:.0f} a second, off by"
        bench.row(what, off, "%", 3 if bench.rounds > 1 else None)


def idle(users: int) -> dict[str, Make]:
    """Return tools with so many users, each of which asks seldom."""
    long_s, pause_s = 600.0, 30.0
    return {
        "this kit": lambda on: peers.open_user(on, users, long_s, users / pause_s),
        "this kit, FastLaneUser": (
            lambda on: peers.fast_lane_user(on, users, long_s, users / pause_s)
        ),
        "Locust FastHttpUser": lambda on: peers.locust(on, users, long_s, pause_s=pause_s),
        "k6": lambda on: peers.k6(on, users, long_s, pause_s=pause_s),
    }


def memory(bench: Bench) -> None:
    print("memory of all processes of a tool, by users")
    for users in (100, 1000, 5000):
        for name, make in idle(users).items():
            with target() as on:
                tool = tried(name, make, on)
                if tool is None:
                    continue
                with running(tool) as process:
                    until_served(on, users, process)
                    time.sleep(2)
                    most = 200 if name.startswith("this kit") and users == 5000 else None
                    bench.row(f"{name}, {users} users", memory_mb(process), "MB", most)


def recording(bench: Bench) -> None:
    print("hearing of one response")
    script = str(peers.USERS / "recording.py")
    seen = [json.loads(said(Tool("", [sys.executable, script]), 60)) for _ in range(bench.rounds)]
    medians = {name: statistics.median(one[name] for one in seen) for name in seen[0]}
    bench.row("Locust's event, nobody listening", medians["event"] / 1000, "us")
    bench.row("stock statistics, more", (medians["stock"] - medians["event"]) / 1000, "us")
    bench.row("this kit, more", (medians["ours"] - medians["event"]) / 1000, "us", 1.0)


def soak(bench: Bench) -> None:
    """Growth is from the second to the last fifth of the run, by the median of each."""
    print(f"growth of memory over {bench.soak_s:g} s at {ANSWERS_PER_S} requests a second")
    long_s = bench.soak_s + 60
    tools: dict[str, Make] = {
        "this kit": lambda on: peers.open_user(on, USERS, long_s, ANSWERS_PER_S),
        "this kit, FastLaneUser": (
            lambda on: peers.fast_lane_user(on, USERS, long_s, ANSWERS_PER_S)
        ),
        "k6": lambda on: peers.k6(on, USERS, long_s, rate_rps=ANSWERS_PER_S),
    }
    for name, make in tools.items():
        with target() as on:
            tool = tried(name, make, on)
            if tool is None:
                continue
            with running(tool) as process:
                until_served(on, 20 * USERS, process)
                seen = list(memories_mb(process, bench.soak_s))
        fifth = len(seen) // 5
        early, late = (statistics.median(part) for part in (seen[fifth : 2 * fifth], seen[-fifth:]))
        most = 2.0 if name.startswith("this kit") else None
        bench.row(f"{name}, from {early:.0f} MB, more", late - early, "MB", most)


def memories_mb(process: psutil.Process, seconds: float) -> Iterator[float]:
    """Look once a second."""
    for _ in range(int(seconds)):
        time.sleep(1)
        yield memory_mb(process)


PARTS: dict[str, Callable[[Bench], None]] = {
    "cost": cost_plain,
    "tls": cost_tls,
    "paced": cost_paced,
    "stall": stall,
    "capacity": capacity,
    "memory": memory,
    "recording": recording,
    "soak": soak,
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--soak", type=float, default=300.0, help="seconds")
    given = parser.parse_args(argv)
    if unknown := set(given.parts) - PARTS.keys():
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="readiness-bench-") as place:
        folder = Path(place)
        bench = Bench(given.rounds, 2.5, 3, given.soak, folder)
        if given.quick:
            bench = Bench(1, 1.0, 1, 15.0, folder)
        for part in given.parts or PARTS:
            try:
                PARTS[part](bench)
            except NotHere as missing:
                print(f"  left out: {missing}")
    return 1 if bench.broken else 0


if __name__ == "__main__":
    sys.exit(main())
