from datetime import UTC, datetime, timedelta

import pytest
from buckets import Shelf, serving, settle

from readiness_kit.checks.security.encryption_at_rest import CHECK, GOOD
from readiness_kit.probes.storage import bucket_encryption
from readiness_kit.probes.storage.bucket_encryption import (
    Looked,
    Seen,
    counted,
    judged,
    sealed,
    spread,
)
from readiness_kit.probes.storage.encryption import encryption_at_rest

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    settle(monkeypatch)


@pytest.fixture(scope="module")
def server():
    with serving() as url:
        yield url


@pytest.fixture
def shelf(server):
    return Shelf.new(server)


def plain(shelf, key, body=b"PGDMP"):
    """Put an object there that the server does not say it encrypts."""
    shelf.put(key, body)
    shelf.stored(key).encryption = None


def look(shelf, **more):
    looking = shelf.look(**more)
    return list(sealed(looking, looking.target.backups))


def shown(places):
    files = (*(files for _, files in places), GOOD.files[1])
    stored = (*(place for place, _ in places), *GOOD.places[:2], GOOD.places[3])
    return CHECK.shows(GOOD.replace(files=files, places=stored))["backups"]


def test_what_the_store_encrypts_is_encrypted(shelf):
    for day in range(3):
        shelf.put(f"daily/{day}.dump", ServerSideEncryption="AES256")
        plain(shelf, f"daily/{day}.dump.ok", b"")
    found = look(shelf)
    ((place, files),) = found
    assert (place.layers, files.by_store, files.plain) == ("encrypted", 3, 0)
    assert "3 of 3 objects by AES256" in place.detail
    assert shown(found) == "PASS"


def test_the_key_is_named(shelf):
    shelf.put("daily/a.dump", ServerSideEncryption="aws:kms", SSEKMSKeyId=KEY)
    ((place, _),) = look(shelf)
    assert f"aws:kms with {KEY}" in place.detail


def test_one_plain_object_is_not_hidden_by_the_others(shelf):
    shelf.put("daily/a.dump", ServerSideEncryption="AES256")
    plain(shelf, "daily/b.dump")
    found = look(shelf)
    ((place, files),) = found
    assert (place.layers, files.plain_names) == ("hidden", ("b.dump",))
    assert shown(found) == "UNKNOWN"


def test_archives_that_are_encrypted_themselves_need_no_store(shelf):
    shelf.put("daily/a.dump", ServerSideEncryption="AES256")
    plain(shelf, "daily/b.dump.age", b"age-encryption.org/v1\n-> X25519")
    found = look(shelf)
    assert shown(found) == "PASS"
    plain(shelf, "daily/c.dump", b"what is this")
    assert shown(look(shelf)) == "UNKNOWN"


def test_an_empty_bucket_is_not_encrypted(shelf):
    found = look(shelf)
    assert found[0][0].layers == "hidden"
    assert shown(found) == "UNKNOWN"


def test_what_cannot_be_read_is_not_encrypted(shelf):
    shelf.put("daily/a.dump", ServerSideEncryption="AES256")
    shelf.client.delete_object(Bucket=shelf.name, Key="daily/a.dump")
    shelf.client.delete_bucket(Bucket=shelf.name)
    found = look(shelf)
    assert "no bucket" in found[0][0].detail
    assert shown(found) == "UNKNOWN"


def test_archived_wal_is_looked_at_too(shelf):
    shelf.put("daily/a.dump", ServerSideEncryption="AES256")
    plain(shelf, "wal/000000010000000000000005.gz", b"\x1f\x8b")
    looking = shelf.look(wal="wal")
    fact = encryption_at_rest.gather(looking)
    assert {one.holds: one.layers for one in fact.places} == {
        "backups": "encrypted",
        "wal_archive": "hidden",
    }
    assert CHECK.shows(fact)["backups"] == "UNKNOWN"


def test_of_many_objects_some_are_asked_about(shelf, monkeypatch):
    monkeypatch.setattr(bucket_encryption, "LOOKED_AT", 3)
    for number in range(5):
        shelf.put(f"daily/{number}.dump", ServerSideEncryption="AES256")
    found = look(shelf)
    ((place, files),) = found
    assert (place.layers, files.by_store, files.unread) == ("hidden", 3, 2)
    assert shown(found) == "UNKNOWN"


SEALED = Looked("a", "AES256", "unknown")
PLAIN = Looked("b", "", "plain")
AGED = Looked("c", "", "encrypted")
UNREAD = Looked("d", "", "unread")


@pytest.mark.parametrize(
    ("seen", "of_amazon", "layers"),
    [
        (Seen((SEALED,), 0, 0, listed=True), True, "encrypted"),
        (Seen((SEALED,), 0, 900, listed=True), True, "encrypted"),
        (Seen((SEALED,), 1, 900, listed=True), True, "hidden"),
        (Seen((SEALED,), 0, 0, listed=False), True, "hidden"),
        (Seen((SEALED, PLAIN), 0, 0, listed=True), True, "plain"),
        (Seen((SEALED, PLAIN), 0, 0, listed=True), False, "hidden"),
        (Seen((SEALED, AGED), 0, 0, listed=True), True, "plain"),
        (Seen((SEALED, UNREAD), 0, 0, listed=True), True, "hidden"),
        (Seen((), 0, 0, listed=True), True, "hidden"),
    ],
)
def test_layers(seen, of_amazon, layers):
    assert judged(seen, of_amazon=of_amazon) == layers


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        (Seen((SEALED, PLAIN), 0, 0, listed=True), "FAIL"),
        (Seen((SEALED, AGED), 0, 0, listed=True), "PASS"),
        (Seen((SEALED, UNREAD), 0, 0, listed=True), "UNKNOWN"),
        (Seen((AGED,), 0, 0, listed=False), "UNKNOWN"),
    ],
)
def test_of_amazon_what_is_plain_is_plain(seen, status):
    place = GOOD.places[2]
    stored = type(place)(
        holds="backups", path="s3://shop", layers=judged(seen, of_amazon=True), detail=""
    )
    assert shown([(stored, counted("backups", seen))]) == status


def test_the_first_and_the_last_are_asked_about():
    for count in (100, 101, 102, 1000, 50_000):
        chosen = list(spread(count, 100))
        assert (chosen[0], chosen[-1], len(set(chosen))) == (0, count - 1, 100)


def test_amazon_encrypts_since(monkeypatch, shelf):
    since = bucket_encryption.ALL_ENCRYPTED
    assert since == datetime(2023, 1, 5, tzinfo=UTC)
    monkeypatch.setattr(bucket_encryption, "LOOKED_AT", 2)
    monkeypatch.setattr(bucket_encryption.S3, "of_amazon", True)
    for number, age in enumerate((1, 2, 3)):
        shelf.put(f"daily/{number}.dump", ServerSideEncryption="AES256", age=timedelta(days=age))
    ((place, files),) = look(shelf)
    assert (place.layers, files.by_store) == ("encrypted", 3)
    for number in range(3):
        shelf.put(f"daily/{number}.dump", ServerSideEncryption="AES256", age=timedelta(days=2000))
    ((place, files),) = look(shelf)
    assert (place.layers, files.unread) == ("hidden", 1)
