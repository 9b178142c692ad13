"""The engine against targets whose truth is known."""

import math

import msgspec
import pytest
from live.load_target import LoadTarget

from readiness_kit.errors import NotSeen, UsageError
from readiness_kit.facts.load import BenchmarkLoad
from readiness_kit.harness.conducting.drive import Drive, drive
from readiness_kit.harness.plan import Plan
from readiness_kit.harness.runs import load_run
from readiness_kit.harness.schedule import steady
from readiness_kit.statistics.capacity import Capacity, overload

pytestmark = pytest.mark.live

SCENARIO = """
from locust import task, between
from readiness_kit.harness.users import OpenUser

class Visitor(OpenUser):
    wait_time = between(5, 9)

    @task
    def visit(self):
        {body}
"""


def plan(target, **changes):
    given = {
        "profile": "benchmark",
        "url": target.url,
        "origins": (target.origin,),
        "users": 10,
        "path": "/health",
        "loopback": True,
        "grace_s": 2.0,
        "timeout_s": 2.0,
    }
    given |= changes
    rate_rps, seconds = given.pop("rate_rps", 50.0), given.pop("seconds", 2.0)
    shape = {"stages": steady(rate_rps, seconds), "block_s": seconds / 30}
    return Plan(**{**shape, **given})


def play(target, tmp_path, body, tokens=(), **changes):
    file = tmp_path / "locustfile.py"
    file.write_text(SCENARIO.format(body=body))
    return drive(plan(target, scenario=str(file), **changes), tokens)


def test_corrected_latency_tells_the_truth_about_a_stalled_target():
    # frozen 0.2 s in every 2 s: 10 % of arrivals wait, uniformly up to 200 ms
    for _ in range(3):  # a host too busy to generate load says so: ask it again
        with LoadTarget(stall=(0.2, 2.0)) as target:
            outcome = drive(plan(target, path="/", rate_rps=100.0, seconds=6.0, users=30))
        run = load_run(BenchmarkLoad, outcome)
        if run.invalid_reason != "generator_late":
            break
    assert run.valid, run.invalid_reason
    assert (run.scheduled, run.sent, run.answered, run.failed) == (600, 600, 600, 0)
    seen = run.corrected
    assert seen.quantile_ms(0.5) < 20
    assert seen.quantile_ms(0.95) == pytest.approx(100, rel=0.2)
    assert seen.quantile_ms(0.99) == pytest.approx(180, rel=0.1)
    assert len(msgspec.json.encode(run)) < 100_000


def test_waiting_for_a_busy_user_counts_against_the_target():
    with LoadTarget(delay_s=0.1) as target:
        slow = plan(target, path="/", rate_rps=20.0, seconds=2.0, users=1, grace_s=4.0)
        run = load_run(BenchmarkLoad, drive(slow))
    assert run.scheduled == run.answered == 40
    assert run.service.quantile_ms(0.5) == pytest.approx(102, rel=0.1)
    # one user serves 10 of 20 a second: the wait grows by 50 ms a request, to 2 s
    assert run.corrected.quantile_ms(0.5) == pytest.approx(1050, rel=0.15)


WRONG = """
        self.gql("query Good { a }")
        self.client.get("/moved")
        self.client.get(ELSEWHERE + "/direct")
        self.client.get("/broken")
        for path in ("/errors", "/null"):
            self.graphql = path
            self.gql("query Bad { a }")
        self.graphql = "/graphql"
        self.client.get("/fine?secret=1")
        raise RuntimeError("the answer was not what the task wanted")
"""


def test_what_is_not_a_good_answer_is_a_failure_and_never_fast(tmp_path):
    with LoadTarget() as other, LoadTarget(elsewhere=other.url + "/") as target:
        body = WRONG.replace("ELSEWHERE", repr(other.url))
        ended = play(
            target, tmp_path, body, tokens=("one", "two"), rate_rps=70.0, seconds=1.0
        ).ended
    wrong = {
        "redirect",
        "origin_refused",
        "http_503",
        "graphql_error",
        "graphql_no_data",
        "task_error",
    }
    assert set(ended.errors) == wrong
    assert ended.failed == sum(ended.errors.values())
    bad = next(one for one in ended.operations if one.name == "Bad")
    assert bad.corrected.quantile_ms(0.5) == bad.service.quantile_ms(0.5) == math.inf
    assert {one.name for one in ended.operations} >= {"Good", "/fine", "/moved"}
    # nobody else was asked, and each user has an address and a token of its own
    assert not other.hits
    assert not other.clients
    assert len(target.clients) == 10
    assert {token.partition("Bearer ")[2] for token in target.tokens} == {"one", "two"}


def test_what_is_never_answered_is_lost_and_so_is_what_nobody_was_free_to_send(tmp_path):
    body = "self.client.get('/hang')"
    with LoadTarget() as target:
        slow = {"rate_rps": 10.0, "seconds": 1.0, "users": 2, "grace_s": 0.3, "timeout_s": 9.0}
        outcome = play(target, tmp_path, body, **slow)
    ended = outcome.ended
    assert ended.errors == {"never_sent": 8, "unanswered": 2}
    assert sum(block.lost for block in ended.blocks) == ended.failed == ended.scheduled == 10
    assert (ended.sent, ended.answered) == (2, 0)
    assert outcome.invalid_reason is None  # every user hung in the target: that is its doing


def test_a_task_that_asks_nothing_is_never_valid(tmp_path):
    with LoadTarget() as target:
        outcome = play(target, tmp_path, "pass", seconds=1.0, grace_s=0.1)
    assert outcome.ended.sent == outcome.ended.answered == 0
    assert outcome.invalid_reason == "arrivals_lost"


def test_a_task_that_raises_spoils_its_last_request_and_no_more(tmp_path):
    body = "self.client.get('/fine'); raise RuntimeError('not what the task wanted')"
    with LoadTarget() as target:
        outcome = play(target, tmp_path, body, seconds=1.0)
        served = target.hits["/fine"]
    ended = outcome.ended
    assert outcome.workers_lost == 0
    assert (ended.scheduled, ended.sent, ended.answered, served) == (50, 50, 50, 50)
    assert (ended.failed, ended.in_time, ended.errors) == (50, 0, {"task_error": 50})
    assert sum(block.lost for block in ended.blocks) == sum(block.n for block in ended.blocks) == 50


def test_users_that_send_when_they_like_prove_nothing(tmp_path):
    file = tmp_path / "locustfile.py"
    closed = SCENARIO.replace("OpenUser", "ClosedUser").replace("between(5, 9)", "between(0, 0.1)")
    file.write_text(closed.format(body="self.client.get('/fine')"))
    with LoadTarget() as target:
        outcome = drive(plan(target, scenario=str(file), seconds=1.0))
    ended = outcome.ended
    assert outcome.invalid_reason == "closed_loop"
    assert ended.scheduled == ended.sent == ended.answered == target.hits["/fine"] > 50


def test_refused_identities_make_the_run_invalid(tmp_path):
    with LoadTarget() as target:
        outcome = play(target, tmp_path, "self.client.get('/private')", seconds=0.5)
    assert outcome.invalid_reason == "identity_refused"


def test_a_target_that_is_down_ends_the_run_at_once():
    with LoadTarget() as target:
        gone = plan(target, seconds=60.0)
    with Drive(gone) as run, pytest.raises(NotSeen):
        run.outcome()


def test_an_unusable_scenario_is_a_usage_error(tmp_path):
    with LoadTarget() as target, pytest.raises(UsageError, match=r"locustfile\.py"):
        play(target, tmp_path, "return return")


def test_the_capacity_of_a_queue_is_what_it_completes_when_it_always_has_some_waiting():
    for _ in range(3):  # a host too busy to generate load says so: ask it again
        with LoadTarget(queue=(4, 0.02)) as target:  # about 200 a second
            order = plan(
                target,
                path="/queue",
                rate_rps=300.0,
                seconds=6.0,
                users=600,
                timeout_s=9.0,
                grace_s=9.0,
            )
            outcome = drive(order)
        if outcome.invalid_reason != "generator_late":
            break
    found = overload(outcome.ended.blocks, order.block_s, 300.0)
    done = target.finished[-1000:]  # what came before warmed the users
    truth_rps = (len(done) - 1) / (done[-1] - done[0])
    assert isinstance(found, Capacity), found
    assert found.value_rps == pytest.approx(truth_rps, rel=0.1)
