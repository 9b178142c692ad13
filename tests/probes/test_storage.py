"""Volumes of this machine, disks of machines written down as sysfs shows them, and a stopwatch."""

import os
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.facts.storage.volumes import Disk
from readiness_kit.probes.host.disks import Mount, disks, mount_of
from readiness_kit.probes.storage.remote import volume_of
from readiness_kit.probes.storage.sync_speed import _measure, methods, sync_speed
from readiness_kit.probes.storage.volumes import service_volumes
from readiness_kit.target import Backups, Database, Logs, Prometheus

EXT4 = Mount("/", "ext4", "/dev/sda1")


def machine(root, *, devices, numbers, cpuinfo="flags: fpu vme"):
    """Write what sysfs says: *devices* by folder below sys/devices, *numbers* of the kernel."""
    (root / "proc").mkdir()
    (root / "proc" / "cpuinfo").write_text(cpuinfo)
    for folder, files in devices.items():
        for name, text in {"": None, **files}.items():
            path = root / "sys/devices" / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.mkdir(parents=True, exist_ok=True)
            elif text.startswith("->"):
                path.symlink_to(root / "sys/devices" / text[2:])
            else:
                path.write_text(text)
    (root / "sys/dev/block").mkdir(parents=True)
    (root / "sys/class/block").mkdir(parents=True)
    for number, folder in numbers.items():
        (root / "sys/dev/block" / number).symlink_to(root / "sys/devices" / folder)
        name = folder.rpartition("/")[2]
        (root / "sys/class/block" / name).symlink_to(root / "sys/devices" / folder)
    return root


SDA = {"queue/rotational": "1\n", "device/model": "ST4000NM0035\n"}
NVME = {"queue/rotational": "0\n", "device/model": "Samsung SSD 980\n"}


def test_a_partition_is_its_disk(tmp_path):
    root = machine(
        tmp_path,
        devices={"sda": SDA, "sda/sda1": {"partition": "1\n"}},
        numbers={"8:1": "sda/sda1"},
    )
    assert disks(os.makedev(8, 1), EXT4, root) == (
        Disk(name="sda", rotational=True, virtual=False),
    )


def test_a_logical_volume_on_an_array_is_every_disk_of_it(tmp_path):
    root = machine(
        tmp_path,
        devices={
            "sda": SDA,
            "nvme0n1": NVME,
            "md0": {"slaves/sda": "->sda", "slaves/nvme0n1": "->nvme0n1"},
            "dm-0": {"slaves/md0": "->md0", "queue/rotational": "0\n"},
        },
        numbers={"253:0": "dm-0"},
    )
    found = disks(os.makedev(253, 0), EXT4, root)
    assert [(one.name, one.rotational) for one in found] == [("nvme0n1", False), ("sda", True)]


def test_every_device_of_btrfs(tmp_path):
    root = machine(
        tmp_path,
        devices={"sda": {**SDA, "dev": "8:0"}, "sdb": {**SDA, "dev": "8:16"}},
        numbers={"8:0": "sda", "8:16": "sdb"},
    )
    members = root / "sys/fs/btrfs/0a1b-2c3d/devices"
    members.mkdir(parents=True)
    for name in ("sda", "sdb"):
        (members / name).touch()
    mount = Mount("/", "btrfs", "/dev/sdb")
    assert [one.name for one in disks(os.makedev(0, 33), mount, root)] == ["sda", "sdb"]


def test_what_has_no_device_shows_no_disk(tmp_path):
    root = machine(tmp_path, devices={}, numbers={})
    assert disks(os.makedev(0, 33), Mount("/", "overlay", "overlay"), root) == ()
    assert disks(os.makedev(8, 1), EXT4, root) == ()


@pytest.mark.parametrize(
    ("name", "files", "cpuinfo"),
    [
        ("vda", {}, "flags: fpu"),
        ("sda", {"device/vendor": "QEMU    \n"}, "flags: fpu"),
        ("nvme0n1", {"device/model": "Amazon Elastic Block Store\n"}, "flags: fpu"),
        ("sda", {}, "flags: fpu hypervisor lahf_lm"),
    ],
)
def test_what_a_hypervisor_made_up(tmp_path, name, files, cpuinfo):
    root = machine(tmp_path, devices={name: files}, numbers={"8:0": name}, cpuinfo=cpuinfo)
    (found,) = disks(os.makedev(8, 0), EXT4, root)
    assert found.virtual
    assert found.rotational is None


def test_the_mount_of_a_folder_is_the_innermost(tmp_path):
    mount = mount_of(tmp_path)
    assert str(tmp_path).startswith(mount.point)
    assert mount.filesystem


def parts(folder):
    logs = folder / "logs"
    archive = folder / "archive"
    for one in (logs, archive, archive / "part"):
        one.mkdir()
    (archive / "part" / "1").write_bytes(b"x" * 1000)
    (archive / "2").write_bytes(b"x" * 500)
    backups = Backups(directory=folder, wal_archive=archive)
    return {"logs": Logs(application=(logs / "a.jsonl",)), "backups": backups}, archive


def test_a_volume_that_holds_several_things_is_one(tmp_path):
    declared, archive = parts(tmp_path)
    fact = service_volumes.gather(visit("http://localhost", **declared))
    (volume,) = fact.volumes
    assert set(volume.holds) == {"logs", "backups", "wal_archive"}
    room = os.statvfs(tmp_path)
    assert volume.size_bytes == room.f_blocks * room.f_frsize
    assert volume.shrinking_bytes_per_day is None
    assert (fact.wal_archive.size_bytes, fact.wal_archive.last_day_bytes) == (1500, None)
    long_ago = time.time() - 90_000
    os.utime(archive / "2", (long_ago, long_ago))
    fact = service_volumes.gather(visit("http://localhost", **declared))
    assert fact.wal_archive.last_day_bytes == 1000


@pytest.mark.parametrize(("values", "expected"), [([-7.5], -7.5), ([], None), ([1, 2], None)])
def test_history_counts_where_it_is_of_one_machine(tmp_path, values, expected):
    result = [
        {"metric": {"instance": f"{n}:9100"}, "value": [1, str(value)]}
        for n, value in enumerate(values)
    ]
    declared, _ = parts(tmp_path)
    with serve(lambda _: Reply(body={"data": {"resultType": "vector", "result": result}})) as url:
        fact = service_volumes.gather(
            visit("http://127.0.0.1:1", prometheus=Prometheus(url=url), **declared)
        )
    assert fact.volumes[0].shrinking_bytes_per_day == expected


def test_a_place_that_is_not_there_is_named(tmp_path):
    declared, archive = parts(tmp_path)
    gone = Backups(directory=tmp_path / "gone", wal_archive=archive)
    fact = service_volumes.gather(visit("http://localhost", **{**declared, "backups": gone}))
    assert set(fact.unseen) == {"backups"}
    dsn = secret(tmp_path, "dsn", "postgresql://a@127.0.0.1:1/d")
    with pytest.raises(NotSeen) as error:
        service_volumes.gather(visit("http://localhost", database=Database(dsn=dsn)))
    assert error.value.cause == "could_not_ask"
    with pytest.raises(NotSeen) as error:
        service_volumes.gather(visit("http://localhost"))
    assert error.value.cause == "not_configured"


def watched(answer):
    with serve(answer) as url:
        known = visit("http://127.0.0.1:1", prometheus=Prometheus(url=url))
        return volume_of(known, {"db.example.com"}, "/srv/pg/17/main", ("data",))


def vector(*values):
    result = [{"metric": {"n": str(n)}, "value": [1, str(v)]} for n, v in enumerate(values)]
    return Reply(body={"data": {"resultType": "vector", "result": result}})


def test_a_volume_of_another_machine_is_the_innermost_it_tells_of():
    figures = {"size_bytes": 1000, "avail_bytes": 300, "free_bytes": 400, "files": 9}

    def answer(asked):
        query = parse_qs(urlsplit(asked.path).query)["query"][0]
        assert r"(db\\.example\\.com)(:[0-9]+)?" in query
        if 'mountpoint="/srv/pg"' not in query:
            return vector()
        if "deriv" in query:
            return vector(25)
        name = query.removeprefix("node_filesystem_").partition("{")[0]
        return vector(figures.get(name, 7))

    volume = watched(answer)
    assert (volume.mount, volume.used_bytes, volume.available_bytes) == ("/srv/pg", 600, 300)
    assert (volume.inodes, volume.inodes_free, volume.disks) == (9, 7, ())
    assert volume.shrinking_bytes_per_day == 25


@pytest.mark.parametrize("reply", [vector(), vector(1, 2), Reply(503)])
def test_a_machine_that_is_not_watched_is_not_seen(reply):
    with pytest.raises(NotSeen):
        watched(lambda _: reply)


def test_the_end_of_a_tunnel_is_not_the_machine_behind_it():
    with pytest.raises(NotSeen, match="ends elsewhere"):
        volume_of(visit("http://127.0.0.1:1"), {"localhost", "127.0.0.1"}, "/srv", ("data",))


def test_no_scratch_place_is_not_allowed(tmp_path):
    dsn = secret(tmp_path, "dsn", "postgresql://a@127.0.0.1:1/d")
    with pytest.raises(NotSeen) as error:
        sync_speed.gather(visit("http://localhost", database=Database(dsn=dsn)))
    assert error.value.cause == "not_allowed"


SAID = """\
2 seconds per test
Compare file sync methods using one 8kB write:
(in "wal_sync_method" preference order, except fdatasync is Linux's default)
        open_datasync                     17008.473 ops/sec      59 usecs/op
        fdatasync                           125.000 ops/sec    8000 usecs/op
        fsync_writethrough                              n/a

Compare file sync methods using two 8kB writes:
        fdatasync                         17726.539 ops/sec      56 usecs/op
"""


def test_one_write_is_what_counts():
    found = {one.name: one.mean_ms for one in methods(SAID)}
    assert found == {"open_datasync": pytest.approx(0.0588, abs=1e-4), "fdatasync": 8.0}
    assert list(methods("")) == []


def program(folder, monkeypatch, script):
    """Put a pg_test_fsync on PATH that keeps the name of its file, then runs *script*."""
    (folder / "bin").mkdir()
    (folder / "scratch").mkdir()
    file = folder / "bin" / "pg_test_fsync"
    file.write_text(f'#!/bin/sh\nls "$2" > {folder}/seen\n{script}\n')
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    return folder / "scratch"


def test_the_scratch_file_is_there_and_goes(tmp_path, monkeypatch):
    scratch = program(tmp_path, monkeypatch, "echo said")
    said, same_volume = _measure(visit("http://localhost"), scratch, tmp_path)
    assert (said, same_volume) == ("said\n", True)
    assert (tmp_path / "seen").read_text().startswith(str(scratch / "readiness-kit-"))
    assert list(scratch.iterdir()) == []


def test_what_is_not_asked_for_is_not_waited_for(tmp_path, monkeypatch):
    (tmp_path / "said").write_text(SAID)
    scratch = program(tmp_path, monkeypatch, f"cat {tmp_path}/said; sleep 60")
    said, _ = _measure(visit("http://localhost", deadline_s=20.0), scratch, tmp_path)
    assert [one.name for one in methods(said)] == ["open_datasync", "fdatasync"]
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("script", ["echo no space left; exit 1", "sleep 60"])
def test_the_scratch_file_goes_whatever_happens(tmp_path, monkeypatch, script):
    scratch = program(tmp_path, monkeypatch, script)
    with pytest.raises(NotSeen):
        _measure(visit("http://localhost", deadline_s=1.0), scratch, tmp_path)
    assert list(scratch.iterdir()) == []


def test_a_scratch_folder_that_is_not_there_is_named(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, "echo said")
    with pytest.raises(NotSeen, match="no scratch file can be made"):
        _measure(visit("http://localhost"), tmp_path / "gone", tmp_path)
