import pytest

from readiness_kit.checks.security.headers import CHECK
from readiness_kit.checks.security.headers.example import GOOD, GOOD_PLAIN, everywhere

CSP, HSTS = "content-security-policy", "strict-transport-security"
XFO, XCTO, XXP = "x-frame-options", "x-content-type-options", "x-xss-protection"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["max-age=31536000; includeSubDomains"], "PASS"),
        (["max-age=31535999; includeSubDomains"], "FAIL"),
        (['MAX-AGE="63072000" ; includesubdomains; preload'], "PASS"),
        (["max-age=31536000"], "FAIL"),
        (["includeSubDomains"], "FAIL"),
        (["max-age=-31536000; includeSubDomains"], "FAIL"),
        (["max-age=63072000; max-age=63072000; includeSubDomains"], "FAIL"),
        (["max-age=31536000; includeSubDomains", "max-age=0"], "FAIL"),
        (["x-max-age=31536000; includeSubDomains"], "FAIL"),
        ([], "FAIL"),
    ],
)
def test_hsts(lines, status):
    assert CHECK.shows(everywhere(GOOD, HSTS, *lines))["hsts"] == status


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ("default-src 'none'", "PASS"),
        ("default-src 'self'; img-src *", "PASS"),
        ("DEFAULT-SRC 'SELF'", "PASS"),
        ("default-src 'self'; style-src 'self' 'unsafe-inline'", "WARN"),
        ("default-src 'self'; style-src 'unsafe-eval'", "FAIL"),
        ("default-src 'self'; script-src 'unsafe-inline'", "FAIL"),
        ("default-src 'self'; script-src 'self' 'unsafe-eval'", "FAIL"),
        ("default-src 'self'; script-src https:", "FAIL"),
        ("default-src 'self'; script-src https://*", "FAIL"),
        ("default-src 'self'; script-src *:443", "FAIL"),
        ("default-src 'self'; script-src https://cdn.example.com", "PASS"),
        ("default-src 'self' https://cdn.example.com", "FAIL"),
        ("default-src 'none' 'self'", "FAIL"),
        ("default-src", "FAIL"),
        ("default-src *; default-src 'none'", "FAIL"),
        ("script-src 'self'", "FAIL"),
        ("default-src *, default-src 'self'", "PASS"),
        ("", "FAIL"),
    ],
)
def test_csp(policy, status):
    assert CHECK.shows(everywhere(GOOD, CSP, policy))["csp"] == status


def test_a_policy_that_only_reports_restricts_nothing():
    fact = everywhere(everywhere(GOOD, CSP), f"{CSP}-report-only", "default-src 'none'")
    assert CHECK.shows(fact)["csp"] == "FAIL"


@pytest.mark.parametrize(
    ("policy", "options", "status"),
    [
        ("default-src 'none'", ["DENY"], "PASS"),
        ("default-src 'none'", ["sameorigin"], "PASS"),
        ("default-src 'none'", ["DENY", "DENY"], "PASS"),
        ("default-src 'none'", ["DENY", "SAMEORIGIN"], "WARN"),
        ("default-src 'none'", ["DENY, SAMEORIGIN"], "WARN"),
        ("default-src 'none'", ["DENY", "ALLOWALL"], "FAIL"),
        ("default-src 'none'", ["ALLOW-FROM https://a.example"], "FAIL"),
        ("default-src 'none'", [], "FAIL"),
        ("frame-ancestors 'none'", [], "PASS"),
        ("frame-ancestors 'self' https://a.example", ["DENY"], "PASS"),
        ("frame-ancestors *", ["DENY"], "FAIL"),
        ("frame-ancestors https:", ["DENY"], "FAIL"),
        ("frame-ancestors 'self' https://*", ["DENY"], "FAIL"),
        ("frame-ancestors", [], "FAIL"),
    ],
)
def test_xfo(policy, options, status):
    assert CHECK.shows(everywhere(everywhere(GOOD, CSP, policy), XFO, *options))["xfo"] == status


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["nosniff"], "PASS"),
        (["NoSniff"], "PASS"),
        (["nosniff, nosniff"], "PASS"),
        (["nosniff", "sniff"], "FAIL"),
        ([""], "FAIL"),
        ([], "FAIL"),
    ],
)
def test_xcto(lines, status):
    assert CHECK.shows(everywhere(GOOD, XCTO, *lines))["xcto"] == status


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], "PASS"),
        (["0"], "PASS"),
        (["1; mode=block"], "WARN"),
        (["1;mode=block", "0"], "WARN"),
        (["1"], "FAIL"),
        (["1; report=https://a.example"], "FAIL"),
        ([""], "FAIL"),
    ],
)
def test_xxp(lines, status):
    assert CHECK.shows(everywhere(GOOD, XXP, *lines))["xxp"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"outcome": "answered", "status": 301}, "PASS"),
        ({"outcome": "answered", "status": 301, "hsts": ("max-age=1",)}, "WARN"),
        ({"outcome": "unanswered"}, "UNKNOWN"),
    ],
)
def test_hsts_over_plain_http(changes, status):
    from msgspec.structs import replace

    plain = GOOD_PLAIN.replace(answers=(replace(GOOD_PLAIN.answers[0], **changes),))
    assert CHECK.shows(GOOD, plain)["hsts"] == status


@pytest.mark.parametrize("kept", [(), ("OPTIONS",), ("POST", "OPTIONS"), ("POST", "GET")])
def test_too_few_kinds_of_answers_pass_nothing(kept):
    fact = GOOD.replace(answers=tuple(one for one in GOOD.answers if one.method in kept))
    if {"POST", "GET", "OPTIONS"} - set(kept):
        shown = CHECK.shows(fact.replace(answers=tuple(a for a in fact.answers if a.status != 404)))
        assert set(shown.values()) == {"UNKNOWN"}
