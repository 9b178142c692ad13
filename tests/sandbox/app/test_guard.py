"""What the hardened application refuses before it asks its database, and which fault lets it through."""

import asyncio
import json

import jwt
import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

from readiness_kit.sandbox.app.sdl import sdl
from readiness_kit.sandbox.app.token import mint

READ = "{users{id}}"
SCHEMA_QUERY = "{__schema{types{name}}}"


def nested(depth: int) -> str:
    """Return a query of that depth around the schema's cycle."""
    steps = ["author" if step % 2 == 0 else "latestPost" for step in range(depth - 2)]
    inside = "id"
    for step in reversed(steps):
        inside = f"{step}{{{inside}}}"
    return f"{{posts(limit:1){{{inside}}}}}"


def code(response) -> str:
    return response.json()["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ("{", 400, "BAD_REQUEST"),
        ("[]", 400, "BAD_REQUEST"),
        ("[" * 50_000, 400, "BAD_REQUEST"),
        ('{"query": 3}', 400, "BAD_REQUEST"),
        ('{"query": "{me{id}}", "variables": []}', 400, "BAD_REQUEST"),
        ('{"query": "{me{id}}", "variables": [1]}', 400, "BAD_REQUEST"),
        ('{"query": "{me{id}}", "operationName": "other"}', 400, "BAD_REQUEST"),
        ('{"query": ""}', 400, "GRAPHQL_PARSE_FAILED"),
        (json.dumps({"query": "{" + "a{" * 990}), 400, "GRAPHQL_PARSE_FAILED"),
        (json.dumps({"query": "{" + "a " * 5000 + "}"}), 400, "GRAPHQL_PARSE_FAILED"),
        (json.dumps({"query": "{users{password}}"}), 400, "GRAPHQL_VALIDATION_FAILED"),
        (
            json.dumps({"query": "{...F} fragment F on Query{...F}"}),
            400,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (json.dumps({"query": nested(16)}), 400, "DEPTH_LIMIT"),
        (json.dumps({"query": "{users(limit:100){posts{id title body}}}"}), 200, None),
        (
            json.dumps({"query": "{users(limit:100){posts{id title body author{id name}}}}"}),
            400,
            "COST_LIMIT",
        ),
        (
            json.dumps({"query": "query($n:Int){users(limit:$n){id}}", "variables": {"n": "x"}}),
            400,
            "BAD_USER_INPUT",
        ),
        ("x" * 200_000, 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_faulty_requests(quill, body, status, expected):
    response = asyncio.run(quill().post(body))
    if expected:
        assert (response.status_code, code(response)) == (status, expected)
        assert response.headers["x-request-id"] in response.text
    else:  # admitted: it fails later, for there is no database
        assert (response.status_code, code(response)) == (503, "UNAVAILABLE")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/graphql", 405),
        ("PUT", "/graphql", 405),
        ("GET", "/nowhere", 404),
        ("POST", "/health", 405),
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/debug", 404),
        ("GET", "/health", 200),
        ("GET", "/metrics", 200),
    ],
)
def test_paths_and_methods(quill, method, path, status):
    assert asyncio.run(quill().request(method, path)).status_code == status


def test_only_json_is_read(quill):
    response = asyncio.run(quill().post("query={me}", **{"content-type": "text/plain"}))
    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("who", [None, "garbage.x.y", "expired", "wrong_audience"])
def test_nobody_enters_without_a_valid_token(quill, who):
    response = asyncio.run(quill().ask(READ, who))
    assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
    assert "www-authenticate" in response.headers


@pytest.mark.parametrize(
    ("faults", "who", "status"),
    [
        ("", "reader", 403),
        ("", "editor", 403),
        ("", "admin", 200),
        ("introspection_open", "reader", 200),
        ("introspection_open", None, 401),
        ("introspection_open,anonymous_reads", None, 200),
    ],
)
def test_the_schema_is_for_administrators(quill, faults, who, status):
    assert asyncio.run(quill(faults).ask(SCHEMA_QUERY, who)).status_code == status


def test_schema_and_data_do_not_mix(quill):
    response = asyncio.run(quill().ask("{__schema{types{name}} me{id}}", "admin"))
    assert response.status_code == 403


def test_a_reader_may_not_write(quill):
    answer = asyncio.run(quill().ask('mutation{createPost(input:{title:"x"}){id}}'))
    assert (answer.status_code, code(answer)) == (200, "FORBIDDEN")
    assert answer.json()["data"] == {"createPost": None}


def test_a_token_without_roles_sees_nothing(quill):
    application = quill()
    token = mint("reader", application.settings)
    claims = jwt.decode(token, options={"verify_signature": False})
    bare = jwt.encode(claims | {"roles": []}, application.settings.jwt_secret)
    assert code(asyncio.run(application.ask("{me{id}}", bare))) == "FORBIDDEN"


@pytest.mark.parametrize(
    ("fault", "query", "who"),
    [
        ("anonymous_reads", READ, None),
        ("roles_ignored", 'mutation{createPost(input:{title:"x"}){id}}', "reader"),
        ("no_depth_limit", nested(40), "reader"),
        ("no_validation", nested(40), "reader"),
    ],
)
def test_faults_let_through_what_was_refused(quill, fault, query, who):
    refused = asyncio.run(quill().ask(query, who))
    passed = asyncio.run(quill(fault).ask(query, who))
    assert code(refused) in {"UNAUTHENTICATED", "FORBIDDEN", "DEPTH_LIMIT"}
    assert code(passed) == "UNAVAILABLE"


def test_without_a_database_the_answer_is_quick_and_says_nothing(quill):
    response = asyncio.run(quill().ask(READ))
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert response.elapsed.total_seconds() < 5
    assert "psycopg" not in response.text
    assert "127.0.0.1" not in response.text


def test_readiness_follows_the_database_and_liveness_does_not(quill):
    async def both(faults: str) -> tuple[int, int]:
        application = quill(faults)
        ready = await application.request("GET", "/ready")
        return (await application.request("GET", "/health")).status_code, ready.status_code

    assert asyncio.run(both("")) == (200, 503)
    assert asyncio.run(both("liar_ready")) == (200, 200)
    assert asyncio.run(both("coupled_health")) == (503, 503)


def test_an_unexpected_error_is_generic_and_logged(quill, monkeypatch):
    def explode(*_: object) -> None:
        raise RuntimeError("the secret recipe")

    monkeypatch.setattr("readiness_kit.sandbox.app.documents.Reader.read", explode)
    application = quill()
    response = asyncio.run(application.ask(READ))
    assert response.status_code == 500
    assert "recipe" not in response.text
    trace = [line for line in application.lines() if "exception" in line]
    assert [line["request_id"] for line in trace] == [response.headers["x-request-id"]]
    assert "recipe" in asyncio.run(quill("stack_trace").ask(READ)).text


def test_request_lines_have_what_is_asked_of_them(quill):
    application = quill()
    response = asyncio.run(application.ask("{__typename}", "editor"))
    (line,) = (line for line in application.lines() if line["logger"] == "quill.request")
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["user_id"] == "00000000-0000-4000-8000-000000000002"
    assert (line["endpoint"], line["status"], line["level"]) == ("/graphql", 200, "INFO")
    assert 0 < line["duration"] < 5
    assert "T" in line["time"]


def test_audit_lines_say_who_what_when_and_the_outcome(quill):
    application = quill()
    asyncio.run(application.ask("{__typename}", None))
    asyncio.run(application.ask('mutation{createPost(input:{title:"x"}){id}}'))
    audited = [line for line in application.lines() if line["logger"] == "quill.audit"]
    assert [(line["event"], line["outcome"]) for line in audited] == [
        ("authentication", "refused"),
        ("authentication", "accepted"),
        ("authorization", "refused"),
    ]
    assert audited[-1]["operation"] == "Mutation.createPost"
    assert all({"time", "actor", "source", "request_id"} <= line.keys() for line in audited)


def test_a_token_never_reaches_the_log_unless_told_to(quill):
    application = quill()
    token = mint("reader", application.settings)
    asyncio.run(application.ask("{__typename}", token))
    assert token not in application.log.read_text()
    leaky = quill("secret_in_log")
    asyncio.run(leaky.ask("{__typename}", token))
    assert token in leaky.log.read_text()


def test_metrics_move_unless_they_are_made_up(quill):
    async def counted(faults: str) -> list[float]:
        application = quill(faults)
        seen = []
        for _ in range(2):
            await application.ask("{__typename}")
            text = (await application.request("GET", "/metrics")).text
            name = 'fraiseql_http_requests_total{endpoint="/graphql",method="POST",status="200"}'
            seen += [float(line.split()[-1]) for line in text.splitlines() if name in line]
        return seen

    assert asyncio.run(counted("")) == [1.0, 2.0]
    assert asyncio.run(counted("fake_metrics")) == [1.0, 1.0]


def test_client_cannot_make_up_labels(quill):
    async def exposition() -> str:
        application = quill()
        await application.request("BREW", "/teapot/7")
        return (await application.request("GET", "/metrics")).text

    text = asyncio.run(exposition())
    assert "teapot" not in text
    assert "BREW" not in text
    assert 'endpoint="other",method="other"' in text


def test_one_request_in_twenty_fails_when_told_to(quill):
    async def statuses() -> list[int]:
        application = quill("errors_under_load")
        return [(await application.ask("{__typename}")).status_code for _ in range(300)]

    seen = asyncio.run(statuses())
    assert set(seen) == {200, 500}
    assert 1 <= seen.count(500) <= 45


def test_the_crash_route_is_for_staging_only(quill):
    assert asyncio.run(quill().request("GET", "/crash")).status_code == 404
    application = quill(crash_route=True)
    response = asyncio.run(application.request("GET", "/crash"))
    assert response.status_code == 500
    assert "asked to crash" not in response.text
    assert response.headers["x-request-id"] in response.text
    (trace,) = (line for line in application.lines() if "exception" in line)
    assert "asked to crash" in trace["exception"]


@pytest.mark.parametrize("body", ["{", '{"query": "{nope}"}'])
def test_stack_traces_show_only_when_told_to(quill, body):
    assert "Traceback" not in asyncio.run(quill().post(body)).text
    assert "Traceback" in asyncio.run(quill("stack_trace").post(body)).text


def test_the_printed_schema_is_the_live_one(quill):
    answer = asyncio.run(quill().ask(get_introspection_query(), "admin")).json()
    assert print_schema(build_client_schema(answer["data"])) + "\n" == sdl()
