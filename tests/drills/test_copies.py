"""Which WAL a recovery is given, and how it takes it."""

import gzip
import shlex
import subprocess
from pathlib import Path

import pytest
from webserver import visit

from readiness_kit.drills.copies import (
    await_archived,
    fetch_wal,
    first_segment,
    restore_command,
)
from readiness_kit.errors import NotSeen

SEGMENTS = (
    "000000010000000000000001",
    "000000010000000000000002",
    "000000010000000000000003.gz",
    "000000020000000000000003",
    "00000002.history",
)
NOISE = (
    "000000010000000000000002.00000028.backup",
    "000000010000000000000004.partial",
    ".000000010000000000000004.partial",
    "000000010000000000000005.zst",
    "README",
)


class Home:
    """As much of an installation as fetching needs."""

    account = None

    def __init__(self, home: Path) -> None:
        self.home = home

    def folder(self, name: str) -> Path:
        (path := self.home / name).mkdir()
        return path


def test_only_what_follows_is_fetched_and_unpacked(tmp_path):
    (archive := tmp_path / "archive").mkdir()
    for name in (*SEGMENTS, *NOISE):
        content = name.encode()
        (archive / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    found = fetch_wal(
        visit("http://localhost"), Home(tmp_path), archive, "000000010000000000000002"
    )
    assert sorted(path.name for path in found.iterdir()) == [
        "000000010000000000000002",
        "000000010000000000000003",
        "00000002.history",
        "000000020000000000000003",
    ]
    assert (found / "000000010000000000000003").read_bytes() == b"000000010000000000000003.gz"


def test_an_archive_that_cannot_be_read_is_not_seen(tmp_path):
    (archive := tmp_path / "archive").mkdir()
    (archive / "000000010000000000000003.gz").write_bytes(b"no gzip")
    with pytest.raises(NotSeen, match="cannot be read"):
        fetch_wal(visit("http://localhost"), Home(tmp_path), archive, "0" * 24)


@pytest.mark.parametrize("name", ["wal", "a b", "a'b", '$(touch x)"', "50%f", "--help"])
def test_the_command_holds_to_its_folder(tmp_path, name):
    (folder := tmp_path / name).mkdir()
    (folder / "0001").write_text("segment")
    # what the server does with it: %% is a percent sign
    command = restore_command(folder).replace("%%", "\0").replace("%f", "0001")
    command = command.replace("%p", "taken").replace("\0", "%")
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "taken").read_text() == "segment"
    assert {path.name for path in tmp_path.iterdir()} == {name, "taken"}
    assert shlex.split(command)[0] == "cp"


def test_the_first_segment_is_in_the_label(tmp_path):
    label = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n"
    (tmp_path / "backup_label").write_text(label)
    assert first_segment(tmp_path) == "000000010000000000000002"
    (tmp_path / "backup_label").write_text("")
    with pytest.raises(NotSeen, match="names no segment"):
        first_segment(tmp_path)


def test_waiting_for_a_segment_ends(tmp_path):
    around = visit("http://localhost")
    assert await_archived(around, tmp_path, "0001", 0.05) is None
    (tmp_path / "0001.gz").touch()
    assert await_archived(around, tmp_path, "0001", 0.05) is not None
