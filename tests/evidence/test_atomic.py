import errno
import os

import pytest

from readiness_kit.errors import IntegrityError, RunFolderError
from readiness_kit.evidence import atomic


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def test_written_whole_and_private(tmp_path):
    atomic.write(tmp_path / "a", b"old")
    atomic.write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == ["a"]


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_or_broken_disk_leaves_the_old_file(tmp_path, monkeypatch, step, number):
    atomic.write(tmp_path / "a", b"old")

    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail) if step != "replace" else patch.setattr(
            "pathlib.Path.replace", fail
        )
        with pytest.raises(RunFolderError, match="cannot be written") as caught:
            atomic.write(tmp_path / "a", b"new")
    assert "nothing half-written" in caught.value.hint
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]


def test_a_real_full_disk(tmp_path):
    """The file-size limit of the process stands for the disk: the kernel refuses in mid-write."""
    import resource
    import signal

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        with pytest.raises(RunFolderError):
            atomic.write(tmp_path / "a", b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert names_in(tmp_path) == []


def test_no_folder(tmp_path):
    with pytest.raises(RunFolderError):
        atomic.write(tmp_path / "none" / "a", b"")


def test_reading_is_bounded_and_follows_no_links(tmp_path):
    (tmp_path / "a").write_bytes(b"1234")
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    assert atomic.read(tmp_path / "a", max_bytes=4) == b"1234"
    for name, words in {
        "link": "no readable file",
        "pipe": "no regular file",
        "none": "is missing",
    }.items():
        with pytest.raises(IntegrityError, match=words):
            atomic.read(tmp_path / name, max_bytes=4)
    with pytest.raises(IntegrityError, match="longer than 3 bytes"):
        atomic.read(tmp_path / "a", max_bytes=3)
    with pytest.raises(IntegrityError, match="no regular file"):
        atomic.read(tmp_path, max_bytes=3)


def test_leftovers_are_removed(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / f"{atomic.LEFTOVER}abc").write_bytes(b"half")
    (tmp_path / "sub" / "kept").write_bytes(b"")
    atomic.remove_leftovers(tmp_path)
    assert names_in(tmp_path / "sub") == ["kept"]
