import pytest
from msgspec.structs import replace

from readiness_kit.checks.security.tls import CHECK, GOOD, GOOD_PLAIN
from readiness_kit.facts.tls.offer import Answer


def every(**changes):
    return GOOD.replace(endpoints=tuple(replace(one, **changes) for one in GOOD.endpoints))


@pytest.mark.parametrize("version", ["SSLv3", "TLSv1", "TLSv1.1"])
@pytest.mark.parametrize(
    ("outcome", "status"),
    [("refused", "PASS"), ("accepted", "FAIL"), ("unanswered", "UNKNOWN"), ("not_tls", "UNKNOWN")],
)
def test_each_old_version(version, outcome, status):
    fact = every(versions={**GOOD.endpoints[0].versions, version: Answer(outcome=outcome)})
    assert CHECK.shows(fact)["old_versions_refused"] == status


def test_a_version_that_was_not_asked_is_not_refused():
    versions = {k: v for k, v in GOOD.endpoints[0].versions.items() if k != "SSLv3"}
    assert CHECK.shows(every(versions=versions))["old_versions_refused"] == "UNKNOWN"


def test_one_bad_address_among_good_ones_decides():
    bad = replace(GOOD.endpoints[0], control="")
    assert CHECK.shows(GOOD.replace(endpoints=(*GOOD.endpoints, bad)))["suites_strong"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("suite", "status"),
    [
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "PASS"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CCM_8", "PASS"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "WARN"),
        ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "WARN"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "WARN"),
        ("TLS_PSK_WITH_AES_128_GCM_SHA256", "WARN"),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "FAIL"),
        ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", "FAIL"),
        ("TLS_ECDHE_RSA_WITH_NULL_SHA", "FAIL"),
        ("TLS_DH_anon_WITH_AES_128_GCM_SHA256", "FAIL"),
        ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", "FAIL"),
    ],
)
def test_each_kind_of_suite(suite, status):
    assert CHECK.shows(every(suites=(suite,)))["suites_strong"] == status


def test_a_list_that_was_cut_short_passes_nothing_but_fails_on_what_it_holds():
    silent = Answer(outcome="unanswered")
    assert CHECK.shows(every(suites_end=silent))["suites_strong"] == "UNKNOWN"
    cut = every(suites_end=silent, suites=("TLS_RSA_WITH_RC4_128_MD5",))
    assert CHECK.shows(cut)["suites_strong"] == "FAIL"


def test_a_silent_plain_port_is_not_seen():
    silent = replace(GOOD_PLAIN.answers[0], outcome="unanswered", status=0)
    fact = GOOD_PLAIN.replace(answers=(*GOOD_PLAIN.answers, silent))
    assert CHECK.shows(fact)["http_redirects"] == "UNKNOWN"
