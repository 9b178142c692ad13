import hashlib

import pytest

from readiness_kit.probes.backups.folder import _backup
from readiness_kit.probes.wal.archive import Segment, _kept_bases, follow, look

SIZE = 1024 * 1024
PER_PART = 2**32 // SIZE


def name(number, timeline=1):
    return Segment(timeline, number).name(PER_PART)


def put(folder, file, content=b"0" * SIZE):
    folder.mkdir(exist_ok=True)
    (folder / file).write_bytes(content)


def gaps(archive, base):
    found = look(archive, SIZE)
    chain = follow(found, base, max(found.segments))
    return [one for one in chain.wanted if one not in found.segments], chain.histories_missing


def test_names_are_those_of_postgres():
    assert Segment(1, 2).name(256) == "000000010000000000000002"
    assert Segment(2, 256).name(256) == "000000020000000100000000"
    assert Segment.of("000000020000000100000003", 256) == Segment(2, 259)


def test_a_chain_without_a_gap_crosses_four_gigabytes(tmp_path):
    for number in range(PER_PART - 2, PER_PART + 3):
        put(tmp_path, name(number))
    assert gaps(tmp_path, Segment(1, PER_PART - 2)) == ([], ())


@pytest.mark.parametrize("damage", ["remove", "empty", "half"])
def test_a_segment_that_is_not_whole_is_a_gap(tmp_path, damage):
    for number in range(4, 9):
        put(tmp_path, name(number))
    if damage == "remove":
        (tmp_path / name(6)).unlink()
    else:
        put(tmp_path, name(6), b"" if damage == "empty" else b"0" * (SIZE // 2))
    assert gaps(tmp_path, Segment(1, 4)) == ([Segment(1, 6)], ())


@pytest.mark.parametrize(
    "ending", [".gz", ".zst", ".lz4.gpg", f"-{hashlib.sha1(b'').hexdigest()}.gz", ".age"]
)
def test_packed_and_encrypted_names_are_understood(tmp_path, ending):
    put(tmp_path, name(4))
    put(tmp_path, name(5) + ending, b"packed")
    put(tmp_path, name(6))
    assert gaps(tmp_path, Segment(1, 4)) == ([], ())


def test_other_files_are_no_segments(tmp_path):
    put(tmp_path, name(4))
    for other in (name(5) + ".partial", name(5) + ".tmp", name(5)[:-1], "README"):
        put(tmp_path, other)
    assert look(tmp_path, SIZE).segments == {Segment(1, 4)}


def test_pgbackrest_keeps_a_folder_for_each_four_gigabytes(tmp_path):
    put(tmp_path / name(4)[:16], name(4) + "-" + "a" * 40 + ".zst", b"packed")
    assert look(tmp_path, SIZE).segments == {Segment(1, 4)}


def history(*switches):
    return "".join(f"{old}\t0/{at * SIZE:X}\tno recovery target\n" for old, at in switches).encode()


def test_the_chain_crosses_a_change_of_timeline(tmp_path):
    for number in (4, 5):
        put(tmp_path, name(number))
    for number in (5, 6):
        put(tmp_path, name(number, timeline=2))
    put(tmp_path, "00000002.history", history((1, 5)))
    assert gaps(tmp_path, Segment(1, 4)) == ([], ())
    (tmp_path / name(5, timeline=2)).unlink()
    assert gaps(tmp_path, Segment(1, 4)) == ([Segment(2, 5)], ())


def test_without_its_history_a_timeline_cannot_be_followed(tmp_path):
    put(tmp_path, name(4))
    put(tmp_path, name(5, timeline=2))
    assert gaps(tmp_path, Segment(1, 4))[1] == ("00000002.history",)


def test_base_backups_tell_where_they_begin(tmp_path):
    base = tmp_path / "base-1"
    manifest = b'{"WAL-Ranges": [{"Timeline": 1, "Start-LSN": "0/500028", "End-LSN": "0/500100"}]}'
    put(base, "backup_manifest", manifest)
    assert list(_kept_bases(tmp_path, PER_PART)) == [Segment(1, 5)]
    put(base, "backup_manifest", b"{}")
    assert list(_kept_bases(tmp_path, PER_PART)) == []


def test_an_incremental_backup_is_not_full(tmp_path):
    base = tmp_path / "base-2"
    put(base, "backup_manifest", b'{"Files": [\n{"Path": "base/5/1259"},\n]}')
    assert _backup(base, base / "ok").full
    put(base, "backup_manifest", b'{"Files": [\n{"Path": "base/5/INCREMENTAL.1259"},\n]}')
    assert not _backup(base, base / "ok").full
