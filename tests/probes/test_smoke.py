import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.api.smoke import smoke_rounds
from readiness_kit.target import Auth, SmokeOperation

SMOKE = (
    SmokeOperation(name="me", query="{ me }"),
    SmokeOperation(name="post", query="query P($n: Int) { post(n: $n) }", variables={"n": 3}),
)


def gather(answer, tmp_path):
    auth = Auth(token=secret(tmp_path, "token", "t0ken"))
    with serve(answer) as url:
        return smoke_rounds.gather(visit(url, auth=auth, smoke=SMOKE))


def answer(asked):
    if asked.method == "GET":
        return Reply()
    return Reply(body={"data": {"n": asked.variables.get("n", 1), "who": asked.token}})


def test_every_operation_is_asked_in_every_round(tmp_path):
    fact = gather(answer, tmp_path)
    assert [(one.round, one.operation) for one in fact.answers] == [
        (n, name) for n in (1, 2, 3) for name in ("me", "post")
    ]
    assert all(one.answer.answered for one in fact.answers)
    assert [one.status for one in fact.health] == [200] * 6


def test_one_flaky_answer_is_kept(tmp_path):
    count = iter(range(100))

    def flaky(asked):
        lost = asked.method == "POST" and next(count) == 3
        return Reply(raw=b"") if lost else answer(asked)

    wrong = [one for one in gather(flaky, tmp_path).answers if not one.answer.answered]
    assert [(one.round, one.operation, one.answer.status) for one in wrong] == [(2, "post", None)]


def test_without_an_operation_nothing_is_asked():
    with pytest.raises(NotSeen) as error:
        smoke_rounds.gather(visit("http://127.0.0.1:1"))
    assert error.value.cause == "not_configured"
