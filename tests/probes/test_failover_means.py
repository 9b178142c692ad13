import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.failover import names
from readiness_kit.probes.failover.means import failover_manager, way_to_primary
from readiness_kit.target import Database

CLUSTER = {
    "members": [
        {"name": "db-1", "role": "leader", "state": "running", "timeline": 3},
        {"name": "db-2", "role": "replica", "state": "streaming", "lag": 0},
    ],
    "scope": "shop",
}


def ask(tmp_path, *urls, **options):
    database = Database(dsn=secret(tmp_path, "dsn", "host=localhost"), patroni=urls, **options)
    return failover_manager.gather(visit("http://localhost:1", database=database))


def test_every_server_of_patroni_is_asked(tmp_path):
    asked = []

    def answer(request):
        asked.append((request.path, request.token))
        return Reply(body=CLUSTER)

    with serve(answer) as one, serve(answer) as two:
        fact = ask(tmp_path, one, two, voters=3)
    assert asked == [("/cluster", "")] * 2
    assert [one.role for one in fact.members] == ["leader", "replica"]
    assert (fact.asked, fact.answered, fact.agreed, fact.voters) == (2, 2, True, 3)
    assert not fact.paused


def test_servers_that_disagree_and_a_pause_are_told(tmp_path):
    other = CLUSTER | {"members": CLUSTER["members"][1:], "pause": True}
    with serve(lambda _: Reply(body=CLUSTER)) as one, serve(lambda _: Reply(body=other)) as two:
        fact = ask(tmp_path, one, two)
    assert (fact.agreed, fact.paused) == (False, True)


@pytest.mark.parametrize(
    ("tags", "kept"), [({"nofailover": True}, 1), ({"nofailover": False}, 2), ({}, 2)]
)
def test_who_may_never_lead_is_no_member(tmp_path, tags, kept):
    leader, replica = CLUSTER["members"]
    body = CLUSTER | {"members": [leader, replica | {"tags": tags}]}
    with serve(lambda _: Reply(body=body)) as one:
        assert len(ask(tmp_path, one).members) == kept


def test_a_server_that_does_not_answer_is_counted(tmp_path, free_port):
    with serve(lambda _: Reply(body=CLUSTER)) as one:
        fact = ask(tmp_path, one, f"http://127.0.0.1:{free_port}")
    assert (fact.asked, fact.answered) == (2, 1)


@pytest.mark.parametrize("reply", [Reply(503, CLUSTER), Reply(body="no"), Reply(body=[])])
def test_nobody_who_makes_sense_is_not_seen(tmp_path, reply):
    with serve(lambda _: reply) as one, pytest.raises(NotSeen):
        ask(tmp_path, one)


def test_no_manager_declared(tmp_path):
    with pytest.raises(NotSeen) as caught:
        ask(tmp_path)
    assert caught.value.cause == "not_configured"


@pytest.fixture
def hosts_file(tmp_path, monkeypatch):
    """A file that names the host ``a``, lest a name server be asked."""
    monkeypatch.setattr(names, "HOSTS", tmp_path / "hosts")
    (tmp_path / "hosts").write_text("192.0.2.7 a\n")


@pytest.mark.usefixtures("hosts_file")
@pytest.mark.parametrize(
    ("dsn", "hosts", "literal", "attrs"),
    [
        ("host=a,b target_session_attrs=read-write", 2, False, "read-write"),
        ("host=a,a", 1, False, ""),
        ("host=10.0.0.1", 1, True, ""),
        ("host=/run/postgresql", 0, True, ""),
        ("postgresql://[::1]:5433/shop", 1, True, ""),
    ],
)
def test_the_way_of_the_application(tmp_path, dsn, hosts, literal, attrs):
    database = Database(
        dsn=secret(tmp_path, "dsn", "host=x"), application_dsn=secret(tmp_path, "app", dsn)
    )
    fact = way_to_primary.gather(visit("http://localhost", database=database))
    assert (fact.hosts, fact.literal, fact.target_session_attrs) == (hosts, literal, attrs)
