"""Which WAL a recovery is given, packed by whatever."""

import bz2
import gzip
import lzma
import subprocess
import threading
from pathlib import Path

import pytest
from webserver import visit

from readiness_kit.drills import archived
from readiness_kit.drills.archived import await_archived, fetch_wal
from readiness_kit.errors import NotSeen, ServerError

PAGE = b"\x16\xd1" + bytes(8000)
SINCE = "000000010000000000000002"


def by_program(program):
    def pack(content):
        return subprocess.run(
            [program, "-c"], input=content, capture_output=True, check=True
        ).stdout

    return pack


PACKERS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": by_program("zstd"),
    ".lz4": by_program("lz4"),
}
NOISE = (
    "000000010000000000000001",
    "000000010000000000000002.00000028.backup",
    "000000010000000000000004.partial",
    "000000010000000000000004.tmp",
    ".000000010000000000000004.partial",
    "README",
)
SUM = "-4fb646748471f138f77e749972452b2bf1fbce47"


class Home:
    """As much of an installation as fetching needs."""

    account = None

    def __init__(self, home: Path) -> None:
        self.home = home

    def folder(self, name: str) -> Path:
        (path := self.home / name).mkdir()
        return path


@pytest.fixture
def archive(tmp_path):
    (path := tmp_path / "archive").mkdir()
    return path


@pytest.fixture(autouse=True)
def _impatient(request, monkeypatch):
    if "way" not in request.node.name:
        monkeypatch.setattr(archived, "SETTLED_S", 0.02)


def fetch(tmp_path, archive):
    return fetch_wal(visit("http://localhost"), Home(tmp_path), archive, SINCE)


@pytest.mark.parametrize("end", PACKERS)
def test_a_segment_is_unpacked_by_what_it_is(tmp_path, archive, need, end):
    if end in (".zst", ".lz4"):
        need({".zst": "zstd", ".lz4": "lz4"}[end])
    (archive / f"{SINCE}{end}").write_bytes(PACKERS[end](PAGE))
    (archive / "000000020000000000000003.gz").write_bytes(PACKERS[end](PAGE))  # whatever it says
    found = fetch(tmp_path, archive)
    assert {one.name: one.read_bytes() for one in found.iterdir()} == {
        SINCE: PAGE,
        "000000020000000000000003": PAGE,
    }


def test_only_what_follows_is_fetched(tmp_path, archive):
    for name in (SINCE, "000000020000000000000003", *NOISE):
        (archive / name).write_bytes(PAGE)
    (archive / "00000002.history").write_text("1\t0/3000000\tno recovery target specified\n")
    assert sorted(path.name for path in fetch(tmp_path, archive).iterdir()) == [
        SINCE,
        "00000002.history",
        "000000020000000000000003",
    ]


def test_folders_and_sums_as_pgbackrest_keeps_them(tmp_path, archive):
    (folder := archive / SINCE[:16]).mkdir()
    (folder / f"{SINCE}{SUM}.gz").write_bytes(gzip.compress(PAGE))
    assert [path.name for path in fetch(tmp_path, archive).iterdir()] == [SINCE]
    assert await_archived(visit("http://localhost"), archive, SINCE, 0.05) is not None


def test_a_missing_unpacker_is_not_seen(tmp_path, archive, need, monkeypatch):
    need("zstd")
    (archive / f"{SINCE}.zst").write_bytes(PACKERS[".zst"](PAGE))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotSeen, match="packed with zstd") as caught:
        fetch(tmp_path, archive)
    assert "package zstd" in caught.value.hint


@pytest.mark.parametrize("content", [b"Salted__12345", b"", b"\x00" * 100])
def test_what_is_no_wal_is_not_taken_for_it(tmp_path, archive, content):
    (archive / f"{SINCE}.enc").write_bytes(content)
    if content:
        with pytest.raises(NotSeen, match="no WAL, or packed or encrypted"):
            fetch(tmp_path, archive)
    else:  # the server says what it thinks of it
        assert [one.stat().st_size for one in fetch(tmp_path, archive).iterdir()] == [0]


def test_a_damaged_segment_is_the_archives_fault(tmp_path, archive):
    (archive / f"{SINCE}.gz").write_bytes(gzip.compress(PAGE)[:-9])
    with pytest.raises(ServerError, match="damaged"):
        fetch(tmp_path, archive)


def test_an_archive_that_cannot_be_read_is_not_seen(tmp_path):
    with pytest.raises(NotSeen, match="cannot be read"):
        fetch(tmp_path, tmp_path / "none")


def test_a_file_on_its_way_is_waited_for(tmp_path, archive):
    """As cp and zstd -o write it: it is there before all of it is."""
    (archive / SINCE).write_bytes(PAGE[:100])

    def finish():
        for size in range(200, len(PAGE) + 1, 1300):
            (archive / SINCE).write_bytes(PAGE[:size])
        (archive / SINCE).write_bytes(PAGE)

    writer = threading.Thread(target=finish)
    writer.start()
    found = fetch(tmp_path, archive)
    writer.join()
    assert (found / SINCE).read_bytes() == PAGE


@pytest.mark.parametrize("end", ["", ".gz", ".zst", f"{SUM}.lz4"])
def test_a_segment_is_seen_when_it_is_there(archive, end):
    around = visit("http://localhost")
    (archive / f"{SINCE}.tmp").touch()
    assert await_archived(around, archive, SINCE, 0.05) is None
    (archive / f"{SINCE}{end}").touch()
    assert await_archived(around, archive, SINCE, 0.05) is not None
