import pytest
from webserver import visit

from readiness_kit.checks.infrastructure.load_balancer import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.nginx.configuration import nginx_config
from readiness_kit.target import Proxy

CONF = """
events {{ }}
http {{
  limit_req_zone $binary_remote_addr zone=api:10m rate=2r/s;
  upstream api {{ {upstream} }}
  server {{
    limit_req zone=api burst=5;
    location / {{ return 404; }}
    {location}
  }}
}}
"""
TWO = "server 127.0.0.1:1 max_fails=2 fail_timeout=5s; server 127.0.0.1:2 fail_timeout=1m;"
EXACT = "location = /graphql { proxy_pass http://api; }"


def read(tmp_path, upstream=TWO, location=EXACT):
    file = tmp_path / "nginx.conf"
    file.write_text(CONF.format(upstream=upstream, location=location))
    return nginx_config.gather(visit("http://127.0.0.1:1", proxy=Proxy(nginx=file)))


def test_backends_limits_and_routes(tmp_path):
    fact = read(tmp_path)
    first, second = fact.upstreams[0].backends
    assert (first.max_fails, first.fail_timeout_s) == (2, 5.0)
    assert (second.max_fails, second.fail_timeout_s) == (1, 60.0)
    (route,) = fact.routes
    assert route.upstream == "api"
    assert (route.limits[0].per_minute, route.limits[0].burst) == (120, 5)


@pytest.mark.parametrize(
    ("upstream", "location", "status"),
    [
        (TWO, EXACT, "WARN"),
        (TWO, "location /graph { proxy_pass http://api; }", "WARN"),
        (TWO, "location ~ ^/graphql$ { proxy_pass http://api; }", "WARN"),
        (TWO, "location = /graphql { proxy_pass http://api; health_check; }", "PASS"),
        ("server 127.0.0.1:1 max_fails=0; server 127.0.0.1:2;", EXACT, "FAIL"),
        ("server 127.0.0.1:1;", EXACT, "FAIL"),
        ("server 127.0.0.1:1 backup; server 127.0.0.1:2 down;", EXACT, "FAIL"),
        (TWO, "location = /graphql { proxy_pass http://127.0.0.1:3; }", "FAIL"),
        (TWO, "location = /graphql { proxy_pass http://$backend; }", "UNKNOWN"),
        (TWO, "location ~ ^/(?<name>graphql)$ { proxy_pass http://api; health_check; }", "PASS"),
        (TWO, "location ~ ^/(?|graphql)$ { proxy_pass http://api; health_check; }", "UNKNOWN"),
        (TWO, f"{EXACT} rewrite ^/graphql$ /v2 last;", "UNKNOWN"),
        (TWO, f"{EXACT} rewrite ^/old$ /graphql last;", "WARN"),
        (TWO, f"{EXACT} if ($host = a.example) {{ rewrite ^ /v2 last; }}", "UNKNOWN"),
        (TWO, "include absent.conf;", "UNKNOWN"),
        (TWO, "", "UNKNOWN"),
        ("include absent.conf;", EXACT, "UNKNOWN"),
    ],
)
def test_how_backends_are_watched(upstream, location, status, tmp_path):
    assert CHECK.shows(read(tmp_path, upstream, location))["health"] == status


@pytest.mark.parametrize(
    ("way", "name"), [("ip_hash;", "ip_hash"), ("hash $request_uri;", "hash"), ("", "")]
)
def test_affinity_is_read(way, name, tmp_path):
    assert read(tmp_path, f"{way} {TWO}").upstreams[0].affinity == name


@pytest.mark.parametrize(
    ("files", "line", "status"),
    [
        ({"api.conf": EXACT}, "include api.conf;", "WARN"),
        ({"sites/a.conf": EXACT}, "include sites/*.conf;", "WARN"),
        (
            {"sites/a.conf": "include deeper.conf;", "deeper.conf": EXACT},
            "include sites/*;",
            "WARN",
        ),
        ({"sites/a.conf": "include gone.conf;"}, f"{EXACT} include sites/*;", "UNKNOWN"),
        ({}, f"{EXACT} include sites/*.conf;", "WARN"),
        ({}, f"{EXACT} include $name.conf;", "UNKNOWN"),
        ({"loop.conf": "include loop.conf;"}, "include loop.conf;", "UNKNOWN"),
    ],
)
def test_includes_are_followed_and_what_is_missing_is_said(files, line, status, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    try:
        fact = read(tmp_path, location=line)
    except NotSeen:
        assert status == "UNKNOWN"
        return
    assert CHECK.shows(fact)["health"] == status


@pytest.mark.parametrize("text", ["http {", "}", "\x00", "http { server {", "a" * 100])
def test_what_nginx_would_refuse_passes_nothing(text, tmp_path):
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    try:
        fact = nginx_config.gather(visit("http://127.0.0.1:1", proxy=Proxy(nginx=file)))
    except NotSeen:
        return
    assert CHECK.shows(fact)["health"] == "UNKNOWN"


def test_no_configuration_is_not_configured(tmp_path):
    with pytest.raises(NotSeen) as caught:
        nginx_config.gather(visit("http://127.0.0.1:1"))
    assert caught.value.cause == "not_configured"
    with pytest.raises(NotSeen, match="no file"):
        nginx_config.gather(visit("http://127.0.0.1:1", proxy=Proxy(nginx=tmp_path / "absent")))
