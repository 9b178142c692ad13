import json

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.logs.lines import PATTERNS, PLANTED, Tail, log_sample
from readiness_kit.target import Auth, Logs

LINE = {
    "time": "2026-03-01T12:00:00Z",
    "level": "INFO",
    "user_id": "7",
    "endpoint": "/graphql",
    "duration": 0.01,
    "status": 200,
    "request_id": "r-1",
}
TOKEN = "t0ken-of-a-reader-0123456789"


def sample(tmp_path, *lines, logs=None, before=60):
    log = tmp_path / "app.jsonl"
    log.write_text(
        "".join(
            f"{one if isinstance(one, str) else json.dumps(one)}\n"
            for one in [*[LINE] * before, *lines]
        )
    )

    def answer(asked):
        with log.open("a") as file:
            file.write(json.dumps(LINE) + "\n")
        return Reply(body={"data": {"me": asked.token == TOKEN or None}})

    auth = Auth(token=secret(tmp_path, "token", TOKEN), protected="{ me }")
    with serve(answer) as url:
        return log_sample.gather(
            visit(url, auth=auth, logs=Logs(application=(log,), **(logs or {})))
        )


def test_requests_of_our_own_make_up_for_an_empty_log(tmp_path):
    fact = sample(tmp_path, before=0)
    assert fact.files[0].lines == fact.files[0].json_lines == fact.sent == 60
    assert fact.request_lines == 60
    assert set(fact.missing.values()) == {0}
    assert not fact.secrets
    assert not fact.personal
    assert all(fact.planted.values())


def test_the_token_in_a_line_is_found_and_not_kept(tmp_path):
    fact = sample(tmp_path, {**LINE, "headers": {"authorization": f"Bearer {TOKEN}"}})
    assert [one.kind for one in fact.secrets] == [f"secret file:{tmp_path}/token"]
    assert TOKEN not in repr(fact)


@pytest.mark.parametrize("kind", PATTERNS)
def test_each_kind_of_secret_is_found_and_not_kept(tmp_path, kind):
    fact = sample(tmp_path, PLANTED[kind])
    assert kind in {one.kind for one in fact.secrets}
    assert PLANTED[kind] not in repr(fact)


@pytest.mark.parametrize(
    "line",
    [
        {"message": "token accepted", "password": "***"},
        {"message": "password: [redacted]"},
        {"operation": "token", "outcome": "refused"},
        {"url": "https://example.com:8443/path"},
    ],
)
def test_ordinary_lines_hold_no_secret(tmp_path, line):
    assert sample(tmp_path, {**LINE, **line}).secrets == ()


def test_personal_data_is_named_by_its_key(tmp_path):
    lines = [
        {**LINE, "contact": "ann@example.com"},
        {**LINE, "phone": "1"},
        "mail to bob@example.com",
    ]
    found = sample(tmp_path, *lines, logs={"allowed_personal_fields": ("contact",)}).personal
    assert {(one.field, one.kind, one.allowed) for one in found} == {
        ("contact", "email", True),
        ("phone", "named", False),
        ("(text)", "email", False),
    }


def test_missing_and_empty_keys_are_counted(tmp_path):
    bare = {"endpoint": "/graphql", "status": 200}
    fact = sample(tmp_path, bare, {**LINE, "user_id": None}, "plain")
    assert fact.missing["user_id"] == 2
    assert fact.missing["request_id"] == 1
    assert fact.files[0].json_lines == fact.files[0].lines - 1
    assert fact.files[0].leading_plain == 0


def test_declared_names_count(tmp_path):
    fact = sample(tmp_path, logs={"keys": {"user_id": "who"}})
    assert fact.keys["user_id"] == "who"
    assert fact.missing["user_id"] == fact.request_lines


def test_logs_that_cannot_be_read(tmp_path):
    with pytest.raises(NotSeen) as error:
        log_sample.gather(visit("http://127.0.0.1:1"))
    assert error.value.cause == "not_configured"


def test_a_tail_sees_only_what_is_appended(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("old\n")
    tail = Tail(Logs(application=(log,)))
    with log.open("a") as file:
        file.write("new\nTraceback:\n  File x\n")
    assert tail.records() == ["new", "Traceback:\n  File x"]
    assert tail.complete


def test_lines_that_come_after_our_requests_are_told_from_others(tmp_path):
    fact = sample(tmp_path)
    (file,) = fact.files
    assert (file.arrived, fact.sent, fact.instances_answered) == (1, 1, 0)
    assert (file.recent, file.recent_json, file.levels) == (61, 61, {"INFO": 61})
    assert fact.waited_s < 10


def test_only_the_last_lines_tell_of_form_and_level(tmp_path):
    old, new = {**LINE, "level": "debug"}, {**LINE, "level": "warn"}
    (file,) = sample(tmp_path, old, *[new] * 198, "2026 ERROR x", "what", before=0).files
    assert (file.recent, file.recent_json) == (200, 198)
    assert file.levels == {"WARN": 197, "ERROR": 1, "(none)": 1, "INFO": 1}


def test_a_log_that_stays_silent_is_seen_as_silent(tmp_path):
    log = tmp_path / "app.jsonl"
    log.write_text(f"{json.dumps(LINE)}\n" * 60)
    auth = Auth(token=secret(tmp_path, "token", TOKEN), protected="{ me }")
    with serve(lambda _: Reply(body={"data": {"me": 1}})) as url:
        target = visit(url, auth=auth, logs=Logs(application=(log,)), deadline_s=2.5)
        fact = log_sample.gather(target)
    (file,) = fact.files
    assert (file.arrived, file.recent, file.reason) == (0, 60, "")
    assert fact.waited_s > 0


def test_each_instance_is_asked(tmp_path):
    asked = []
    log = tmp_path / "app.jsonl"
    log.write_text(f"{json.dumps(LINE)}\n" * 100)

    def answer(name):
        def reply(one):
            asked.append(name)
            with log.open("a") as file:
                file.write(json.dumps(LINE) + "\n")
            return Reply(body={"data": {"me": 1}})

        return reply

    auth = Auth(token=secret(tmp_path, "token", TOKEN), protected="{ me }")
    with serve(answer("a")) as one, serve(answer("b")) as other:
        api = {"instances": (one, other)}
        fact = log_sample.gather(visit(one, api=api, auth=auth, logs=Logs(application=(log,))))
    assert (asked, fact.instances_answered) == (["a", "b"], 2)
