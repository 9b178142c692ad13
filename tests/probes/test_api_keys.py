import json
from datetime import UTC, datetime, timedelta

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.checks.security.api_keys import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.callers.key_use import key_use
from readiness_kit.probes.papers.key_rotation import key_rotation, rotations
from readiness_kit.target import ApiKeys, Auth, Credentials, Kubernetes, Logs


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("API keys are rotated every 90 days.", [90]),
        ("We rotate API keys quarterly.", [90]),
        ("API keys: rotation every 12 weeks", [84]),
        ("Secrets are rotated once a year.", [365]),
        ("Keys are rotated every month.", [30]),
        ("| key | rotated every |\n|---|---|\n| API keys | 91 days |", [91]),
        ("## Keys and rotation\n\n| secret | how often |\n|---|---|\n| API keys | 6 months |", [180]),
        ("API keys are rotated regularly.", []),
        ("API keys are not rotated; they last 90 days.", []),
        ("Logs are rotated every 7 days.", []),
        ("Certificates are renewed every 80 days.", []),
        ("Please give us 90 days.", []),
        ("The sign-off keys are rotated every year.", []),
        ("<!-- API keys are rotated every 90 days -->", []),
        ("~~API keys are rotated every 90 days~~", []),
        ("", []),
    ],
)  # fmt: skip
def test_periods_in_documents(text, days):
    assert [one.days for one in rotations(text, "security.md")] == days


@pytest.fixture
def rotation(tmp_path):
    def gather(text="API keys are rotated every 90 days.", annotation=None, declared=None):
        document = tmp_path / "security.md"
        document.write_text(text)
        manifest = tmp_path / "secret.yaml"
        note = f"annotations: {{example.com/rotated-on: '{annotation}'}}" if annotation else ""
        manifest.write_text(
            "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\n"
            f"metadata: {{name: s, {note}}}\nspec: {{data: [{{secretKey: KEY}}]}}\n"
        )
        return key_rotation.gather(
            visit(
                "http://x",
                documents={"security": document},
                kubernetes=Kubernetes(manifests=(manifest,)),
                credentials=Credentials(api=("KEY",)),
                api_keys=ApiKeys(rotated={"KEY": declared} if declared else {}),
            )
        )

    return gather


def ago(days):
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("text", "annotation", "declared", "status"),
    [
        ("API keys are rotated every 90 days.", 1, None, "PASS"),
        ("API keys are rotated every 90 days.", 89.9, None, "PASS"),
        ("API keys are rotated every 90 days.", 90.1, None, "FAIL"),
        ("API keys are rotated every 90 days.", None, 1, "PASS"),
        ("API keys are rotated every 90 days.", 1, 91, "FAIL"),
        ("API keys are rotated every 90 days.", None, None, "WARN"),
        ("API keys are rotated every 90 days.", "soon", None, "WARN"),
        ("API keys are rotated every 90 days.", -30, None, "WARN"),
        ("API keys are rotated every 91 days.", 1, None, "WARN"),
        ("API keys are rotated every 365 days.", 1, None, "WARN"),
        ("API keys are rotated every 366 days.", 1, None, "FAIL"),
        ("Passwords are rotated every 30 days.", 1, None, "PASS"),
        ("API keys are safe.", 1, None, "FAIL"),
        ("Keys are rotated every 30 days.\n\nAPI keys are rotated every 120 days.", 1, None, "WARN"),
    ],
)  # fmt: skip
def test_policies_and_ages(rotation, text, annotation, declared, status):
    dates = [ago(one) if isinstance(one, int | float) else one for one in (annotation, declared)]
    assert CHECK.shows(rotation(text, *dates))["rotation"] == status


def test_no_document_is_not_configured():
    with pytest.raises(NotSeen) as caught:
        key_rotation.gather(visit("http://x"))
    assert caught.value.cause == "not_configured"


WHOLE = {"time": "2026-11-01T12:00:00Z", "logger": "shop.audit", "actor": "c7", "action": "read"}


@pytest.fixture
def use(tmp_path):
    def gather(line=WHOLE, *, status=200, body=None, header="", audit_log=False, headers=None):
        log = tmp_path / "audit.jsonl"
        log.write_text(json.dumps(WHOLE) + "\n")

        def answer(asked):
            got.update(asked.headers)
            with log.open("a") as stream:
                stream.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
            return Reply(status=status, body=body or {"data": {"me": 1}}, headers=headers or {})

        got = {}
        keys = ApiKeys(
            canary=secret(tmp_path, "key", "s3cret"),
            canary_id="c7",
            header=header or "authorization",
            audit_log=(log,) if audit_log else (),
            audit_within_s=0.2,
        )
        with serve(answer) as url:
            there = visit(
                url, api_keys=keys, logs=Logs(application=(log,)), auth=Auth(protected="{ me }")
            )
            return key_use.gather(there), got

    return gather


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (WHOLE, "PASS"),
        ({**WHOLE, "logger": "shop.request"}, "FAIL"),
        ({**WHOLE, "logger": "shop", "event": "audit"}, "PASS"),
        ({**WHOLE, "actor": "c8"}, "FAIL"),
        ({**WHOLE, "actor": {"id": "c7"}}, "PASS"),
        ({**WHOLE, "actor": "c77"}, "FAIL"),
        ({key: value for key, value in WHOLE.items() if key != "time"}, "FAIL"),
        ({key: value for key, value in WHOLE.items() if key != "action"}, "FAIL"),
        ("audit c7 read", "FAIL"),
        ({}, "FAIL"),
    ],
)
def test_records(use, line, status):
    fact, _ = use(line)
    assert CHECK.shows(fact)["audit"] == status


def test_a_file_of_its_own_needs_no_mark(use):
    fact, _ = use({**WHOLE, "logger": "shop.request"}, audit_log=True)
    assert fact.told_by == "time"
    assert CHECK.shows(fact)["audit"] == "PASS"


def test_the_record_of_another_request_does_not_count(use):
    own = {"x-request-id": "r1"}
    fact, _ = use({**WHOLE, "request_id": "r1"}, headers=own)
    assert (fact.told_by, fact.record) == ("request_id", "whole")
    both = json.dumps({**WHOLE, "request_id": "r2"}) + '\n{"message": "done", "request_id": "r1"}'
    fact, _ = use(both, headers=own)
    assert fact.record == "none"


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, {"errors": [{"message": "no"}]}), (200, {"data": None, "errors": [{"message": "no"}]})],
)
def test_a_key_that_is_not_accepted_proves_nothing(use, status, body):
    fact, _ = use(status=status, body=body)
    assert CHECK.shows(fact)["audit"] == "UNKNOWN"


def test_the_header_that_carries_the_key(use):
    _, got = use()
    assert got["authorization"] == "Bearer s3cret"
    _, got = use(header="x-api-key")
    assert got["x-api-key"] == "s3cret"


def test_what_is_missing_is_said(tmp_path):
    keys = ApiKeys(canary=secret(tmp_path, "key", "x"), canary_id="c7")
    for parts in (
        {},
        {"api_keys": keys},
        {"api_keys": keys, "logs": Logs(application=(tmp_path / "no",))},
    ):
        with pytest.raises(NotSeen):
            key_use.gather(visit("http://x", **parts))
