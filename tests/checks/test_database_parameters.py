import pytest

from readiness_kit.checks.database.parameters import CHECK, GIB, MIB, SERVER, SETTINGS, with_value
from readiness_kit.facts.database.server import Setting


def shown(claim, *values, version=170010, memory=8 * GIB):
    settings = SETTINGS.replace(version_num=version)
    for name, value in values:
        settings = with_value(settings, name, value)
    return CHECK.shows(settings, SERVER.replace(memory_bytes=memory))[claim]


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "autovacuum"])
def test_nothing_vital_is_off(name):
    assert shown("durability_on", (name, "off")) == "FAIL"
    assert shown("durability_on", (name, "")) == "UNKNOWN"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("on", "PASS"),
        ("remote_apply", "PASS"),
        ("local", "PASS"),
        ("off", "WARN"),
        ("?", "UNKNOWN"),
    ],
)
def test_synchronous_commit(value, status):
    assert shown("durability_on", ("synchronous_commit", value)) == status


def test_a_setting_that_waits_for_a_restart_is_a_weakness():
    waiting = SETTINGS.replace(pending_restart=("shared_buffers",))
    assert CHECK.shows(waiting)["durability_on"] == "WARN"


@pytest.mark.parametrize(
    ("most", "busy", "status"),
    [
        ("200", 157, "PASS"),  # 80 % of 200 - 3 is 157.6
        ("200", 158, "FAIL"),
        ("201", 100, "WARN"),
        ("3", 0, "FAIL"),
    ],
)
def test_connections(most, busy, status):
    settings = with_value(SETTINGS, "max_connections", most).replace(client_backends=(1, busy))
    assert CHECK.shows(settings)["max_connections"] == status


def test_reserved_connections_of_16_count():
    settings = with_value(SETTINGS, "reserved_connections", "100").replace(client_backends=(80,))
    assert CHECK.shows(settings)["max_connections"] == "FAIL"


def test_no_sample_of_connections_is_no_success():
    assert CHECK.shows(SETTINGS.replace(client_backends=()))["max_connections"] == "UNKNOWN"


def pages(size_bytes):
    return str(size_bytes // 8192)


@pytest.mark.parametrize(
    ("size", "memory", "status"),
    [
        (15 * GIB // 100 * 8, 8 * GIB, "WARN"),  # rounded down to a page below 15 %
        (8 * GIB * 16 // 100, 8 * GIB, "PASS"),
        (8 * GIB * 40 // 100, 8 * GIB, "PASS"),
        (8 * GIB * 41 // 100, 8 * GIB, "FAIL"),
        (256 * MIB, 24 * GIB, "WARN"),
        (256 * MIB - 8192, 24 * GIB, "FAIL"),
        (128 * MIB, GIB // 2, "PASS"),
        (256 * MIB, None, "UNKNOWN"),
        (256 * MIB, 0, "UNKNOWN"),
    ],
)
def test_shared_buffers(size, memory, status):
    assert shown("shared_buffers", ("shared_buffers", pages(size)), memory=memory) == status


@pytest.mark.parametrize(
    ("size", "memory", "status"),
    [
        (4 * GIB, 8 * GIB, "PASS"),
        (6 * GIB, 8 * GIB, "PASS"),
        (7 * GIB, 8 * GIB, "WARN"),
        (9 * GIB, 8 * GIB, "FAIL"),
        (GIB, 24 * GIB, "WARN"),
        (GIB - 8192, 24 * GIB, "FAIL"),
        (GIB * 9 // 10, GIB, "FAIL"),
    ],
)
def test_effective_cache_size(size, memory, status):
    row = ("effective_cache_size", pages(size))
    assert shown("effective_cache_size", row, memory=memory) == status


@pytest.mark.parametrize(
    ("size_kb", "own_kb", "memory", "status"),
    [
        (131072, -1, 8 * GIB, "PASS"),
        (131071, -1, 8 * GIB, "FAIL"),
        (131072, -1, 1536 * MIB, "PASS"),  # 3 x 128 MB are 25 %
        (131072, -1, 1535 * MIB, "WARN"),
        (131072, -1, 767 * MIB, "FAIL"),
        (1048576, 65536, 2 * GIB, "PASS"),
    ],
)
def test_maintenance_work_mem(size_kb, own_kb, memory, status):
    rows = (("maintenance_work_mem", str(size_kb)), ("autovacuum_work_mem", str(own_kb)))
    assert shown("maintenance_work_mem", *rows, memory=memory) == status


@pytest.mark.parametrize(
    ("spread", "timed", "early", "status"),
    [
        ("0.9", 5, 5, "PASS"),
        ("0.9", 5, 6, "WARN"),
        ("0.9", 0, 9, "PASS"),  # too few to judge
        ("0.89", 10, 0, "FAIL"),
        ("0.9", None, 0, "UNKNOWN"),
    ],
)
def test_checkpoints(spread, timed, early, status):
    settings = with_value(SETTINGS, "checkpoint_completion_target", spread)
    settings = settings.replace(checkpoints_timed=timed, checkpoints_requested=early)
    assert CHECK.shows(settings)["checkpoint_completion_target"] == status


@pytest.mark.parametrize(
    ("pages_", "source", "status"),
    [
        ("2048", "configuration file", "PASS"),
        ("2047", "configuration file", "FAIL"),
        ("512", "default", "PASS"),
        ("512", "override", "PASS"),
    ],
)
def test_wal_buffers(pages_, source, status):
    row = Setting(value=pages_, unit="8kB", source=source, pending_restart=False)
    settings = SETTINGS.replace(settings={**SETTINGS.settings, "wal_buffers": row})
    assert CHECK.shows(settings)["wal_buffers"] == status


@pytest.mark.parametrize(
    ("name", "value", "version", "status"),
    [
        ("default_statistics_target", "99", 170010, "FAIL"),
        ("default_statistics_target", "1000", 170010, "PASS"),
        ("default_statistics_target", "1001", 170010, "WARN"),
        ("random_page_cost", "0.9", 170010, "FAIL"),
        ("random_page_cost", "1.5", 170010, "PASS"),
        ("random_page_cost", "2", 170010, "WARN"),
        ("random_page_cost", "4", 170010, "FAIL"),
        ("random_page_cost", "nan", 170010, "UNKNOWN"),
        ("effective_io_concurrency", "100", 170010, "PASS"),
        ("effective_io_concurrency", "16", 170010, "WARN"),
        ("effective_io_concurrency", "15", 170010, "FAIL"),
        ("effective_io_concurrency", "16", 180004, "WARN"),  # no io_method seen
    ],
)
def test_planner(name, value, version, status):
    assert shown(name, (name, value), version=version) == status


@pytest.mark.parametrize(("method", "status"), [("worker", "PASS"), ("sync", "WARN")])
def test_sixteen_reads_suffice_where_they_are_asynchronous(method, status):
    row = Setting(value=method, unit=None, source="default", pending_restart=False)
    settings = with_value(SETTINGS, "effective_io_concurrency", "16").replace(version_num=180004)
    settings = settings.replace(settings={**settings.settings, "io_method": row})
    assert CHECK.shows(settings)["effective_io_concurrency"] == status
