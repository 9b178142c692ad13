import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.papers.capacity_plan import capacity_plan, size, speed

WHOLE = """\
date: 2026-02-01
owner: ops@example.com
requests_per_second: 12.5
database: {size: 20 MB, projected: 1.5 GB, projected_for: 2026-09-01}
storage: {data: 1 GiB, wal_per_day: 24 GB, wal_days_kept: 1, backup: 10 MB, backups_kept: 8}
bandwidth: {bytes_per_answer: 20000, link: 1 Gbit/s}
"""


def look(folder, text):
    file = folder / "capacity.yaml"
    if text is not None:
        file.write_text(text)
    return capacity_plan.gather(visit("http://localhost", capacity=file))


def test_a_whole_plan(tmp_path):
    plan = look(tmp_path, WHOLE)
    assert plan.missing() == plan.problems == ()
    assert f"{plan.made_on:%Y-%m-%d} {plan.database.projected_for:%Y-%m-%d}" == (
        "2026-02-01 2026-09-01"
    )
    assert (plan.requests_per_second, plan.database.projected_bytes) == (12.5, 1_500_000_000)
    assert (plan.storage.data_bytes, plan.storage.backups_kept) == (2**30, 8)
    assert (plan.bytes_per_answer, plan.link_bits_per_s) == (20_000, 10**9)


@pytest.mark.parametrize(
    ("old", "new", "missing", "problem"),
    [
        ("12.5", "many", "requests_per_second", "no number"),
        ("12.5", "-3", "requests_per_second", "no number"),
        ("20 MB", "20 MX", "database.size", "no size"),
        ("2026-02-01", "yesterday", "date", "date:"),
        ("backups_kept: 8", "backups_kept: 1.5", "storage.backups_kept", "whole number"),
        ("1 Gbit/s", "quick", "bandwidth.link", "no speed"),
    ],
)
def test_a_figure_that_is_none_is_missing_and_named(tmp_path, old, new, missing, problem):
    plan = look(tmp_path, WHOLE.replace(old, new))
    assert missing in plan.missing()
    assert problem in plan.problems[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (WHOLE + "dat: x\n", "unknown field `dat`"),
        (WHOLE + "owner: me\n", "stands twice"),
        (WHOLE.replace("{size", "{sise"), "unknown field `sise`"),
        ("a: &x 1\nb: *x\n", "aliases"),
        ("[1", "not valid YAML"),
        ("- 1\n", "not as a plan is built"),
        ("", "not as a plan is built"),
        ("[" * 3000, "not"),
    ],
)
def test_what_is_no_plan_has_no_figure(tmp_path, text, problem):
    plan = look(tmp_path, text)
    assert problem in plan.problems[0]
    assert len(plan.missing()) == 12


def test_a_plan_that_is_not_there(tmp_path):
    assert not look(tmp_path, None).exists
    with pytest.raises(NotSeen) as error:
        capacity_plan.gather(visit("http://localhost"))
    assert error.value.cause == "not_configured"
    with pytest.raises(NotSeen):
        capacity_plan.gather(visit("http://localhost", capacity=tmp_path))


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("5kB", 5000), ("2 TiB", 2 * 2**40), ("1.5 mb", 1_500_000)]
)
def test_sizes(text, expected):
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "1e9", "1,5 GB", "٣ GB", "nan", "1 Gbit/s"])
def test_no_sizes(text):
    with pytest.raises(ValueError, match="no size"):
        size(text)


@pytest.mark.parametrize(("text", "expected"), [("100 Mbit/s", 10**8), ("10Gbps", 10**10)])
def test_speeds(text, expected):
    assert speed(text) == expected
