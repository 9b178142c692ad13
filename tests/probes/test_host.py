import os

import psutil
import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.host.machine import capacity, host_capacity, is_our_backend
from readiness_kit.target import Application


def machine(root, groups, limits):
    process = root / "proc" / "7"
    process.mkdir(parents=True)
    (process / "cgroup").write_text(groups)
    for name, value in limits.items():
        file = root / "sys" / "fs" / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value)
    return capacity(7, root)


def test_the_smallest_limit_on_the_way_up_counts(tmp_path):
    limits = {
        "app/api/memory.max": "max\n",
        "app/memory.max": "1073741824\n",
        "app/api/cpu.max": "150000 100000\n",
        "app/cpu.max": "max 100000\n",
    }
    found = machine(tmp_path, "0::/app/api\n", limits)
    assert (found.cpu_limit_cores, found.memory_limit_bytes) == (1.5, 2**30)


def test_version_one_of_control_groups(tmp_path):
    limits = {
        "memory/app/memory.limit_in_bytes": "536870912\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",  # none
        "cpu,cpuacct/app/cpu.cfs_quota_us": "50000\n",
        "cpu,cpuacct/app/cpu.cfs_period_us": "100000\n",
    }
    groups = "4:memory:/app\n3:cpu,cpuacct:/app\n1:name=systemd:/app\n"
    found = machine(tmp_path, groups, limits)
    assert (found.cpu_limit_cores, found.memory_limit_bytes) == (0.5, 2**29)


def test_no_limit_and_nonsense_are_no_limit(tmp_path):
    found = machine(tmp_path, "0::/\n", {"cpu.max": "-1 x\n", "memory.max": "max\n"})
    assert (found.cpu_limit_cores, found.memory_limit_bytes) == (None, None)


def test_the_services_own_process_is_measured(tmp_path):
    file = tmp_path / "api.pid"
    file.write_text(f"{os.getpid()}\n")
    fact = host_capacity.gather(
        visit("http://localhost", application=Application(process_ids=(file,)))
    )
    assert fact.cpus == psutil.cpu_count()
    assert fact.cores() <= len(os.sched_getaffinity(0))
    assert 0 < fact.usable_bytes() <= psutil.virtual_memory().total


@pytest.mark.parametrize("content", ["", "seven", "2147483647"])
def test_a_process_that_is_not_there_is_not_seen(tmp_path, content):
    file = tmp_path / "api.pid"
    file.write_text(content)
    with pytest.raises(NotSeen):
        host_capacity.gather(
            visit("http://localhost", application=Application(process_ids=(file,)))
        )


def test_without_a_process_this_may_be_any_machine():
    with pytest.raises(NotSeen) as error:
        host_capacity.gather(visit("http://localhost"))
    assert error.value.cause == "not_configured"


def test_this_test_is_no_backend():
    assert not is_our_backend(os.getpid(), 5432)
    assert not is_our_backend(2147483647, None)
