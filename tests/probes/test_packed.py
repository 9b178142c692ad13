"""Packed files: each kind whole, cut, damaged, and with its unpacker missing."""

import bz2
import gzip
import lzma
import subprocess

import pytest

from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups import packed
from readiness_kit.probes.backups.packed import Damaged, packing_of, unpacked

CONTENT = b"".join(b"row %d\n" % number for number in range(20_000))


def by_program(*command):
    def pack(content):
        return subprocess.run(command, input=content, capture_output=True, check=True).stdout

    return pack


PACKERS = {
    "": bytes,
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": by_program("zstd", "-c"),
    "lz4": by_program("lz4", "-c"),
}
each = pytest.mark.parametrize("kind", PACKERS)


def packed_file(tmp_path, need, kind):
    if kind in packed.PROGRAMS:
        need(kind)
    path = tmp_path / "named.anything"
    path.write_bytes(PACKERS[kind](CONTENT))
    return path


def content(path):
    with unpacked(path) as stream:
        return stream.read()


@each
def test_what_was_packed_comes_back(tmp_path, need, kind):
    path = packed_file(tmp_path, need, kind)
    assert packing_of(path) == kind
    assert content(path) == CONTENT
    with unpacked(path) as stream:
        assert list(stream) == CONTENT.splitlines(keepends=True)


@pytest.mark.parametrize("kind", [kind for kind in PACKERS if kind])
def test_a_cut_file_is_damaged_and_not_short(tmp_path, need, kind):
    path = packed_file(tmp_path, need, kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Damaged) as caught:
        content(path)
    assert caught.value.message


@pytest.mark.parametrize("kind", [kind for kind in PACKERS if kind])
def test_a_flipped_bit_is_noticed(tmp_path, need, kind):
    path = packed_file(tmp_path, need, kind)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 4
    path.write_bytes(whole)
    with pytest.raises(Damaged):
        content(path)


@pytest.mark.parametrize("kind", packed.PROGRAMS)
def test_a_missing_unpacker_is_named_and_says_nothing_of_the_file(
    tmp_path, need, kind, monkeypatch
):
    path = packed_file(tmp_path, need, kind)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotSeen) as caught, unpacked(path):
        pass
    assert caught.value.hint == f"install the package {kind} where the kit runs"


@each
def test_an_unpacker_ends_where_nobody_reads_on(tmp_path, need, kind):
    with unpacked(packed_file(tmp_path, need, kind)) as stream:
        assert stream.read(5) == b"row 0"


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError), unpacked(tmp_path / "none"):
        pass


def test_an_empty_file_is_empty(tmp_path):
    (tmp_path / "empty").touch()
    assert content(tmp_path / "empty") == b""
