"""Secrets leave no trace, in any of the encodings they may come in."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.evidence.redaction import MARK, Redactor, of_environment

SECRET = 'p"ss/wörd&=?%42-long'
ENCODINGS = {
    "raw": SECRET,
    "url": quote(SECRET, safe=""),
    "json": json.dumps(SECRET)[1:-1],
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 inside": base64.b64encode(f"user:{SECRET}".encode()).decode(),
}


@pytest.mark.parametrize("text", ENCODINGS.values(), ids=ENCODINGS)
def test_a_known_secret_goes_in_every_encoding(text):
    clean = Redactor([SECRET]).text(f"before {text} after")
    assert MARK in clean
    assert text not in clean
    assert clean.startswith("before ")
    assert clean.endswith(" after")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://app:hunter2hunter2@db.example:5432/shop?sslmode=require",
        "rediss://:hunter2hunter2@cache.example/0",
        "host=db user=app password=hunter2hunter2 dbname=shop",
        "host=db user=app password='hunter2hunter2' dbname=shop",
    ],
)
def test_the_password_inside_a_connection_string_goes_too(dsn):
    redactor = Redactor([dsn])
    assert "hunter2" not in redactor.text("driver said: hunter2hunter2 is wrong")
    assert "hunter2" not in redactor.text(dsn)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefgh12345678",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl",
        "redis://user:swordfish99@h/0",
        "password=swordfish99",
        "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
    ],
)
def test_the_second_net_needs_no_knowledge(text):
    clean = Redactor().text(text)
    assert MARK in clean
    for word in ("swordfish99", "abcdefgh12345678", "eyJhbGci", "MIIB"):
        assert word not in clean


def test_data_keeps_its_shape():
    data = {"a": [1, 2.5, None, True, SECRET], SECRET: {"b": f"x{SECRET}"}}
    assert Redactor([SECRET]).data(data) == {
        "a": [1, 2.5, None, True, MARK],
        MARK: {"b": f"x{MARK}"},
    }


def test_short_values_do_not_eat_words():
    assert Redactor(["a", "on"]).text("a button on") == "a button on"


@given(st.text(min_size=8, max_size=40), st.text(max_size=30), st.text(max_size=30))
def test_no_known_secret_survives(secret, before, after):
    redactor = Redactor([secret])
    clean = redactor.text(before + secret + after)
    assert secret not in clean or secret in MARK


def test_keys_of_the_environment_are_secrets_too(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    said = "key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY of AKIAIOSFODNN7EXAMPLE"
    assert Redactor(of_environment()).text(said) == "key [redacted] of [redacted]"
