"""A real nginx over TLS: an ``add_header`` in one location drops all that the server adds."""

import pytest
import yaml
from services.fleet import assess
from tlsserver import authority, authority_file

from readiness_kit.servers.nginx import Nginx
from readiness_kit.servers.ports import answers, free_ports

pytestmark = pytest.mark.live

CONF = """\
$MAIN
http {
$TEMPORARY
    access_log off;
    default_type application/json;
    server { listen 127.0.0.1:@PLAIN@; return 308 https://$host:@TLS@$request_uri; }
    server {
        listen 127.0.0.1:@TLS@ ssl;
        server_name localhost;
        ssl_certificate edge.pem;
        ssl_certificate_key edge.pem;
        add_header X-Frame-Options DENY always;
        add_header X-Content-Type-Options nosniff always;
        add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
        add_header Content-Security-Policy "default-src 'none'" always;
        location = /graphql { return 200 '{"data":{"__typename":"Query"}}'; }
        location = /ready { return 200 '{"status":"ready"}'; }
        location / { return 404; }
        @LOCATION@
    }
}
"""
HEALTH = "location = /health { %s return 200 ok; }"
SAME = "add_header_inherit merge; add_header Cache-Control no-store;"
DROPPED = {"xfo": "FAIL", "xcto": "FAIL", "xxp": "PASS", "hsts": "FAIL", "csp": "FAIL"}
KEPT = dict.fromkeys(DROPPED, "PASS")


@pytest.fixture
def edge(tmp_path):
    """Start nginx with one more location, and return the target's description and its file."""
    running = []

    def start(location):
        plain, tls = free_ports(2)
        issued = authority().issue_cert("localhost", "127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "edge.pem")
        authority_file(tmp_path)
        text = CONF.replace("@LOCATION@", location)
        nginx = Nginx(tmp_path, text.replace("@PLAIN@", str(plain)).replace("@TLS@", str(tls)))
        running.append(nginx.start())
        nginx.wait_until(lambda: answers(tls))
        api = {"url": f"https://localhost:{tls}", "http_url": f"http://localhost:{plain}"}
        api |= {"ca": "ca.pem", "address_families": ["ipv4"]}
        target = {"schema": 1, "name": "edge", "environment": "staging", "api": api}
        file = tmp_path / "readiness.yaml"
        file.write_text(yaml.safe_dump({**target, "proxy": {"nginx": "nginx.conf"}}))
        return file

    yield start
    for one in running:
        one.stop()


def headers(file):
    claims = assess(file, "security.headers")
    return {name.rpartition(".")[2]: claim.status.name for name, claim in claims.items()}


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        (HEALTH % "", KEPT),
        (HEALTH % SAME, KEPT),
        (HEALTH % "add_header Cache-Control no-store;", DROPPED),
        (HEALTH % "add_header_inherit off;", DROPPED),
        (f"{HEALTH % ''} location = /metrics {{ add_header A b; return 200; }}", DROPPED),
    ],
    ids=["inherited", "merged", "dropped", "off", "dropped where nobody asked"],
)
def test_headers_of_a_real_nginx(edge, location, shown):
    assert headers(edge(location)) == shown


def test_an_include_that_cannot_be_read_leaves_the_rest_unknown(edge):
    file = edge(HEALTH % "")
    conf = file.parent / "nginx.conf"
    conf.write_text(conf.read_text().replace("location /", "include gone.conf; location /", 1))
    assert set(headers(file).values()) == {"UNKNOWN"}
