"""How long a name is kept: a resolver's cache and a zone's server, both real, on loopback."""

import dns.rcode
import pytest
from nameserver import NameServer, serving
from webserver import secret, visit

from readiness_kit.checks.database.failover import CHECK
from readiness_kit.probes.failover import names
from readiness_kit.probes.failover.means import way_to_primary
from readiness_kit.probes.failover.names import in_hosts_file, name_kept
from readiness_kit.target import Database, Dns

ZONE = {
    ("shop.test.", "NS"): (3600, ["ns.shop.test."]),
    ("ns.shop.test.", "A"): (3600, ["127.0.0.1"]),
}
ALIASED = ZONE | {
    ("db.shop.test.", "CNAME"): (300, ["one.rds.test."]),
    ("rds.test.", "NS"): (3600, ["ns.shop.test."]),
    ("one.rds.test.", "A"): (5, ["192.0.2.7"]),
}


def at(ttl_s, *addresses, kind="A"):
    return ZONE | {("db.shop.test.", kind): (ttl_s, list(addresses or ["192.0.2.7"]))}


def look(monkeypatch, table, host="db.shop.test", *, cache=None, authority=None):
    """Return what is seen of *host* through a cache, with the zone's server behind it."""
    cache = cache or {}
    with (
        serving(NameServer(table, **(authority or {}))) as zone,
        serving(NameServer(table, authority=False, **cache)) as resolver,
    ):
        monkeypatch.setattr(names, "PORT", zone.port)
        asked = visit("http://localhost", dns=Dns(name_servers=(f"127.0.0.1:{resolver.port}",)))
        found = name_kept(asked, host)
    assert all(recurse for *_, recurse in resolver.asked)
    assert not any(recurse for *_, recurse in zone.asked)
    return found


def times(found):
    return [(one.name, one.kind, one.ttl_s) for one in found.links]


@pytest.mark.parametrize("claims_aa", [True, False])
def test_a_cache_counts_down_and_the_zone_does_not(monkeypatch, claims_aa):
    cache = {"left_s": 7, "claims_aa": claims_aa}
    found = look(monkeypatch, at(3600), cache=cache)
    assert (found.told_by, found.addresses) == ("authority", 1)
    assert times(found) == [("db.shop.test", "A", 3600)]


def test_each_alias_is_asked_for_at_its_own_zone(monkeypatch):
    found = look(monkeypatch, ALIASED, cache={"left_s": 2})
    assert times(found) == [("db.shop.test", "CNAME", 300), ("one.rds.test", "A", 5)]


def test_several_addresses_and_both_families_are_told(monkeypatch):
    table = at(60, *(f"192.0.2.{n}" for n in range(1, 61)))  # more than fits in one datagram
    table[("db.shop.test.", "AAAA")] = (3600, ["2001:db8::7"])
    found = look(monkeypatch, table)
    assert found.addresses == 60
    assert times(found) == [("db.shop.test", "A", 60), ("db.shop.test", "AAAA", 3600)]


@pytest.mark.parametrize(
    "authority", [{"rcode": dns.rcode.REFUSED}, {"authority": False}, {"table": ZONE}]
)
def test_where_the_zone_does_not_say_the_caches_word_is_called_that(monkeypatch, authority):
    given = {"table": at(3600)} | authority
    table = given.pop("table")
    with (
        serving(NameServer(table, **given)) as zone,
        serving(NameServer(at(3600), authority=False, left_s=40)) as resolver,
    ):
        monkeypatch.setattr(names, "PORT", zone.port)
        servers = (f"127.0.0.1:{resolver.port}",)
        found = name_kept(visit("http://localhost", dns=Dns(name_servers=servers)), "db.shop.test")
    assert (found.told_by, times(found)) == ("cache", [("db.shop.test", "A", 40)])
    assert found.why


@pytest.mark.parametrize(
    ("host", "cache"),
    [
        ("gone.shop.test", {}),
        ("ns.shop.test", {"rcode": dns.rcode.SERVFAIL}),
        ("a" * 64, {}),
        ("ü..x", {}),
    ],
)
def test_what_could_not_be_asked_says_why(monkeypatch, host, cache):
    found = look(monkeypatch, at(60), host, cache=cache)
    assert (found.told_by, found.links) == ("nobody", ())
    assert found.why


def test_a_search_domain_completes_a_short_name(monkeypatch, tmp_path):
    real = names.dns.resolver.Resolver

    def searching(**options):
        made = real(**options)
        made.search = [names.dns.name.from_text("shop.test")]
        return made

    monkeypatch.setattr(names.dns.resolver, "Resolver", searching)
    assert times(look(monkeypatch, at(30), "db")) == [("db.shop.test", "A", 30)]


def test_a_name_in_the_file_of_hosts_has_no_time(monkeypatch, tmp_path):
    (tmp_path / "hosts").write_text("# x db\n192.0.2.7\tDB.shop.test db # primary\n")
    monkeypatch.setattr(names, "HOSTS", tmp_path / "hosts")
    assert in_hosts_file("db.SHOP.test.")
    assert not in_hosts_file("x")
    found = look(monkeypatch, at(30))
    assert (found.told_by, found.links) == ("hosts_file", ())
    monkeypatch.setattr(names, "HOSTS", tmp_path / "none")
    assert not in_hosts_file("db.shop.test")


@pytest.mark.parametrize(
    ("table", "dsn", "status"),
    [
        (at(60), "host=db.shop.test", "PASS"),
        (at(61), "host=db.shop.test", "WARN"),
        (at(301), "host=db.shop.test", "FAIL"),
        (ALIASED, "host=db.shop.test", "PASS"),
        (at(60), "host=db.shop.test hostaddr=192.0.2.7", "FAIL"),
        (at(60, "192.0.2.7", "192.0.2.8"), "host=db.shop.test", "UNKNOWN"),
        (at(60), "host=gone.shop.test", "UNKNOWN"),
        (at(3600), "host=db.shop.test,b target_session_attrs=read-write", "PASS"),
    ],
)
def test_the_only_hosts_name_is_judged_by_its_time(monkeypatch, tmp_path, table, dsn, status):
    with (
        serving(NameServer(table)) as zone,
        serving(NameServer(table, authority=False, left_s=3)) as resolver,
    ):
        monkeypatch.setattr(names, "PORT", zone.port)
        database = Database(
            dsn=secret(tmp_path, "dsn", "host=x"), application_dsn=secret(tmp_path, "app", dsn)
        )
        servers = Dns(name_servers=(f"127.0.0.1:{resolver.port}",))
        fact = way_to_primary.gather(visit("http://localhost", database=database, dns=servers))
    assert CHECK.shows(fact)["dsn"] == status
