import pytest
from msgspec.structs import replace

from readiness_kit.checks.security.encryption_in_transit import CHECK
from readiness_kit.checks.security.encryption_in_transit.cache import GOOD as GOOD_CACHE
from readiness_kit.checks.security.encryption_in_transit.database import GOOD as GOOD_DATABASE
from readiness_kit.checks.security.encryption_in_transit.rules import plain_rules
from readiness_kit.checks.security.encryption_in_transit.services import GOOD as GOOD_SERVICES
from readiness_kit.facts.database.encryption import ConnectionString, HbaRule


def rule(kind, address="0.0.0.0/0.0.0.0", method="scram-sha-256", line=9, *, databases=("all",)):
    return HbaRule(
        line=line, kind=kind, databases=databases, users=("all",), address=address, method=method
    )


def database(**changes):
    first, *rest = GOOD_DATABASE.answers
    return GOOD_DATABASE.replace(answers=(replace(first, **changes), *rest))


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (database(plaintext="accepted"), "FAIL"),
        (database(plaintext="could_not_ask"), "UNKNOWN"),
        (database(encrypted="could_not_ask"), "UNKNOWN"),
        (GOOD_DATABASE.replace(answers=()), "UNKNOWN"),
        (GOOD_DATABASE.replace(sessions_plain=("192.0.2.1",)), "FAIL"),
        (GOOD_DATABASE.replace(sessions_plain=("127.0.0.1",)), "PASS"),
        (GOOD_DATABASE.replace(sessions_encrypted=None), "UNKNOWN"),
        (GOOD_DATABASE.replace(rules=None), "PASS"),
        (GOOD_DATABASE.replace(rules=(rule("host"),)), "FAIL"),
        (GOOD_DATABASE.replace(ssl_min_protocol_version="TLSv1"), "WARN"),
        (GOOD_DATABASE.replace(password_encryption="md5"), "WARN"),
    ],
)
def test_database_refuses_plaintext(fact, status):
    assert CHECK.shows(fact)["database_plaintext_refused"] == status


@pytest.mark.parametrize(
    ("rules", "lines"),
    [
        ((rule("host", line=1),), [1]),
        ((rule("hostssl"),), []),
        ((rule("host", "127.0.0.1/255.255.255.255"),), []),
        ((rule("host", f"::1/{':'.join(['ffff'] * 8)}"),), []),
        ((rule("host", "::1/::"),), [9]),
        ((rule("host", "127.0.0.1/0.0.0.0"),), [9]),
        ((rule("host", "127.0.0.0/254.0.0.0"),), [9]),
        ((rule("hostnogssenc"),), [9]),
        ((rule("hostgssenc"),), []),
        ((rule("hostnossl", "all", "reject"), rule("host")), []),
        ((rule("hostnossl", "192.0.2.0/255.255.255.0", "reject"), rule("host", line=2)), [2]),
        ((rule("host", "samenet", line=3),), [3]),
        ((rule("hostnossl", "all", "reject"), rule("host", databases=())), [9]),
        # "all" does not hold replication (PostgreSQL manual 21.1)
        ((rule("hostnossl", "all", "reject"), rule("host", databases=("replication",))), [9]),
        (
            (
                rule("hostnossl", "all", "reject", databases=("replication", "all")),
                rule("host", databases=("replication",)),
            ),
            [],
        ),
    ],
)
def test_rules_are_read_in_order(rules, lines):
    assert [one.line for one in plain_rules(rules)] == lines


@pytest.mark.parametrize(
    ("sslmode", "verified", "status"),
    [
        ("verify-full", "accepted", "PASS"),
        ("verify-full", "refused", "FAIL"),
        ("verify-full", "could_not_ask", "UNKNOWN"),
        ("verify-ca", "accepted", "WARN"),
        ("require", "accepted", "WARN"),
        ("prefer", "accepted", "FAIL"),
        (None, "accepted", "FAIL"),
        ("disable", "could_not_ask", "FAIL"),
        ("strict", "accepted", "UNKNOWN"),
    ],
)
def test_the_application_verifies_the_server(sslmode, verified, status):
    fact = GOOD_DATABASE.replace(
        application=replace(GOOD_DATABASE.application, sslmode=sslmode),
        answers=tuple(replace(one, verified=verified) for one in GOOD_DATABASE.answers),
    )
    assert CHECK.shows(fact)["database_server_verified"] == status


def test_an_application_that_is_not_declared_is_not_verified():
    assert (
        CHECK.shows(GOOD_DATABASE.replace(application=None))["database_server_verified"]
        == "UNKNOWN"
    )


@pytest.mark.parametrize(
    ("sslmode", "local_socket", "status"),
    [
        (None, False, "FAIL"),
        ("prefer", False, "FAIL"),
        ("require", False, "WARN"),
        ("verify-full", False, "PASS"),
        (None, True, "PASS"),
    ],
)
def test_the_connection_string_the_service_is_started_with(sslmode, local_socket, status):
    given = ConnectionString(
        origin="DATABASE_URL", sslmode=sslmode, root_certificate=True, local_socket=local_socket
    )
    shown = CHECK.shows(GOOD_DATABASE.replace(given=(given,)))
    assert shown["database_server_verified"] == status


def test_an_environment_file_that_is_not_readable():
    assert CHECK.shows(GOOD_DATABASE.replace(given=None))["database_server_verified"] == "UNKNOWN"


def cache(**changes):
    return GOOD_CACHE.replace(answers=(replace(GOOD_CACHE.answers[0], **changes),))


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (cache(plaintext="pong"), "FAIL"),
        (cache(plaintext="login_required"), "FAIL"),  # it spoke plaintext, if only to refuse
        (cache(plaintext="could_not_ask"), "UNKNOWN"),
        (cache(encrypted="could_not_ask"), "UNKNOWN"),
        (cache(encrypted="refused"), "FAIL"),
        (cache(without_login="pong"), "FAIL"),
        (cache(without_login="refused"), "UNKNOWN"),
        (GOOD_CACHE.replace(plain_port=None), "UNKNOWN"),
        (GOOD_CACHE.replace(plain_port=6379, plain_port_reply="pong"), "FAIL"),
        (GOOD_CACHE.replace(plain_port=6379, plain_port_reply="refused"), "PASS"),
        (GOOD_CACHE.replace(plain_port=6379, plain_port_reply=None), "UNKNOWN"),
    ],
)
def test_cache_refuses_plaintext(fact, status):
    assert CHECK.shows(fact)["redis_plaintext_refused"] == status


@pytest.mark.parametrize(
    ("encrypted", "verified", "status"),
    [(True, True, "PASS"), (True, False, "WARN"), (False, True, "FAIL")],
)
def test_the_applications_cache_url(encrypted, verified, status):
    url = replace(GOOD_CACHE.application[0], encrypted=encrypted, verified=verified)
    assert CHECK.shows(GOOD_CACHE.replace(application=(url,)))["redis_plaintext_refused"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"same_host": False}, "FAIL"),
        ({"same_host": False, "encrypted": True}, "WARN"),
        ({"same_host": False, "encrypted": True, "verified": True}, "PASS"),
        ({"same_host": False, "known": False}, "UNKNOWN"),
    ],
)
def test_services(changes, status):
    hops = (replace(GOOD_SERVICES.hops[0], **changes),)
    assert CHECK.shows(GOOD_SERVICES.replace(hops=hops))["services"] == status


def test_a_proxy_that_passes_nothing_on_proves_nothing():
    assert CHECK.shows(GOOD_SERVICES.replace(hops=()))["services"] == "UNKNOWN"
