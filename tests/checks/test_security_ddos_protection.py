"""Floods: what nginx.conf, the edge, the origin and the database say together."""

import pytest
from msgspec.structs import replace
from webserver import visit

from readiness_kit.checks.security.ddos_protection import CHECK
from readiness_kit.checks.security.ddos_protection.connection_limits import DATABASE
from readiness_kit.checks.security.ddos_protection.nginx import NGINX
from readiness_kit.checks.security.ddos_protection.origin import ORIGIN
from readiness_kit.checks.security.ddos_protection.provider import EDGE
from readiness_kit.facts.kubernetes.ingress import DeclaredIngresses, Ingress
from readiness_kit.probes.nginx.configuration import nginx_config
from readiness_kit.target import Proxy

NO_EDGE = EDGE.replace(answers=tuple(replace(one, providers=()) for one in EDGE.answers))


@pytest.mark.parametrize(
    ("changes", "declared", "status"),
    [
        ({}, "cloudflare", "PASS"),
        ({"providers": ()}, "cloudflare", "FAIL"),
        ({"providers": ()}, "", "FAIL"),
        ({"providers": ()}, "a provider without marks", "UNKNOWN"),
        ({"providers": ("fastly",)}, "cloudflare", "UNKNOWN"),
        ({}, "", "UNKNOWN"),
        ({"public": False}, "cloudflare", "UNKNOWN"),
        ({"public": False, "providers": ()}, "", "UNKNOWN"),
        ({"status": 0, "providers": ()}, "cloudflare", "UNKNOWN"),
    ],
)
def test_the_edge_is_seen_and_declared(changes, declared, status):
    answers = tuple(replace(one, **changes) for one in EDGE.answers)
    assert CHECK.shows(EDGE.replace(answers=answers, declared=declared))["provider"] == status


@pytest.mark.parametrize(
    ("door", "public", "control", "status"),
    [
        ("silent", True, 200, "PASS"),
        ("refused", True, 204, "PASS"),
        ("open", True, 200, "FAIL"),
        ("open", True, 0, "FAIL"),
        ("open", False, 200, "UNKNOWN"),
        ("refused", False, 200, "UNKNOWN"),
        ("not_reached", True, 200, "UNKNOWN"),
        ("refused", True, 503, "UNKNOWN"),
        ("silent", True, 0, "UNKNOWN"),
    ],
)
def test_a_closed_origin_needs_a_living_edge(door, public, control, status):
    doors = tuple(replace(one, door=door, public=public) for one in ORIGIN.doors)
    fact = ORIGIN.replace(doors=doors, control_status=control)
    assert CHECK.shows(fact)["origin_closed"] == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://198.51.100.9:443", "PASS"),
        ("https://198.51.100.9:8443", "UNKNOWN"),
        ("http://198.51.100.9", "UNKNOWN"),
    ],
)
def test_silence_at_a_port_that_may_be_closed_on_our_side_shows_nothing(origin, status):
    assert CHECK.shows(ORIGIN.replace(origin=origin))["origin_closed"] == status


CONF = """
events {{ worker_connections 512; }}
http {{
  {http}
  server {{
    server_name other.example;
    location / {{ proxy_pass http://127.0.0.1:9; }}
  }}
  server {{
    server_name api.example.com;
    {server}
    location / {{ return 404; }}
    location = /graphql {{ {location} proxy_pass http://127.0.0.1:1; }}
  }}
}}
"""
ZONE = "limit_req_zone $binary_remote_addr zone=a:10m rate=100r/m;"
USED = "limit_req zone=a burst=20;"


def read(tmp_path, http="", server="", location="", behind=""):
    file = tmp_path / "nginx.conf"
    file.write_text(CONF.format(http=http, server=server, location=location))
    target = {"api": {"url": "https://api.example.com"}, "proxy": Proxy(nginx=file, behind=behind)}
    return nginx_config.gather(visit("http://127.0.0.1:1", **target))


def keyed(key, *more):
    return " ".join((*more, f"limit_req_zone {key} zone=a:10m rate=2r/s;"))


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"http": ZONE, "location": USED}, "PASS"),
        ({"http": ZONE, "server": USED}, "PASS"),
        ({"http": ZONE + USED}, "PASS"),
        ({"http": ZONE}, "FAIL"),
        ({}, "FAIL"),
        ({"http": ZONE, "server": USED, "location": "limit_req_dry_run on;"}, "FAIL"),
        ({"http": "limit_req_dry_run on;" + ZONE, "location": USED}, "FAIL"),
        ({"location": USED}, "UNKNOWN"),
        ({"http": ZONE, "location": USED + "include absent.conf;"}, "UNKNOWN"),
        ({"http": keyed("$server_name"), "location": USED}, "FAIL"),
        ({"http": keyed("$http_x_api_key"), "location": USED}, "FAIL"),
        ({"http": keyed("$http_x_forwarded_for"), "location": USED}, "FAIL"),
        ({"http": keyed("$binary_remote_addr$request_uri"), "location": USED}, "FAIL"),
        ({"http": keyed("$binary_remote_addr$server_name"), "location": USED}, "PASS"),
        (
            {"http": "set_real_ip_from 0.0.0.0/0;" + ZONE, "location": USED},
            "FAIL",
        ),
        ({"http": ZONE, "location": USED, "behind": "a cloud balancer"}, "WARN"),
        (
            {
                "http": "set_real_ip_from 10.0.0.0/8;" + ZONE,
                "location": USED,
                "behind": "a cloud balancer",
            },
            "PASS",
        ),
        (
            {
                "http": keyed("$http_cf_connecting_ip"),
                "location": USED,
                "behind": "cloudflare",
            },
            "WARN",
        ),
    ],
)
def test_requests_are_limited_by_caller(parts, status, tmp_path):
    assert CHECK.shows(read(tmp_path, **parts), NO_EDGE)["lb_limit"] == status


GEO = "geo $known { default 0; 10.0.0.0/8 1; }"
BY_KNOWN = 'map $known $who { 0 $binary_remote_addr; 1 ""; }'


@pytest.mark.parametrize(
    ("http", "status"),
    [
        (keyed("$who", GEO, BY_KNOWN), "PASS"),
        (keyed("$who", "geo $known { default 1; }", BY_KNOWN), "UNKNOWN"),
        (keyed("$who", "map $known $who { default $binary_remote_addr; }"), "PASS"),
        (
            keyed("$who", 'map $http_x_test $who { default $binary_remote_addr; secret ""; }'),
            "WARN",
        ),
        (keyed("$who", 'map $uri $who { ~^/static ""; }'), "UNKNOWN"),
        (keyed("$who", "map $known $who { include absent.map; }", GEO), "UNKNOWN"),
        (keyed("$who$server_name", GEO, BY_KNOWN), "UNKNOWN"),
        (keyed("$who", "map $a $who { default $http_x_key; }"), "FAIL"),
        (keyed("$who", "map $who $who { default $who; }"), "UNKNOWN"),
        (
            keyed("${who}", GEO, BY_KNOWN),
            "UNKNOWN",
        ),  # crossplane takes it for one word with the next
    ],
)
def test_maps_are_followed_as_far_as_they_can_be(http, status, tmp_path):
    assert CHECK.shows(read(tmp_path, http=http, location=USED), NO_EDGE)["lb_limit"] == status


def test_a_variable_that_is_set_somewhere_is_not_known(tmp_path):
    http = keyed("$who")
    fact = read(tmp_path, http=http, server="set $who $binary_remote_addr;", location=USED)
    assert CHECK.shows(fact, NO_EDGE)["lb_limit"] == "UNKNOWN"


def test_an_edge_in_front_is_one_caller(tmp_path):
    fact = read(tmp_path, http=ZONE, location=USED)
    assert CHECK.shows(fact, EDGE)["lb_limit"] == "WARN"


@pytest.mark.parametrize(
    ("annotations", "status"),
    [
        ({"nginx.ingress.kubernetes.io/limit-rps": "5"}, "PASS"),
        ({"nginx.ingress.kubernetes.io/limit-rps": "0"}, "FAIL"),
        ({"nginx.ingress.kubernetes.io/proxy-body-size": "1m"}, "FAIL"),
        ({"nginx.org/limit-req-rate": "10r/s"}, "PASS"),
        ({}, "FAIL"),
        (
            {
                "nginx.ingress.kubernetes.io/limit-rps": "5",
                "nginx.ingress.kubernetes.io/limit-whitelist": "10.0.0.0/8, 0.0.0.0/0",
            },
            "FAIL",
        ),
        ({"nginx.org/limit-req-rate": "10r/s", "nginx.org/limit-req-dry-run": "true"}, "FAIL"),
    ],
)
def test_an_ingress_may_limit_in_place_of_nginx(annotations, status, tmp_path):
    one = Ingress(origin="i.yaml", name="shop", limits=annotations)
    fact = DeclaredIngresses(observed_at=EDGE.observed_at, files=("i.yaml",), ingresses=(one,))
    assert CHECK.shows(read(tmp_path), fact, NO_EDGE)["lb_limit"] == status
    judge = CHECK.judges[2]
    (finding,) = judge(None, fact, NO_EDGE)
    assert finding.outcome.value == ("holds" if status == "PASS" else "fails")
    (behind,) = judge(None, fact, EDGE)
    assert behind.outcome.value == ("not_seen" if status == "PASS" else "fails")


LIMITED = "limit_conn_zone $binary_remote_addr zone=c:1m; "
BOUNDS = "client_header_timeout 10s; client_max_body_size 256k; "


@pytest.mark.parametrize(
    ("http", "location", "database", "status"),
    [
        (LIMITED + BOUNDS, "limit_conn c 50;", {}, "PASS"),
        (LIMITED + BOUNDS, "", {}, "FAIL"),
        (LIMITED + BOUNDS, "limit_conn d 50;", {}, "UNKNOWN"),
        (LIMITED + BOUNDS + "limit_conn_dry_run on;", "limit_conn c 50;", {}, "FAIL"),
        (LIMITED + "client_header_timeout 10s;", "limit_conn c 50;", {}, "WARN"),
        (LIMITED + "client_max_body_size 1m;", "limit_conn c 50;", {}, "WARN"),
        (LIMITED, "limit_conn c 50;", {}, "FAIL"),
        (
            LIMITED + "client_header_timeout 60s;client_max_body_size 1;",
            "limit_conn c 1;",
            {},
            "PASS",
        ),
        (
            LIMITED + "client_header_timeout 61s;client_max_body_size 1;",
            "limit_conn c 1;",
            {},
            "FAIL",
        ),
        (
            LIMITED + "client_header_timeout 1m;client_max_body_size 0;",
            "limit_conn c 1;",
            {},
            "FAIL",
        ),
        (LIMITED + BOUNDS, "limit_conn c 50;", {"role_limit": -1}, "WARN"),
        (LIMITED + BOUNDS, "limit_conn c 50;", {"role_limit": 197}, "WARN"),
        (LIMITED + BOUNDS, "limit_conn c 50;", {"role_limit": 196}, "PASS"),
        (LIMITED + BOUNDS, "limit_conn c 50;", {"role_limit": None, "database_limit": 50}, "PASS"),
        (LIMITED + BOUNDS, "limit_conn c 50;", {"superuser": True}, "WARN"),
    ],
)
def test_connections_are_bounded(http, location, database, status, tmp_path):
    fact = read(tmp_path, http=http, location=location)
    assert CHECK.shows(fact, DATABASE.replace(**database))["conn_limit"] == status


def test_what_was_not_read_passes_nothing():
    for judge in CHECK.judges[2:]:
        findings = judge(*(None for _ in judge.needs))
        assert {one.outcome.value for one in findings} == {"not_seen"}
    assert CHECK.shows(NGINX.replace(routes=()))["conn_limit"] == "UNKNOWN"
