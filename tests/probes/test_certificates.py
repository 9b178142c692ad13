import datetime as dt
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from tlsserver import authority, authority_file, context, listen, say, speak
from webserver import Reply, serve, visit

from readiness_kit.checks.infrastructure import certificates, load_balancer
from readiness_kit.errors import NotSeen
from readiness_kit.probes.tls.care import (
    certificate_renewal,
    days_ahead,
    expiry_monitoring,
)
from readiness_kit.probes.tls.certificates import served_certificates
from readiness_kit.target import Prometheus, Proxy

CHECK = certificates.CHECK


def look(port, ca, host="localhost", **options):
    return served_certificates.gather(
        visit(f"https://{host}:{port}", api={"ca": ca, "address_families": ("ipv4",)}, **options)
    )


@pytest.fixture
def ca(tmp_path):
    return authority_file(tmp_path)


def test_a_good_chain_is_seen_as_sent(ca):
    with listen(speak(context())) as port:
        fact = look(port, ca)
    (served,) = fact.served
    assert served.trusted
    assert served.chain[0].names == ("localhost", "127.0.0.1")
    assert (served.chain[0].key, served.chain[0].key_bits) == ("EC", 256)
    assert CHECK.shows(fact)["chain_and_name"] == "PASS"
    assert load_balancer.CHECK.shows(fact)["tls"] == "PASS"


def test_another_name_is_not_trusted_but_still_seen(ca):
    with listen(speak(context("other.example"))) as port:
        fact = look(port, ca)
    assert "localhost" in fact.served[0].problem
    assert fact.served[0].chain[0].names == ("other.example",)
    assert CHECK.shows(fact)["chain_and_name"] == "FAIL"


def test_a_stranger_authority_is_not_trusted():
    with listen(speak(context())) as port:
        fact = look(port, None)
    assert CHECK.shows(fact)["chain_and_name"] == "FAIL"
    assert load_balancer.CHECK.shows(fact)["tls"] == "FAIL"


def test_an_expired_certificate_fails_twice(ca):
    made = context()
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    leaf = authority().issue_cert("localhost", not_after=past, key_type=trustme.KeyType.ECDSA)
    leaf.configure_cert(made)
    with listen(speak(made)) as port:
        shown = CHECK.shows(look(port, ca))
    assert (shown["chain_and_name"], shown["days_left"]) == ("FAIL", "FAIL")


def test_a_needless_root_is_a_warning(ca):
    made = context()
    leaf = authority().issue_cert("localhost", key_type=trustme.KeyType.ECDSA)
    root = x509.load_pem_x509_certificate(authority().cert_pem.bytes())
    with leaf.private_key_and_cert_chain_pem.tempfile() as path:
        file = Path(path)
        file.write_bytes(file.read_bytes() + authority().cert_pem.bytes())
        made.load_cert_chain(path)
    with listen(speak(made)) as port:
        fact = look(port, ca)
    assert fact.served[0].chain[1].subject == root.subject.rfc4514_string()
    assert CHECK.shows(fact)["chain_and_name"] == "WARN"


def test_plain_http_on_the_tls_port_fails(ca):
    with listen(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        fact = look(port, ca)
    assert fact.served[0].outcome == "not_tls"
    assert load_balancer.CHECK.shows(fact)["tls"] == "FAIL"


@pytest.mark.parametrize("talk", [lambda wire: None, say(b"")])
def test_whoever_hangs_up_is_not_a_verdict(talk, ca):
    with listen(talk) as port, pytest.raises(NotSeen, match="shows no certificate"):
        look(port, ca)


def test_nobody_there_is_not_a_verdict(free_port, ca):
    with pytest.raises(NotSeen):
        look(free_port, ca)


DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("life", "left", "status"),
    [
        (365, 30, "PASS"),
        (365, 29.9, "WARN"),
        (365, 7, "WARN"),
        (365, 6.9, "FAIL"),
        (365, -1, "FAIL"),
        (47, 16, "PASS"),
        (47, 15, "WARN"),
        (47, 8, "WARN"),
        (47, 7, "FAIL"),
        (6, 2.1, "PASS"),
        (90, 29, "WARN"),
    ],
)
def test_days_left(life, left, status):
    from msgspec.structs import replace

    fact = certificates.GOOD
    end = fact.observed_at + left * DAY
    leaf = replace(certificates.LEAF, not_after=end, not_before=end - life * DAY)
    served = tuple(replace(one, chain=(leaf,)) for one in fact.served)
    assert CHECK.shows(fact.replace(served=served))["days_left"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"key": "RSA", "key_bits": 2048}, "PASS"),
        ({"key": "RSA", "key_bits": 2047}, "FAIL"),
        ({"key": "EC", "key_bits": 224}, "FAIL"),
        ({"key": "EdDSA", "key_bits": 256, "digest": ""}, "PASS"),
        ({"key": "other", "key_bits": 4096}, "FAIL"),
        ({"digest": "sha1"}, "FAIL"),
        ({"names": ()}, "FAIL"),
    ],
)
def test_keys_and_signatures(changes, status):
    from msgspec.structs import replace

    fact = certificates.GOOD
    leaf = replace(certificates.LEAF, **changes)
    served = tuple(replace(one, chain=(leaf,)) for one in fact.served)
    assert CHECK.shows(fact.replace(served=served))["chain_and_name"] == status


TIMER = "[Timer]\nOnCalendar=daily\n"
SERVICE = "[Service]\nExecStart=/usr/bin/certbot renew --quiet\n"


def renewal(tmp_path, name, text, service=SERVICE):
    (tmp_path / "renew.service").write_text(service)
    file = tmp_path / name
    file.write_text(text)
    return certificate_renewal.gather(visit("http://127.0.0.1:1", documents={"renewal": file}))


@pytest.mark.parametrize(
    ("name", "text", "service", "found"),
    [
        ("renew.timer", TIMER, SERVICE, ("timer", None)),
        ("renew.timer", TIMER, "ExecStart=step ca renew --expires-in 960h a b", ("timer", 40.0)),
        ("renew.timer", TIMER, "ExecStart=/bin/true", ("none", None)),
        ("renew.timer", "[Timer]\n", SERVICE, ("none", None)),
        ("a.conf", "renew_before_expiry = 20 days\n[renewalparams]\n", "", ("certbot", 20.0)),
        ("c.yaml", "kind: Certificate\nspec: {renewBefore: 360h}", "", ("cert_manager", 15.0)),
        ("c.yaml", "kind: Secret", "", ("none", None)),
    ],
)
def test_means_of_renewal(name, text, service, found, tmp_path):
    fact = renewal(tmp_path, name, text, service)
    assert (fact.means, fact.renew_before_days) == found
    assert CHECK.shows(fact)["renewal"] == ("FAIL" if found[0] == "none" else "PASS")


def test_a_file_that_is_not_understood_is_not_a_verdict(tmp_path):
    with pytest.raises(NotSeen, match="no systemd timer"):
        renewal(tmp_path, "notes.txt", "we do it by hand")


def test_acme_in_nginx(tmp_path):
    file = tmp_path / "nginx.conf"
    file.write_text("http { server { acme_certificate le; } }")
    here = visit("http://127.0.0.1:1", proxy=Proxy(nginx=file))
    assert certificate_renewal.gather(here).means == "acme_in_nginx"
    file.write_text("http { }")
    with pytest.raises(NotSeen) as caught:
        certificate_renewal.gather(visit("http://127.0.0.1:1", proxy=Proxy(nginx=file)))
    assert caught.value.cause == "not_configured"


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("probe_ssl_earliest_cert_expiry - time() < 86400 * 7", 7.0),
        ('probe_ssl_earliest_cert_expiry{job="x"} < time() + 604800', 7.0),
        ("(x509_cert_not_after - time()) / 3600 / 24 < 20", 20.0),
        ("certmanager_certificate_expiration_timestamp_seconds - time() < 14d", 14.0),
        ("probe_ssl_earliest_cert_expiry - time() > 604800", None),
        ("probe_ssl_earliest_cert_expiry < 604800", None),
        ("probe_ssl_earliest_cert_expiry - time() < 604800 and up == 1", None),
        ("time() - probe_ssl_earliest_cert_expiry < 604800", None),
        ("probe_ssl_earliest_cert_expiry ** 99999 - time() < 1", None),
        ("", None),
    ],
)
def test_how_many_days_ahead_a_rule_fires(expression, days):
    assert days_ahead(expression) == days


def prometheus(samples, rules):
    def answer(asked):
        if asked.path.startswith("/api/v1/rules"):
            listed = [
                {"name": "A", "query": rule, "type": "alerting", "health": "ok"} for rule in rules
            ]
            return Reply(body={"status": "success", "data": {"groups": [{"rules": listed}]}})
        result = [{"metric": {"__name__": "x"}, "value": [1.0, value]} for value in samples]
        return Reply(body={"status": "success", "data": {"result": result}})

    return answer


AHEAD = "probe_ssl_earliest_cert_expiry - time() < 86400 * {}"


@pytest.mark.parametrize(
    ("samples", "rules", "status"),
    [
        (["12.5"], [AHEAD.format(7)], "PASS"),
        (["12.5"], [AHEAD.format(6)], "WARN"),
        (["12.5"], [AHEAD.format(0)], "FAIL"),
        (["12.5"], [AHEAD.format(1), AHEAD.format(21)], "PASS"),
        (["301"], [AHEAD.format(21)], "FAIL"),
        (["NaN"], [AHEAD.format(21)], "FAIL"),
        ([], [AHEAD.format(21)], "FAIL"),
        (["1"], ["up == 0"], "FAIL"),
        (["1"], ["absent(probe_ssl_earliest_cert_expiry)"], "UNKNOWN"),
    ],
)
def test_monitoring(samples, rules, status):
    with serve(prometheus(samples, rules)) as url:
        here = visit(url, prometheus=Prometheus(url=url))
        assert CHECK.shows(expiry_monitoring.gather(here))["monitoring"] == status
