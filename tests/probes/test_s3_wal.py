import hashlib

import pytest
from buckets import Shelf, serving, settle

from readiness_kit.errors import NotSeen
from readiness_kit.probes.aws import s3
from readiness_kit.probes.database.wal_names import Segment, follow
from readiness_kit.probes.wal.bucket import holds, in_bucket

SIZE = 1024
PER_PART = 2**32 // SIZE


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


def name(number, timeline=1):
    return Segment(timeline, number).name(PER_PART)


def archive(shelf, **more):
    looking = shelf.look(wal="wal", **more)
    declared = looking.target.backups
    return in_bucket(looking, declared, declared.bucket, SIZE)


def gaps(shelf, base):
    found = archive(shelf).found
    chain = follow(found, base, max(found.segments))
    return [one for one in chain.wanted if one not in found.segments], chain.histories_missing


def fill(shelf, *numbers, ending="", timeline=1, size=SIZE, **more):
    for number in numbers:
        shelf.put(f"wal/{name(number, timeline)}{ending}", b"0" * size, **more)


def test_a_gap_is_seen(shelf):
    fill(shelf, 4, 5, 7)
    assert gaps(shelf, Segment(1, 4)) == ([Segment(1, 6)], ())
    fill(shelf, 6, size=SIZE // 2)
    assert gaps(shelf, Segment(1, 4)) == ([Segment(1, 6)], ())
    fill(shelf, 6, ending=".zst", size=9)
    assert gaps(shelf, Segment(1, 4)) == ([], ())


def test_a_folder_for_each_four_gigabytes(shelf):
    sha = hashlib.sha1(b"").hexdigest()
    shelf.put(f"wal/{name(4)[:16]}/{name(4)}-{sha}.gz", b"packed")
    shelf.put(f"wal/elsewhere/{name(5)}", b"0" * SIZE)
    assert archive(shelf).found.segments == {Segment(1, 4)}


def test_timelines_are_followed_by_the_last_history(shelf):
    fill(shelf, 4, 5)
    fill(shelf, 5, 6, timeline=2)
    assert gaps(shelf, Segment(1, 4))[1] == ("00000002.history",)
    shelf.put("wal/00000002.history", f"1\t0/{5 * SIZE:X}\tno recovery target\n".encode())
    shelf.put("wal/00000003.history", b"")
    assert gaps(shelf, Segment(1, 4)) == ([], ())


def test_a_packed_history_tells_nothing(shelf):
    fill(shelf, 5, timeline=2)
    shelf.put("wal/00000002.history.lz4", b"packed")
    with pytest.raises(NotSeen, match="packed"):
        archive(shelf)


def test_more_than_is_listed_is_not_judged(shelf, monkeypatch):
    shelf.fill({f"wal/{name(number)}": b"" for number in range(1001)})
    monkeypatch.setattr(s3, "PAGES", 1)
    with pytest.raises(NotSeen, match="1000 objects"):
        archive(shelf)


def test_frozen_segments_are_known(shelf):
    fill(shelf, 4, StorageClass="GLACIER")
    fill(shelf, 5)
    assert archive(shelf).frozen == {Segment(1, 4): "GLACIER"}


def test_a_base_backup_tells_where_it_begins(shelf):
    ranges = (
        f'"WAL-Ranges": [\n{{ "Timeline": 1, "Start-LSN": "0/{5 * SIZE:X}", "End-LSN": "0/0" }}'
    )
    shelf.put("daily/base-1/backup_manifest", f'{{"Files": [], {ranges}]}}'.encode())
    assert archive(shelf, pattern="base-*").bases == ()
    shelf.put("daily/base-1.ok", b"")
    assert archive(shelf, pattern="base-*").bases == (Segment(1, 5),)


def test_wal_g_tells_it_by_name(shelf):
    shelf.put(f"daily/base_{name(7)}/tar_partitions/part_1.tar.lz4")
    shelf.put(f"daily/base_{name(7)}_backup_stop_sentinel.json", b"{}")
    found = archive(shelf, pattern="base_*", success_marker="{name}_backup_stop_sentinel.json")
    assert found.bases == (Segment(1, 7),)
    assert found.listed_by.startswith("aws s3 ls")


def test_one_segment_is_looked_for(shelf):
    fill(shelf, 4, ending=".lz4.gpg")
    fill(shelf, 5, size=0)
    shelf.put(f"wal/{name(6)[:16]}/{name(6)}")
    looking = shelf.look(wal="wal")
    bucket = looking.target.backups.bucket
    assert [holds(looking, bucket, name(one)) for one in (4, 5, 6, 7)] == [True, False, True, False]
    looking.give_up()
    assert holds(looking, bucket, name(4)) is None
