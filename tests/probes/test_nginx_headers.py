"""``add_header`` is inherited only where none stands: what every place of ``nginx.conf`` sends."""

from pathlib import Path

import pytest
from webserver import visit

from readiness_kit.checks.security.headers import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.nginx.headers import nginx_headers
from readiness_kit.target import Proxy

ALL = """
    add_header X-Frame-Options DENY always;
    add_header X-Content-Type-Options nosniff always;
    add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
    add_header Content-Security-Policy "default-src 'none'" always;
"""
CONF = """
events {{ }}
http {{
  {outside}
  server {{
    listen 127.0.0.1:8080;
    {inside}
    location = /graphql {{ proxy_pass http://127.0.0.1:1; }}
    location / {{ return 404; }}
    {location}
  }}
}}
"""
HIDING = "proxy_hide_header X-Frame-Options; proxy_hide_header Content-Security-Policy;"
NO_STORE = "add_header Cache-Control no-store;"


def read(tmp_path, location="", inside=ALL, outside="", url="http://127.0.0.1:8080"):
    file = tmp_path / "nginx.conf"
    file.write_text(CONF.format(location=location, inside=inside, outside=outside))
    return nginx_headers.gather(visit(url, proxy=Proxy(nginx=file)))


def status(fact, claim="xfo"):
    return CHECK.shows(fact)[claim]


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("", "PASS"),
        ("location = /a { return 200; }", "PASS"),
        (f"location = /a {{ {NO_STORE} return 200; }}", "FAIL"),
        (f"location /a {{ {NO_STORE} location /a/b {{ return 200; }} }}", "FAIL"),
        (f"location = /a {{ if ($arg_x) {{ {NO_STORE} return 200; }} return 200; }}", "FAIL"),
        (f"location = /a {{ {NO_STORE} {ALL} return 200; }}", "PASS"),
        (f"location = /a {{ add_header_inherit merge; {NO_STORE} return 200; }}", "PASS"),
        ("location = /a { add_header_inherit off; return 200; }", "FAIL"),
        (f"location = /a {{ {ALL.replace(' always', '')} return 200; }}", "FAIL"),
        (f"location = /a {{ {NO_STORE} proxy_pass http://127.0.0.1:1; }}", "UNKNOWN"),
        (f"location = /a {{ {NO_STORE} {HIDING} proxy_pass http://127.0.0.1:1; }}", "FAIL"),
        ("location = /a { add_header X-Frame-Options $xfo always; }", "UNKNOWN"),
        ("include absent.conf;", "UNKNOWN"),
        ("location ~ ^/(?|a|b)$ { return 200; }", "UNKNOWN"),
        ("location = /a { more_set_headers 'X-Frame-Options: ALLOW'; }", "UNKNOWN"),
    ],
)
def test_what_a_location_drops(location, shown, tmp_path):
    assert status(read(tmp_path, location)) == shown


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ("map $uri $xfo { default DENY; /embed SAMEORIGIN; }", "PASS"),
        ("map $uri $xfo { default DENY; /embed ALLOWALL; }", "UNKNOWN"),
        ('map $uri $xfo { default ""; /a DENY; }', "UNKNOWN"),
        ("map $uri $xfo { default ALLOWALL; }", "FAIL"),
        ("map $uri $one { default DENY; } map $one $xfo { default DENY; }", "PASS"),
        ("map $uri $xfo { default $http_x_frame; }", "UNKNOWN"),
        ("map $uri $xfo { include frames.map; default DENY; }", "UNKNOWN"),
        ("", "UNKNOWN"),
    ],
)
def test_values_of_maps_are_all_looked_at(lines, shown, tmp_path):
    inside = ALL.replace("X-Frame-Options DENY", "X-Frame-Options $xfo")
    location = "location = /a { return 200; }"
    assert status(read(tmp_path, location, inside, lines)) == shown


def test_headers_may_come_from_outside_the_server_or_from_an_include(tmp_path):
    (tmp_path / "headers.conf").write_text(ALL)
    assert status(read(tmp_path, inside="", outside=ALL)) == "PASS"
    assert status(read(tmp_path, inside="include headers.conf;")) == "PASS"
    bare = f"location = /a {{ {NO_STORE} return 200; }}"
    assert status(read(tmp_path, bare, inside="", outside=ALL)) == "FAIL"
    inner = f"location = /a {{ {NO_STORE} include headers.conf; return 200; }}"
    assert status(read(tmp_path, inner)) == "PASS"


def test_where_nginx_adds_none_the_service_is_looked_at_alone(tmp_path):
    assert (
        status(read(tmp_path, f"location = /a {{ {NO_STORE} return 200; }}", inside="")) == "PASS"
    )


def test_other_servers_are_not_the_apis(tmp_path):
    other = f"}} server {{ listen 9090; {ALL} location = /a {{ {NO_STORE} return 200; }}"
    assert status(read(tmp_path, other)) == "PASS"
    assert status(read(tmp_path, other, url="http://127.0.0.1:9090")) == "FAIL"


def test_nothing_declared_is_no_objection_and_a_wrong_name_is():
    assert status(nginx_headers.gather(visit("http://127.0.0.1:1"))) == "PASS"
    with pytest.raises(NotSeen, match="no file"):
        nginx_headers.gather(visit("http://127.0.0.1:1", proxy=Proxy(nginx=Path("absent"))))
