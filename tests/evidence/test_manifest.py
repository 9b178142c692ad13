import hashlib
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.errors import IntegrityError, RunFolderError
from readiness_kit.evidence import atomic, manifest


@pytest.fixture
def folder(tmp_path):
    run = tmp_path / "run"
    for name in ("run.json", "facts/b.json", "facts/a.json", "notebooks/00_start_here.ipynb"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(name)
    return run


def test_sealed(folder):
    digest = manifest.write(folder)
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == [
        "facts/a.json",
        "facts/b.json",
        "notebooks/00_start_here.ipynb",
        "run.json",
    ]
    found = manifest.check(folder)
    assert (
        found.sha256 == digest == hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    )
    assert found.read("facts/a.json", max_bytes=99) == b"facts/a.json"
    with pytest.raises(RunFolderError, match="sealed already"):
        manifest.write(folder)


def test_stock_sha256sum(need, folder):
    need("sha256sum")
    manifest.write(folder)
    argv = ("sha256sum", "--strict", "-c", "SHA256SUMS")
    assert subprocess.run(argv, cwd=folder, capture_output=True, check=False).returncode == 0
    (folder / "run.json").write_text("other")
    assert subprocess.run(argv, cwd=folder, capture_output=True, check=False).returncode == 1


def test_the_signoff_and_leftovers_stay_outside(folder):
    (folder / "facts" / f"{atomic.LEFTOVER}0").write_bytes(b"half")
    manifest.write(folder)
    (folder / "signoff").mkdir()
    (folder / "signoff" / "security_lead.json").write_bytes(b"{}")
    assert len(manifest.check(folder).digests) == 4


def test_what_lies_deeper_under_the_same_names_is_inside(folder):
    """A lender's manifest and signatures are evidence of the run that borrows."""
    copy = folder / "borrowed" / "a"
    (copy / "signoff").mkdir(parents=True)
    for file in (copy / "SHA256SUMS", copy / "signoff" / "security_lead.json"):
        file.write_text("x")
    manifest.write(folder)
    found = manifest.check(folder)
    assert {"borrowed/a/SHA256SUMS", "borrowed/a/signoff/security_lead.json"} < set(found.digests)
    (copy / "SHA256SUMS").write_text("y")
    with pytest.raises(IntegrityError, match="borrowed/a/SHA256SUMS has changed"):
        manifest.check(folder)


def test_of_a_part_what_is_there_must_agree(folder):
    manifest.write(folder)
    (folder / "run.json").unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        manifest.check(folder)
    assert "run.json" in manifest.check(folder, partial=True).digests
    (folder / "facts" / "a.json").write_text("x")
    with pytest.raises(IntegrityError, match="has changed"):
        manifest.check(folder, partial=True)


@pytest.mark.parametrize("name", ["../run.json", "/etc/passwd", "a/./b", "a/../b", "-x"])
def test_of_a_part_no_name_is_unsafe_either(folder, name):
    manifest.write(folder)
    file = folder / "SHA256SUMS"
    lines = [*file.read_bytes().splitlines(keepends=True), b"0" * 64 + f"  {name}\n".encode()]
    file.write_bytes(b"".join(sorted(lines, key=lambda one: one[66:])))
    with pytest.raises(IntegrityError, match="unsafe name"):
        manifest.check(folder, partial=True)


def test_caps(folder, monkeypatch):
    monkeypatch.setattr(manifest, "MAX_FILES", 3)
    with pytest.raises(IntegrityError, match="more than 3 files"):
        manifest.write(folder)
    monkeypatch.setattr(manifest, "MAX_FILES", 4)
    monkeypatch.setattr(manifest, "MAX_DEPTH", 1)
    with pytest.raises(IntegrityError, match="unsafe name"):
        manifest.write(folder)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "run.json").write_text("x"), "run.json has changed"),
        (lambda f: (f / "run.json").unlink(), "run.json is missing"),
        (lambda f: (f / "more").write_text("x"), "more is additional"),
        (lambda f: (f / "facts/.hidden").write_text("x"), "facts/.hidden is additional"),
        (lambda f: (f / "link").symlink_to("run.json"), "link is a link or a device"),
        (lambda f: (f / "deep").symlink_to("facts"), "deep is a link or a device"),
        (lambda f: (f / "signoff").symlink_to("facts"), "signoff is a link or a device"),
        (lambda f: os.mkfifo(f / "pipe"), "pipe is a link or a device"),
        (lambda f: (f / "a b").write_text("x"), "'a b' is an unsafe name"),
        (lambda f: (f / "a\nb").write_text("x"), "unsafe name"),
        (lambda f: (f / "a\\b").write_text("x"), "unsafe name"),
        (lambda f: (f / "-rf").write_text("x"), "'-rf' is an unsafe name"),
        (lambda f: (f / "$(id)").write_text("x"), "unsafe name"),
        (lambda f: (f / "ünder").write_text("x"), "unsafe name"),
        (lambda f: (f / "RUN.json").write_text("x"), "differ in case alone"),
        (lambda f: (f / "SHA256SUMS").unlink(), "SHA256SUMS is missing"),
        (lambda f: (f / "SHA256SUMS").write_bytes(b""), "is empty"),
    ],
)
def test_damage_is_named(folder, damage, words):
    manifest.write(folder)
    damage(folder)
    with pytest.raises(IntegrityError) as caught:
        manifest.check(folder)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data + data,
        lambda data: b"".join(reversed(data.splitlines(keepends=True))),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.rstrip(b"\n"),
        lambda data: data.replace(b"  ", b" *"),
        lambda data: b"\n" + data,
        lambda data: b"# note\n" + data,
        lambda data: data.upper(),
        lambda data: b"0" * 64 + b"  ../run.json\n" + data,
        lambda data: b"0" * 64 + b"  /etc/passwd\n" + data,
        lambda data: b"0" * 64 + b"  ./run.json\n" + data,
        lambda data: b"0" * 64 + b"  a//b\n" + data,
        lambda data: b"\xff" + data,
    ],
)
def test_one_form_of_manifest_only(folder, edit):
    manifest.write(folder)
    (folder / "SHA256SUMS").write_bytes(edit((folder / "SHA256SUMS").read_bytes()))
    with pytest.raises(IntegrityError):
        manifest.check(folder)


def test_a_file_that_changes_after_the_check(folder):
    manifest.write(folder)
    found = manifest.check(folder)
    (folder / "run.json").write_text("swapped")
    with pytest.raises(IntegrityError, match="changed while"):
        found.read("run.json", max_bytes=99)
    with pytest.raises(IntegrityError, match="not in the manifest"):
        found.read("signoff/x", max_bytes=99)


def test_unsafe_folders_are_not_sealed(folder):
    (folder / "link").symlink_to("run.json")
    with pytest.raises(IntegrityError):
        manifest.write(folder)
    assert not (folder / "SHA256SUMS").exists()


names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}(/[a-z0-9][a-z0-9._-]{0,8}){0,2}", fullmatch=True)


@given(st.dictionaries(names, st.binary(max_size=32).map(lambda b: b.ljust(32).hex()), min_size=1))
def test_manifests_are_read_back(digests):
    assert manifest._decode(manifest._encode(digests)) == digests
