import os
import subprocess

import pytest
from webserver import visit

from readiness_kit.checks.security.encryption_at_rest import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.formats import form_of, look
from readiness_kit.probes.host.disks import Mount
from readiness_kit.probes.host.layers import _layers, below
from readiness_kit.probes.storage import encryption as probe
from readiness_kit.target import Backups, Kubernetes

LUKS = "CRYPT-LUKS2-0a1b-luks-data"


def device(root, name, *, slaves=(), uuid="", queue=True, vendor="", partition_of=""):
    folder = root / "sys/devices" / partition_of / name
    folder.mkdir(parents=True)
    if partition_of:
        (folder / "partition").write_text("1")
    elif queue:
        (folder / "queue").mkdir()
    if uuid:
        (folder / "dm").mkdir()
        (folder / "dm" / "uuid").write_text(f"{uuid}\n")
        (folder / "dm" / "name").write_text(f"{name}-name\n")
    if vendor:
        (folder / "device").mkdir()
        (folder / "device" / "vendor").write_text(vendor)
    for one in slaves:
        (folder / "slaves").mkdir(exist_ok=True)
        (folder / "slaves" / one.name).symlink_to(one)
    return folder


@pytest.fixture
def root(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("flags: fpu")
    return tmp_path


def test_a_disk_is_plain(root):
    disk = device(root, "sda")
    assert _layers(disk, root) == ("plain", "disk sda")
    assert _layers(device(root, "sda1", partition_of="sda"), root).layers == "plain"


@pytest.mark.parametrize("kind", ["VERITY", "INTEGRITY"])
def test_what_only_guards_against_change_encrypts_nothing(tmp_path, kind):
    disk = device(tmp_path, "sda")
    guarded = device(tmp_path, "dm-0", slaves=[disk], uuid=f"CRYPT-{kind}-0a1b-data")
    assert _layers(guarded, tmp_path).layers != "encrypted"


def test_luks_on_a_partition_is_encrypted(root):
    device(root, "sda")
    part = device(root, "sda1", partition_of="sda")
    assert _layers(device(root, "dm-0", slaves=[part], uuid=LUKS), root).layers == "encrypted"


def test_a_volume_on_luks_is_encrypted(root):
    luks = device(root, "dm-0", slaves=[device(root, "sda")], uuid=LUKS)
    volume = device(root, "dm-1", slaves=[luks], uuid="LVM-abc")
    assert _layers(volume, root) == ("encrypted", "dm-1 on crypt layer dm-0-name")


def test_a_volume_over_two_disks_is_as_its_weaker_one(root):
    luks = device(root, "dm-0", slaves=[device(root, "sda")], uuid=LUKS)
    assert _layers(device(root, "md0", slaves=[luks, device(root, "sdb")]), root).layers == "plain"


@pytest.mark.parametrize("name", ["vda", "xvda", "nbd0"])
def test_a_disk_of_a_hypervisor_hides_what_is_below(root, name):
    assert _layers(device(root, name), root).layers == "hidden"


def test_a_virtual_disk_by_its_maker(root):
    assert _layers(device(root, "sda", vendor="QEMU"), root).layers == "hidden"


def test_luks_on_a_virtual_disk_is_encrypted(root):
    luks = device(root, "dm-0", slaves=[device(root, "vda")], uuid=LUKS)
    assert _layers(luks, root).layers == "encrypted"


def test_what_is_no_disk_is_hidden(root):
    assert _layers(device(root, "x", queue=False), root).layers == "hidden"


@pytest.mark.parametrize(
    ("filesystem", "layers"),
    [("fuse.gocryptfs", "encrypted"), ("nfs4", "hidden"), ("zfs", "hidden"), ("overlay", "hidden")],
)
def test_file_systems(tmp_path, monkeypatch, filesystem, layers):
    mount = Mount("/", filesystem, "none")
    monkeypatch.setattr("readiness_kit.probes.host.layers.mount_of", lambda _: mount)
    monkeypatch.setattr(os, "major", lambda _: 0)
    assert below(tmp_path, tmp_path).layers == layers


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"age-encryption.org/v1\n-> X25519 abc", "encrypted"),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQE", "encrypted"),
        (b"Salted__\x01\x02\x03", "encrypted"),
        (bytes([0x85, 0x01, 0x0C, 0x03]) + b"k" * 20, "encrypted"),
        (bytes([0x84, 0x5E, 0x03]) + b"k" * 20, "encrypted"),
        (bytes([0x8C, 0x0D, 0x04, 0x09]) + b"k" * 20, "encrypted"),
        (bytes([0xC1, 0xC1, 0x0C, 0x03]) + b"k" * 20, "encrypted"),
        (bytes([0xC3, 0x0D, 0x06]) + b"k" * 20, "encrypted"),
        (bytes([0x85, 0x01, 0x0C, 0x99]) + b"k" * 20, "unknown"),
        (b"PGDMP\x01\x10", "plain"),
        (b"\x1f\x8b\x08\x00", "plain"),
        (b"\x28\xb5\x2f\xfd\x04", "plain"),
        (b"--\n-- PostgreSQL database dump\n", "plain"),
        (b"SET statement_timeout = 0;", "plain"),
        (b"\x16\xd1\x07\x00", "plain"),
        (b"\x10\xd1\x05\x00", "plain"),
        (b"START WAL LOCATION: 0/2000028", "plain"),
        (b"x" * 257 + b"ustar\x0000", "plain"),
        (b'{ "PostgreSQL-Backup-Manifest-Version": 2', "plain"),
        (b"\x00\x01\x02\x03\x04\x05\x06", "unknown"),
        (b"", "unknown"),
        (b"\x85", "unknown"),
    ],
)
def test_forms(head, form):
    assert form_of(head) == form


@pytest.mark.parametrize("how", [["--symmetric", "--passphrase", "x"], ["--symmetric", "--armor", "--passphrase", "x"]])  # fmt: skip
def test_what_gpg_really_writes(tmp_path, need, how):
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    argv = [need("gpg"), "--batch", "--homedir", home, "--pinentry-mode", "loopback", *how]
    try:
        done = subprocess.run(
            [*argv, "-o", "-"], input=b"PGDMP" * 99, capture_output=True, check=True
        )
    finally:  # gpg leaves an agent running
        subprocess.run([need("gpgconf"), "--homedir", home, "--kill", "all"], check=True)
    assert form_of(done.stdout[:600]) == "encrypted"


def test_what_openssl_really_writes(need):
    argv = [need("openssl"), "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:x"]
    done = subprocess.run(argv, input=b"PGDMP" * 99, capture_output=True, check=True)
    assert form_of(done.stdout[:600]) == "encrypted"


def test_folders_are_looked_through(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "base.tar.gpg").write_bytes(b"Salted__1")
    (tmp_path / "a" / "backup_manifest").write_bytes(b"{}")
    (tmp_path / "b.ok").write_bytes(b"")
    found = look("backups", [tmp_path], frozenset({"b.ok"}))
    assert (found.encrypted, found.plain, found.unknown) == (1, 1, 0)
    assert found.plain_names == ("backup_manifest",)


@pytest.fixture
def backups(tmp_path, monkeypatch):
    def gather(heads, wal=(), layers="plain", **parts):
        folder, archive = tmp_path / "backups", tmp_path / "wal"
        for place, files in ((folder, heads), (archive, wal)):
            place.mkdir(exist_ok=True)
            for number, head in enumerate(files):
                (place / f"{number}.bin").write_bytes(head)
        seen = type("Seen", (), {"layers": layers, "detail": "x"})
        monkeypatch.setattr(probe, "below", lambda _: seen)
        declared = Backups(directory=folder, wal_archive=archive if wal else None, **parts)
        there = visit("http://x", backups=declared)
        return probe.encryption_at_rest.gather(there)

    return gather


AGE, DUMP, ODD = b"age-encryption.org/v1\n", b"PGDMP", b"\x00\x01\x02\x03\x04\x05\x06"


@pytest.mark.parametrize(
    ("heads", "wal", "layers", "status"),
    [
        ([AGE], [AGE], "plain", "PASS"),
        ([AGE], [AGE], "hidden", "PASS"),
        ([DUMP], [DUMP], "encrypted", "PASS"),
        ([AGE, DUMP], [AGE], "plain", "FAIL"),
        ([AGE], [AGE, DUMP], "plain", "FAIL"),
        ([AGE, DUMP], [AGE], "hidden", "UNKNOWN"),
        ([AGE, ODD], [AGE], "plain", "UNKNOWN"),
        ([], [AGE], "plain", "UNKNOWN"),
        ([], [AGE], "encrypted", "UNKNOWN"),
        ([AGE], [], "plain", "UNKNOWN"),
        ([AGE], [], "encrypted", "UNKNOWN"),
    ],
)
def test_backups(backups, heads, wal, layers, status):
    shown = CHECK.shows(backups(heads, wal, layers))
    assert shown["backups"] == status
    assert shown["data_volume"] == "UNKNOWN"


def test_pgbackrest_encrypts_its_whole_repository(backups):
    assert (
        CHECK.shows(backups([b"Salted__1"], [b"Salted__1"], tool="pgbackrest"))["backups"] == "PASS"
    )
    plain = backups([b"[backup:current]\n[db]", b"\x1f\x8b"], [b"Salted__1"], tool="pgbackrest")
    assert CHECK.shows(plain)["backups"] == "FAIL"


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ("{type: gp3, encrypted: 'true'}", [True]),
        ("{type: gp3, encrypted: 'false'}", [False]),
        ("{type: pd-ssd, disk-encryption-kms-key: projects/p/k}", [True]),
        ("{type: gp3}", []),
    ],
)
def test_storage_classes(tmp_path, backups, parameters, told):
    file = tmp_path / "class.yaml"
    file.write_text(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\n"
        f"metadata: {{name: fast}}\nprovisioner: x\nparameters: {parameters}\n"
    )
    there = visit("http://x", kubernetes=Kubernetes(manifests=(file,)))
    assert [one.encrypted for one in probe._classes(there)] == told


def test_nothing_declared_is_not_configured():
    with pytest.raises(NotSeen) as caught:
        probe.encryption_at_rest.gather(visit("http://x"))
    assert caught.value.cause == "not_configured"
