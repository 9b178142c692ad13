import os
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webserver import visit

from readiness_kit.checks.application.environment_variables import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.environment.required import required_variables
from readiness_kit.probes.secrets.strength import EXAMPLES, bits_of, secret_in, strength
from readiness_kit.target import Application, Kubernetes

STRONG = secrets.token_hex(32)
GOOD = {
    "DATABASE_URL": f"postgresql://app:{STRONG}@db/shop?sslmode=verify-full",
    "REDIS_URL": f"rediss://:{STRONG}@cache:6379/0",
    "SECRET_KEY": STRONG,
    "JWT_SECRET": secrets.token_urlsafe(32),
}


@pytest.fixture
def look(tmp_path):
    def gather(mode=0o600, manifest=None, **values):
        file = tmp_path / "shop.env"
        given_values = {name: value for name, value in (GOOD | values).items() if value is not None}
        file.write_text("".join(f"{name}={value}\n" for name, value in given_values.items()))
        file.chmod(mode)
        there = visit("http://x", application=Application(environment_file=file))
        return required_variables.gather(there)

    return gather


@pytest.mark.parametrize(
    ("values", "present", "strong"),
    [
        ({}, "PASS", "PASS"),
        ({"REDIS_URL": None}, "FAIL", "UNKNOWN"),
        ({"SECRET_KEY": ""}, "FAIL", "UNKNOWN"),
        ({"SECRET_KEY": "''"}, "FAIL", "UNKNOWN"),
        ({"REDIS_URL": "redis://cache:6379/0"}, "PASS", "PASS"),
        ({"DATABASE_URL": "host=db dbname=shop user=app"}, "PASS", "PASS"),
        ({"DATABASE_URL": "host=db user=app password=hunter2"}, "PASS", "FAIL"),
        ({"DATABASE_URL": "postgresql://user:pass@host:5432/db"}, "PASS", "FAIL"),
        ({"REDIS_URL": "redis://:password@redis:6379/0"}, "PASS", "FAIL"),
        ({"SECRET_KEY": "$(openssl rand -hex 32)"}, "PASS", "FAIL"),
        ({"SECRET_KEY": '"$(openssl rand -hex 32)"'}, "PASS", "FAIL"),
        ({"JWT_SECRET": "${SECRET_MANAGER_JWT}"}, "PASS", "FAIL"),
        ({"JWT_SECRET": "your-256-bit-secret"}, "PASS", "FAIL"),
        ({"JWT_SECRET": "change-me-" + STRONG}, "PASS", "FAIL"),
        ({"JWT_SECRET": "0123456789abcdef" * 4}, "PASS", "FAIL"),
        ({"JWT_SECRET": "a" * 64}, "PASS", "FAIL"),
        ({"JWT_SECRET": "1" * 300}, "PASS", "FAIL"),
        ({"JWT_SECRET": "00112233445566778899aabbccddee"}, "PASS", "FAIL"),
        ({"JWT_SECRET": secrets.token_hex(15)}, "PASS", "FAIL"),
        ({"JWT_SECRET": secrets.token_hex(16)}, "PASS", "PASS"),
        ({"JWT_SECRET": "12345678-90ab-4def-8123-456789abcdef"}, "PASS", "FAIL"),
        ({"JWT_SECRET": "correct-horse-battery-staple"}, "PASS", "FAIL"),
        ({"JWT_SECRET": "thequickbrownfoxjumpsoverthelazydog"}, "PASS", "FAIL"),
        ({"JWT_SECRET": "my-super-long-production-signing-key-2026"}, "PASS", "FAIL"),
    ],
)
def test_environment_files(look, values, present, strong):
    assert CHECK.shows(look(**values)) == {"present": present, "values_strong": strong}


@pytest.mark.parametrize(
    ("name", "value", "strong"),
    [
        ("APP_ENV", "production", "PASS"),
        ("LOG_LEVEL", "INFO", "PASS"),
        ("PORT", "8080", "PASS"),
        ("CACHE_HOST", "redis://:password@cache", "FAIL"),
        ("APP_ENVY", "production", "FAIL"),
        ("SUPPORT", "production", "FAIL"),
        ("PEPPER", "production", "FAIL"),
    ],
)
def test_a_name_says_whether_its_value_is_a_secret(tmp_path, name, value, strong):
    file = tmp_path / "shop.env"
    file.write_text(f"SECRET_KEY={STRONG}\n{name}={value}\n")
    file.chmod(0o600)
    there = Application(environment_file=file, required_variables=("SECRET_KEY", name))
    found = required_variables.gather(visit("http://x", application=there))
    assert CHECK.shows(found) == {"present": "PASS", "values_strong": strong}


@pytest.mark.parametrize(
    ("mode", "shown"),
    [(0o600, "PASS"), (0o400, "PASS"), (0o640, "WARN"), (0o604, "FAIL"), (0o644, "FAIL")],
)
def test_who_may_read_the_file(look, mode, shown):
    assert CHECK.shows(look(mode=mode))["values_strong"] == shown


def test_no_value_is_kept(look):
    said = str(look())
    assert STRONG not in said
    assert GOOD["JWT_SECRET"] not in said
    assert strength(STRONG).fingerprint in said


MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop}}
spec: {{template: {{spec: {{containers: [{{name: a, {given}}}]}}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings}}
data: {{REDIS_URL: "rediss://cache:6380/0"}}
"""
BY_KEY = "env: [" + ", ".join(
    f"{{name: {name}, valueFrom: {{secretKeyRef: {{name: shop, key: {name}}}}}}}" for name in GOOD
)


@pytest.mark.parametrize(
    ("given_by", "present", "strong"),
    [
        (f"{BY_KEY}]", "PASS", "UNKNOWN"),
        ("envFrom: [{secretRef: {name: shop}}]", "UNKNOWN", "UNKNOWN"),
        ("env: [{name: SECRET_KEY, value: x}]", "FAIL", "FAIL"),
        ("envFrom: [{configMapRef: {name: settings}}]", "FAIL", "UNKNOWN"),
    ],
)
def test_manifests_tell_less(tmp_path, given_by, present, strong):
    file = tmp_path / "deploy.yaml"
    file.write_text(MANIFEST.format(given=given_by))
    fact = required_variables.gather(visit("http://x", kubernetes=Kubernetes(manifests=(file,))))
    assert CHECK.shows(fact) == {"present": present, "values_strong": strong}


def test_a_running_process_without_a_variable_fails(tmp_path, look, monkeypatch):
    pid = tmp_path / "me.pid"
    pid.write_text(str(os.getpid()))
    there = visit("http://x", application=Application(process_ids=(pid,)))
    fact = required_variables.gather(there)
    assert fact.places[0].kind == "process"
    assert CHECK.shows(fact)["present"] == "FAIL"


def test_nothing_declared_is_not_configured():
    with pytest.raises(NotSeen) as caught:
        required_variables.gather(visit("http://x"))
    assert caught.value.cause == "not_configured"


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("plain", "plain"),
        ("https://example.com/a?b=c", ""),
        ("postgresql://app:p%40ss@db", "p@ss"),
        ("postgresql://app@db", ""),
        ("user=app password='a b' host=db", "a b"),
        ("", ""),
    ],
)
def test_the_secret_in_a_value(value, secret):
    assert secret_in(value) == secret


@given(st.binary(min_size=32, max_size=32))
def test_32_random_bytes_are_never_less_than_they_may_be(data):
    assert bits_of(data.hex()) <= 256


def test_real_random_values_are_strong():
    """So that no good deployment turns red by chance: 2000 of each, none below."""
    for _ in range(2000):
        for made in (secrets.token_hex(16), secrets.token_hex(32), secrets.token_urlsafe(32)):
            assert bits_of(made) >= 128
            assert not EXAMPLES.search(made)
