"""Several generators on this host, and one at its limits: life, death and truth."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jwt
import msgspec
import psutil
import pytest
from live.load_target import LoadTarget
from live.test_load_lifecycle import wait_until
from live.test_load_truth import plan, play
from webserver import secret

from readiness_kit.errors import UsageError
from readiness_kit.facts.load import BenchmarkLoad
from readiness_kit.harness.conducting.drive import Drive, drive
from readiness_kit.harness.conducting.identities import Identities
from readiness_kit.harness.conducting.planning import plan_for
from readiness_kit.harness.runs import load_run
from readiness_kit.target import Api, Load, LoadProfile, Target

pytestmark = pytest.mark.live

BIN = Path(sys.executable).parent

FAST = """
from locust import task
from readiness_kit.harness.users import FastLaneUser

class Visitor(FastLaneUser):
    @task
    def visit(self):
        self.fast("GET", {path!r})
"""

PARENT = """
import sys, msgspec
from readiness_kit.harness.conducting.drive import Drive
from readiness_kit.harness.plan import Plan
with Drive(msgspec.json.decode(sys.argv[1], type=Plan)) as run:
    for second in run:
        print(*(child.process.pid for child in run.generators.children), flush=True)
"""

TARGET = """
import sys
from live.load_target import LoadTarget
with LoadTarget() as target:
    print(target.port, flush=True)
    sys.stdin.read()
"""


def patiently(ask, seen=lambda outcome: outcome.invalid_reason):
    """Ask again, twice at most, where this host was too busy to generate load."""
    for _ in range(3):
        outcome = ask()
        if seen(outcome) != "generator_late":
            break
    return outcome


def fast(target, tmp_path, path="/", **changes):
    file = tmp_path / "fast.py"
    file.write_text(FAST.format(path=path))
    return plan(target, scenario=str(file), **changes)


def ended(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def pids(run):
    return [psutil.Process(child.process.pid) for child in run.generators.children]


# --- several workers ---


@pytest.mark.parametrize("workers", [2, 3])
def test_what_the_workers_count_is_what_the_target_counts(workers):
    def ask():
        with LoadTarget() as target:
            outcome = drive(plan(target, path="/", rate_rps=150.0, workers=workers, users=12))
        warm = 12 + workers
        assert target.hits["/"] - warm == outcome.ended.answered == 300
        assert len(target.clients) == 12
        return outcome

    outcome = patiently(ask)
    assert outcome.invalid_reason is None
    total = outcome.ended
    assert (total.scheduled, total.sent, total.failed, total.in_time) == (300, 300, 0, 300)
    assert sum(block.n for block in total.blocks) == sum(one.n for one in outcome.series) == 300
    assert all(block.n for block in total.blocks)


def test_a_killed_worker_makes_the_run_invalid_and_ends_it_at_once():
    with LoadTarget() as target:
        with Drive(plan(target, seconds=60.0, workers=2)) as run:
            next(iter(run))
            processes, killed_at = pids(run), time.monotonic()
            processes[1].kill()
            outcome = run.outcome()
            assert time.monotonic() - killed_at < 10
        assert all(map(ended, processes))
    assert (outcome.invalid_reason, outcome.workers_lost) == ("worker_lost", 1)


def test_all_workers_die_with_a_killed_parent():
    with LoadTarget() as target:
        text = msgspec.json.encode(plan(target, seconds=60.0, workers=2)).decode()
        with subprocess.Popen(
            [sys.executable, "-c", PARENT, text], stdout=subprocess.PIPE
        ) as parent:
            workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
            parent.kill()
        assert len(workers) == 2
        assert wait_until(lambda: all(map(ended, workers)), 3)


def test_a_target_that_is_killed_ends_the_run_early():
    path = str(Path(__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-c", TARGET],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as server:
        port = int(server.stdout.readline())
        with LoadTarget() as form:
            dying = plan(form, url=f"http://127.0.0.1:{port}", seconds=60.0, workers=2)
        dying = msgspec.structs.replace(dying, origins=(("http", "127.0.0.1", port),))
        with Drive(dying) as run:
            seconds = iter(run)
            next(seconds)
            server.kill()
            outcome = run.outcome()
            processes = pids(run)
    assert outcome.invalid_reason == "target_down"
    assert outcome.ended.seconds < 20
    assert set(outcome.ended.errors) & {"connection_refused", "connection"}
    assert all(map(ended, processes))


# --- the command ---


def target_file(folder, url, **load):
    file = folder / "readiness.yaml"
    given = {"schema": 1, "name": "shop", "environment": "sandbox", "api": {"url": url}}
    given |= {"objectives": {"peak_rps": 20}, "load": load}
    file.write_text(json.dumps(given))
    return file


def command(file, *arguments):
    return subprocess.Popen(
        [BIN / "readiness", "load", "benchmark", "-c", file, "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=file.parent,
    )


LONG = ("--rate", "50", "--duration", "60", "--users", "6", "--workers", "2")


def under_way(target, process):
    """Wait for load, and return the generators."""
    assert wait_until(lambda: target.hits["/shop"] > 50 or process.poll() is not None, 60)
    assert process.poll() is None, process.stderr.read()
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize(
    ("number", "status", "says"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_signal_ends_the_command_and_leaves_no_generator(tmp_path, number, status, says):
    with LoadTarget() as target:
        url = f"{target.url}/shop"
        with command(target_file(tmp_path, target.url), "--url", url, *LONG) as process:
            generators = under_way(target, process)
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        assert wait_until(lambda: all(map(ended, generators)), 3)
    assert len(generators) == 2
    assert (process.returncode, out) == (status, "")
    assert says in err
    assert "Traceback" not in err


def test_the_kill_file_ends_the_command_and_proves_nothing(tmp_path):
    with LoadTarget() as target:
        file = target_file(tmp_path, target.url, kill_file="STOP-LOAD")
        with command(file, "--url", f"{target.url}/shop", *LONG) as process:
            generators = under_way(target, process)
            (tmp_path / "STOP-LOAD").touch()
            out, _ = process.communicate(timeout=20)
        assert wait_until(lambda: all(map(ended, generators)), 3)
    said = json.loads(out)
    assert process.returncode == 3
    assert (said["verdict"], said["invalid_reason"]) == ("unknown", "interrupted")


# --- a generator at its limits ---


def test_more_than_a_generator_can_send_is_never_a_verdict_on_the_target(tmp_path):
    body = "self.client.get('/health')"
    with LoadTarget() as target:
        outcome = play(target, tmp_path, body, rate_rps=40_000.0, users=20, grace_s=0.2)
    assert outcome.invalid_reason in {"generator_late", "arrivals_lost"}
    assert outcome.ended.sent < outcome.ended.scheduled == 80_000


def test_no_request_at_all_is_too_few():
    with LoadTarget() as target:
        outcome = drive(plan(target, rate_rps=0.1, seconds=1.0, workers=2))
    run = load_run(BenchmarkLoad, outcome)
    assert run.scheduled == run.sent == run.corrected.n == 0
    assert run.corrected.quantile_ms(0.95) is None


# --- where requests may go ---


@pytest.mark.parametrize("path", ["/moved", "{other}/direct"])
def test_the_fast_lane_asks_no_other_host(tmp_path, path):
    with LoadTarget() as other, LoadTarget(elsewhere=other.url + "/") as target:
        outcome = drive(fast(target, tmp_path, path.format(other=other.url), seconds=0.5))
    assert not other.hits
    assert not other.clients
    assert outcome.ended.failed == outcome.ended.scheduled


def test_a_url_of_another_host_is_a_usage_error_and_gets_no_request(tmp_path):
    with (
        LoadTarget() as other,
        LoadTarget() as target,
        command(target_file(tmp_path, target.url), "--url", f"{other.url}/") as process,
    ):
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert other.url in err
    assert not other.clients
    assert not target.clients


NAMES = """
import gevent.socket, os, socket
for module in (socket, gevent.socket):
    def lookup(host, *rest, real=module.getaddrinfo, **options):
        if os.path.exists({gone!r}) and host == "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **options)
    module.getaddrinfo = lookup
"""


@pytest.mark.parametrize("lane", ["client", "fast"])
def test_a_name_that_dies_is_a_failure_of_the_target(tmp_path, lane):
    gone = tmp_path / "gone"
    with LoadTarget() as target:
        file = tmp_path / "names.py"
        names, asking = NAMES.format(gone=str(gone)), FAST.format(path="/closing")
        if lane == "client":
            asking = asking.replace("FastLaneUser", "OpenUser").replace(
                ".fast(", ".client.request("
            )
        file.write_text(names + asking)
        named = plan(
            target,
            url=f"http://localhost:{target.port}",
            origins=(("http", "localhost", target.port),),
            scenario=str(file),
            seconds=3.0,
            rate_rps=20.0,
        )
        with Drive(named) as run:
            for number, _ in enumerate(run):
                if number == 0:
                    gone.touch()
            outcome = run.outcome()
    total = outcome.ended
    assert outcome.workers_lost == 0
    assert set(total.errors) == {"name_not_resolved"}
    assert 0 < total.failed < total.scheduled == total.sent == 60
    assert outcome.invalid_reason in {None, "generator_late"}


# --- what is asked for ---


def declared(target, **load):
    return Target(
        schema=1,
        name="shop",
        environment="sandbox",
        api=Api(url=target.url),
        load=Load(**load),
    )


@pytest.mark.parametrize(
    ("ceilings", "asked", "says"),
    [
        ({"max_rps": 10}, {"rate_rps": 11.0}, r"11 is more than load\.max_rps, 10"),
        ({"max_users": 5}, {"users": 6}, r"6 is more than load\.max_users, 5"),
        ({"max_seconds": 9}, {"seconds": 10.0}, r"10 is more than load\.max_seconds, 9"),
    ],
)
def test_more_than_a_ceiling_is_refused_before_anything_is_sent(ceilings, asked, says):
    with LoadTarget() as target:
        shape = LoadProfile(**{"rate_rps": 5.0, "seconds": 5.0, "users": 2, **asked})
        with pytest.raises(UsageError, match=says):
            plan_for(declared(target, **ceilings), "benchmark", shape, url=target.url + "/")
    assert not target.clients


def test_a_replay_sends_at_the_recorded_instants(tmp_path):
    recorded = tmp_path / "instants"
    recorded.write_text("10.0 10.1 10.15 10.9 11.0 11.4")
    with LoadTarget() as target:
        shape = LoadProfile(replay=recorded, users=4)
        asked = plan_for(declared(target), "benchmark", shape, url=target.url + "/shop")
        outcome = drive(asked)
    total = outcome.ended
    assert total.scheduled == total.sent == total.answered == 6
    assert target.hits["/shop"] - asked.users - asked.workers == 6
    due = [round(number * asked.block_s, 1) for number, one in enumerate(total.blocks) if one.n]
    assert due == pytest.approx([0.0, 0.1, 0.15, 0.9, 1.0, 1.4], abs=0.06)


TAGGED = """
from locust import tag, task
from readiness_kit.harness.users import OpenUser

class Visitor(OpenUser):
    @tag("read")
    @task
    def look(self): self.client.get("/read")

    @tag("write")
    @task
    def keep(self): self.client.get("/write")
"""


def test_only_tasks_with_a_wanted_tag_are_played(tmp_path):
    file = tmp_path / "tagged.py"
    file.write_text(TAGGED)
    with LoadTarget() as target:
        drive(plan(target, scenario=str(file), tags=("read",), seconds=0.5))
        assert (target.hits["/read"], target.hits["/write"]) == (25, 0)
        with pytest.raises(UsageError, match="tagged nothing"):
            drive(plan(target, scenario=str(file), tags=("nothing",), seconds=0.5))


def test_an_answer_that_the_fast_lane_cannot_read_is_not_the_targets_guilt(tmp_path):
    with LoadTarget() as target:
        outcome = patiently(lambda: drive(fast(target, tmp_path, "/odd", seconds=0.5)))
    assert outcome.invalid_reason == "not_understood"
    assert outcome.ended.errors == {"not_understood": 25}


# --- identities ---


def token(left_s, name):
    claims = {"exp": int(time.time() + left_s), "sub": name}
    return jwt.encode(claims, "a key of thirty-two bytes or more", "HS256")


KNOWN = """
from locust import task
from readiness_kit.harness.users import OpenUser

class Visitor(OpenUser):
    @task
    def visit(self):
        self.client.get("/known", headers={"Authorization": f"Bearer {self.token}"})
"""


@pytest.mark.parametrize("renewed", [True, False])
def test_tokens_are_renewed_under_load_or_the_run_is_invalid(tmp_path, renewed):
    old, new = token(30, "old"), token(3600, "new")  # the old one ends within the minute
    with LoadTarget() as target:
        load = Load(identities=(secret(tmp_path, "token", old),))
        identities = Identities(msgspec.structs.replace(declared(target), load=load))
        target.accepted = {old}
        file = tmp_path / "known.py"
        file.write_text(KNOWN)
        known = plan(target, scenario=str(file), seconds=3.0)
        renew = identities.renewed if renewed else None
        with Drive(known, identities.tokens(), renew=renew) as run:
            secret(tmp_path, "token", new)
            for number, _ in enumerate(run):
                if number == 0:
                    target.accepted = {old, new}
                if number == 1:
                    target.accepted = {new}
            outcome = run.outcome()
    if renewed:
        assert outcome.ended.errors == {}
        assert sum(count for one, count in target.tokens.items() if new in one) > 20
    else:
        assert outcome.invalid_reason in {"identity_refused", "generator_late"}
        assert outcome.ended.errors["unauthenticated"] > 20


CALLERS = """
from locust import task
from readiness_kit.harness.users import {kind}

class Caller({kind}):
    @task
    def ask(self):
        self.gql("query Known {{ a }}")
"""


@pytest.mark.parametrize("kind", ["OpenUser", "FastLaneUser"])
@pytest.mark.parametrize(
    ("header", "line"),
    [("authorization", "authorization: bearer key"), ("x-api-key", "x-api-key: key")],
)
def test_the_token_travels_in_the_header_that_the_target_names(tmp_path, kind, header, line):
    file = tmp_path / "callers.py"
    file.write_text(CALLERS.format(kind=kind))
    with LoadTarget() as target:
        called = plan(target, scenario=str(file), seconds=1.0, auth_header=header)
        assert drive(called, ("key",)).ended.errors == {}
    sent = {one.lower() for one in target.tokens}
    assert sent == {line}


# --- agreement ---


def percentiles(outcome):
    run = load_run(BenchmarkLoad, outcome)
    return [run.corrected.quantile_ms(p) for p in (0.95, 0.99)]


def test_the_fast_lane_tells_the_truth_about_a_stalled_target(tmp_path):
    def ask():
        with LoadTarget(stall=(0.2, 2.0)) as target:
            return drive(fast(target, tmp_path, rate_rps=100.0, seconds=6.0, users=30))

    outcome = patiently(ask)
    assert outcome.invalid_reason is None
    p95_ms, p99_ms = percentiles(outcome)
    assert p95_ms == pytest.approx(100, rel=0.2)
    assert p99_ms == pytest.approx(180, rel=0.1)


K6 = """
import http from "k6/http";
export const options = {
  scenarios: { load: { executor: "constant-arrival-rate", rate: 100, timeUnit: "1s",
    duration: "6s", preAllocatedVUs: 60, maxVUs: 60 } },
  summaryTrendStats: ["p(95)", "p(99)"],
};
export default function () { http.get(__ENV.URL); }
"""


def k6_binary():
    found = shutil.which("k6", path=str(BIN)) or shutil.which("k6")
    if found is None and os.environ.get("READINESS_REQUIRE") == "all":
        pytest.fail("k6 is required here and not installed")
    return found or pytest.skip("not installed: k6")


def said_by_k6(binary, folder):
    script, summary = folder / "k6.js", folder / "k6.json"
    script.write_text(K6)
    with LoadTarget(stall=(0.4, 2.0)) as target:
        argv = [binary, "run", "-q", "--no-usage-report", "--summary-export", summary, script]
        env = {**os.environ, "URL": f"{target.url}/", "GOMAXPROCS": "1"}
        subprocess.run(argv, env=env, check=True, capture_output=True, timeout=60)
    seen = json.loads(summary.read_text())["metrics"]["http_req_duration"]
    return [seen["p(95)"], seen["p(99)"]]


def test_k6_agrees_where_arrivals_are_open(tmp_path):
    binary = k6_binary()

    def ask():
        with LoadTarget(stall=(0.4, 2.0)) as target:
            return drive(plan(target, path="/", rate_rps=100.0, seconds=6.0, users=60))

    for _ in range(3):  # either may be disturbed by what else this host does
        ours, theirs = percentiles(patiently(ask)), said_by_k6(binary, tmp_path)
        if ours == pytest.approx(theirs, rel=0.05):
            break
    assert ours == pytest.approx(theirs, rel=0.05)
