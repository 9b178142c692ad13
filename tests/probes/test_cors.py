import re

import pytest
from webserver import Reply, serve, visit

from readiness_kit.checks.security.cors import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.api.cors import cors_answers, origins
from readiness_kit.target import Auth

APP = "https://app.example.com"
ALLOW = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "Content-Type, Authorization",
    "vary": "Accept-Encoding, Origin",
}


def site(allows, status=200, **more):
    def answer(asked):
        origin = asked.headers.get("origin", "")
        allowed = allows(origin)
        given = {"access-control-allow-origin": allowed, **ALLOW, **more} if allowed else {}
        return Reply(status=204 if asked.method == "OPTIONS" else status, headers=given)

    return answer


def look(answer, listed=(APP,)):
    with serve(answer) as url:
        return cors_answers.gather(visit(url, api={"allowed_origins": listed}))


@pytest.mark.parametrize(
    ("allows", "origins_shown", "preflight_shown"),
    [
        (lambda origin: origin if origin == APP else "", "PASS", "PASS"),
        (lambda origin: origin, "FAIL", "PASS"),
        (lambda origin: APP, "WARN", "PASS"),
        (lambda origin: "*", "WARN", "PASS"),
        (lambda origin: "", "FAIL", "FAIL"),
        (lambda origin: origin if origin.startswith(APP) else "", "FAIL", "PASS"),
        (lambda origin: origin if origin.endswith("app.example.com") else "", "FAIL", "PASS"),
        (lambda origin: origin if origin in (APP, "null") else "", "FAIL", "PASS"),
        (lambda origin: origin if "//app.example.com" in origin else "", "FAIL", "PASS"),
    ],
)
def test_servers_that_allow_too_much_or_too_little(allows, origins_shown, preflight_shown):
    fact = look(site(allows))
    assert list(CHECK.shows(fact).values()) == [origins_shown, preflight_shown]


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({"access-control-allow-methods": "GET, POST, PATCH"}, "FAIL"),
        ({"access-control-allow-methods": "*"}, "FAIL"),
        ({"access-control-allow-headers": "*"}, "FAIL"),
        ({"access-control-allow-headers": "Content-Type, Authorization, X-Extra"}, "WARN"),
        ({"access-control-allow-headers": "Content-Type"}, "FAIL"),
        ({"access-control-allow-methods": "POST"}, "PASS"),
    ],
)
def test_what_a_preflight_allows(more, shown):
    fact = look(site(lambda origin: origin if origin == APP else "", **more))
    assert CHECK.shows(fact)["preflight_limited"] == shown


def test_a_header_that_is_echoed_is_found():
    def echo(asked):
        asked_for = asked.headers.get("access-control-request-headers", "")
        given = ALLOW | {
            "access-control-allow-origin": APP,
            "access-control-allow-headers": asked_for,
        }
        return Reply(headers=given if asked.headers.get("origin") == APP else {})

    assert CHECK.shows(look(echo))["preflight_limited"] == "FAIL"


def test_credentials_make_a_star_a_failure():
    fact = look(site(lambda origin: "*", **{"access-control-allow-credentials": "true"}))
    assert CHECK.shows(fact)["only_listed_origins"] == "FAIL"
    assert CHECK.shows(look(site(lambda _: "*", status=401)))["only_listed_origins"] == "FAIL"


def test_a_page_asks_for_no_header_that_is_not_listed():
    def strict(asked):
        named = asked.headers.get("access-control-request-headers", "").split(", ")
        if asked.method == "OPTIONS" and not {*named} <= {"content-type", "x-api-key"}:
            return Reply(400)
        allow = {**ALLOW, "access-control-allow-headers": "Content-Type, X-Api-Key"}
        allow["access-control-allow-origin"] = APP
        return Reply(headers=allow if asked.headers.get("origin") == APP else {})

    listed = {"allowed_origins": (APP,), "allowed_headers": ("Content-Type", "X-Api-Key")}
    with serve(strict) as url:
        fact = cors_answers.gather(visit(url, api=listed, auth=Auth(header="x-api-key")))
    assert CHECK.shows(fact)["preflight_limited"] == "PASS"


def test_cors_off_passes_when_nobody_is_allowed():
    shown = CHECK.shows(look(site(lambda origin: ""), listed=()))
    assert set(shown.values()) == {"PASS"}
    shown = CHECK.shows(look(site(lambda origin: origin), listed=()))
    assert set(shown.values()) == {"FAIL"}


def test_a_service_that_fails_passes_nothing():
    shown = CHECK.shows(look(site(lambda o: o if o == APP else "", status=500)))
    assert set(shown.values()) == {"UNKNOWN"}


def test_nobody_there_is_not_a_verdict(free_port):
    with pytest.raises(NotSeen, match="did not answer"):
        cors_answers.gather(visit(f"http://127.0.0.1:{free_port}"))


@pytest.mark.parametrize(
    "pattern", [r"https://app.example\.com", r"https://(app\.example\.com|.*\.partner\.example)"]
)
def test_careless_patterns_are_found(pattern):
    """A dot that is no dot; a wildcard for the second of the listed origins."""
    listed = (APP, "https://www.partner.example")

    def allows(origin):
        return origin if re.fullmatch(pattern, origin) or origin in listed else ""

    assert CHECK.shows(look(site(allows), listed))["only_listed_origins"] == "FAIL"


def test_look_alikes_are_never_listed_themselves():
    listed = (APP, "http://app.example.com")
    kinds = list(origins(listed))
    assert "other_scheme" not in dict(kinds)
    assert ("suffixed", "https://app.example.com.readiness-kit.invalid") in kinds
