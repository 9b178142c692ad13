"""PostgreSQL's probes against liars; tests/live/test_database_probes.py has the real server."""

import itertools
import struct
import time

import psycopg
import pytest
from tlsserver import listen, say
from webserver import secret, visit

from readiness_kit.checks.security.encryption_in_transit import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.database.encryption import _first_message, database_encryption
from readiness_kit.probes.database.server import postgres_server, releases
from readiness_kit.probes.database.session import parameters, servers, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.wal.archiver import _beyond, _in_archive
from readiness_kit.target import Database

SECRET = "s3cret-word"


def target(folder, dsn, **options):
    return visit("http://localhost", database=Database(dsn=secret(folder, "dsn", dsn)), **options)


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def error(state):
    return message(b"E", b"SFATAL\0C" + state + b"\0Mno\0\0")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (message(b"R", struct.pack("!i", 0)), "accepted"),
        (message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"), "accepted"),
        (error(b"28000"), "refused"),
        (error(b"08P01"), "refused"),
        (error(b"53300"), "could_not_ask"),  # too many connections say nothing of encryption
        (error(b"57P03"), "could_not_ask"),
        (b"", "could_not_ask"),
        (b"E", "could_not_ask"),
        (b"HTTP/1.1 400 Bad Request", "could_not_ask"),
        (bytes(500), "could_not_ask"),
    ],
)
def test_the_first_message_tells_refused_from_could_not_ask(data, answer):
    assert _first_message(data).answer == answer


def drip(wire):
    wire.recv(100)
    while True:
        wire.sendall(b"S")
        time.sleep(0.2)


def silent(wire):
    wire.recv(100)
    wire.recv(100)


def hangs_after_login(wire):
    """Let anybody in, then answer nothing."""
    wire.recv(1000)
    wire.sendall(message(b"R", struct.pack("!i", 0)) + message(b"Z", b"I"))
    while wire.recv(1000):
        pass


@pytest.mark.parametrize(
    "talk", [say(b"N"), say(b"\0" * 9999), say(b"HTTP/1.1 400\r\n\r\n"), silent, drip]
)
def test_liars_are_not_seen_and_hold_nobody(tmp_path, talk):
    began = time.monotonic()
    with listen(talk) as port:
        dsn = f"postgresql://a:{SECRET}@127.0.0.1:{port}/d?sslmode=require"
        with pytest.raises(NotSeen) as error:
            postgres_server.gather(target(tmp_path, dsn, deadline_s=3))
    assert time.monotonic() - began < 8
    assert SECRET not in str(error.value)


def test_a_server_that_stops_talking_is_cut_at_the_deadline(tmp_path):
    began = time.monotonic()
    with listen(hangs_after_login) as port:
        dsn = f"postgresql://a@127.0.0.1:{port}/d?sslmode=disable"
        with pytest.raises(NotSeen):
            postgres_server.gather(target(tmp_path, dsn, deadline_s=2))
    assert time.monotonic() - began < 4


def test_nothing_there_does_not_look_secure(tmp_path, free_port):
    with pytest.raises(NotSeen):
        database_encryption.gather(target(tmp_path, f"postgresql://a@127.0.0.1:{free_port}/d"))
    assert "UNKNOWN" in CHECK.shows(CHECK.good[0].replace(answers=())).values()


@pytest.mark.parametrize("dsn", ["postgresql://a@/d", "host=/run/postgresql dbname=d"])
def test_a_socket_has_no_wire(tmp_path, dsn):
    with pytest.raises(NotSeen):
        database_encryption.gather(target(tmp_path, dsn))


def test_a_string_that_is_no_dsn_is_not_quoted(tmp_path):
    with pytest.raises(NotSeen) as error:
        postgres_server.gather(target(tmp_path, f"{SECRET} = = nonsense"))
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://h/d", [("h", 5432)]),
        ("postgresql://a:1,b:2/d", [("a", 1), ("b", 2)]),
        ("host=a,b port=7", [("a", 7), ("b", 7)]),
        ("hostaddr=192.0.2.1", [("192.0.2.1", 5432)]),
        ("host=/run port=1", []),
    ],
)
def test_hosts_of_a_connection_string(tmp_path, dsn, expected):
    found = servers(parameters(secret(tmp_path, "dsn", dsn)))
    assert [tuple(one) for one in found] == expected


def test_no_statement_changes_anything():
    words = {word for one in Sql for word in one.text.upper().split()}
    assert not words & {"INSERT", "UPDATE", "DELETE", "ALTER", "CREATE", "DROP", "SET", "CALL"}
    assert all(one.text.split()[0].upper() in {"SELECT", "WITH"} for one in Sql)


def test_the_table_of_releases_is_in_order():
    rows = list(releases().values())
    assert [one.major for one in rows] == sorted(one.major for one in rows)
    assert all(a.end_of_life < b.end_of_life for a, b in itertools.pairwise(rows))
    assert {one.major for one in rows} >= {13, 14, 15, 16, 17, 18}


SEGMENT = 16 * 1024**2


@pytest.mark.parametrize(
    ("name", "position", "expected"),
    [
        ("000000010000000000000002", 3 * SEGMENT, 0),
        ("000000010000000000000002", 3 * SEGMENT + 40, 40),
        ("000000010000000100000000", (256 + 1) * SEGMENT + 7, 7),
        ("000000010000000000000002.00000028.backup", 3 * SEGMENT + 5, 5),
        ("00000002.history", SEGMENT, None),
        (None, SEGMENT, None),
        ("000000010000000000000002", None, None),
    ],
)
def test_wal_beyond_the_archive(name, position, expected):
    assert _beyond(name, position, SEGMENT) == expected


def test_a_segment_is_found_in_the_archive(tmp_path):
    name = "000000010000000000000002"
    (tmp_path / f"{name}.00000028.backup").write_text("label")
    (tmp_path / f"{name}.partial").write_text("x")
    assert not _in_archive(tmp_path, name)
    (tmp_path / name).write_text("")
    assert not _in_archive(tmp_path, name)
    (tmp_path / f"{name}.gz").write_text("x")
    assert _in_archive(tmp_path, name)
    folder = tmp_path / "0000000100000000"
    folder.mkdir()
    (folder / f"000000010000000000000003-{'a' * 40}.zst").write_text("x")
    assert _in_archive(tmp_path, "000000010000000000000003")
    with pytest.raises(NotSeen):
        _in_archive(tmp_path / "none", name)


class LateConnection:
    closed = False

    def close(self):
        self.closed = True


def test_a_connection_that_comes_too_late_is_closed(tmp_path, monkeypatch):
    asked, late = target(tmp_path, "postgresql://127.0.0.1/shop"), LateConnection()

    def connect(*_, **__):
        asked.give_up()
        return late

    monkeypatch.setattr(psycopg, "connect", connect)
    with pytest.raises(NotSeen), session(asked, parameters(asked.database.dsn)):
        pass
    assert late.closed
