import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.nginx.services import service_hops
from readiness_kit.target import Proxy


def hops(folder, text, **others):
    for name, content in others.items():
        (folder / f"{name}.conf").write_text(content)
    file = folder / "nginx.conf"
    file.write_text(text)
    return service_hops.gather(visit("http://localhost", proxy=Proxy(nginx=file))).hops


def test_upstreams_are_followed_and_tls_is_inherited(tmp_path):
    near, far = hops(
        tmp_path,
        """events {}
        http {
          proxy_ssl_verify on;
          upstream near { server 127.0.0.1:8000; }
          upstream far { server 10.0.0.7:8443 max_fails=2; }
          server { location / { proxy_pass http://near; }
                   location /far { proxy_pass https://far/x; } }
        }""",
    )
    assert (near.address, near.same_host, near.encrypted) == ("127.0.0.1:8000", True, False)
    assert (far.address, far.same_host, far.encrypted, far.verified) == (
        "10.0.0.7:8443",
        False,
        True,
        True,
    )
    assert far.origin == "nginx.conf:7"


def test_the_innermost_directive_counts(tmp_path):
    (hop,) = hops(
        tmp_path,
        "events {} http { proxy_ssl_verify on; server { location / { proxy_ssl_verify off; "
        "proxy_ssl_certificate c.pem; proxy_pass https://app.internal; } } }",
    )
    assert (hop.encrypted, hop.verified, hop.mutual) == (True, False, True)


def test_other_protocols_leave_the_host_in_the_clear_too(tmp_path):
    found = hops(
        tmp_path,
        "events {} http { upstream app { server 10.0.0.9:3031; } server { "
        "location /a { uwsgi_pass app; } location /b { uwsgi_pass suwsgi://app; } "
        "location /c { fastcgi_pass localhost:9000; } location /d { memcached_pass cache:11211; } "
        "location /e { scgi_pass localhost.example.com:4000; } } }",
    )
    assert [(one.address, one.same_host, one.encrypted) for one in found] == [
        ("10.0.0.9:3031", False, False),
        ("10.0.0.9:3031", False, True),
        ("localhost:9000", True, False),
        ("cache:11211", False, False),
        ("localhost.example.com:4000", False, False),
    ]


def test_streams_variables_sockets_and_includes(tmp_path):
    found = hops(
        tmp_path,
        "events {} include more.conf; stream { server { listen 1; proxy_ssl on; "
        "proxy_pass 10.0.0.8:6380; } server { listen 2; proxy_pass unix:/run/cache.sock; } }",
        more="http { server { location / { proxy_pass http://$backend; } } }",
    )
    assert [(one.address, one.same_host, one.known, one.encrypted) for one in found] == [
        ("$backend", False, False, False),
        ("10.0.0.8:6380", False, True, True),
        ("unix:/run/cache.sock", True, True, False),
    ]


@pytest.mark.parametrize("text", ["http {", "http { server { proxy_pass } }"])
def test_a_broken_configuration_is_not_seen(tmp_path, text):
    with pytest.raises(NotSeen):
        hops(tmp_path, text)


def test_no_configuration_is_not_configured():
    with pytest.raises(NotSeen) as error:
        service_hops.gather(visit("http://localhost"))
    assert error.value.cause == "not_configured"
