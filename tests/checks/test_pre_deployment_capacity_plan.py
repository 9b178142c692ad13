from datetime import timedelta

import pytest
from msgspec.structs import replace

from readiness_kit.checks.database.backup_strategy import SERVER
from readiness_kit.checks.infrastructure.storage import VOLUMES
from readiness_kit.checks.pre_deployment.capacity_plan import CHECK
from readiness_kit.checks.pre_deployment.capacity_plan.database import GROWTH
from readiness_kit.checks.pre_deployment.capacity_plan.figures import GB
from readiness_kit.checks.pre_deployment.capacity_plan.link import SIZES
from readiness_kit.checks.pre_deployment.capacity_plan.plan import PLAN
from readiness_kit.checks.pre_deployment.capacity_plan.rate import PEAK, STEPS, gives_way
from readiness_kit.facts.papers.capacity import SizeSample

DATA, BACKUPS = VOLUMES.volumes


@pytest.mark.parametrize(
    ("age_days", "status"),
    [(0, "PASS"), (90, "PASS"), (91, "WARN"), (365, "WARN"), (366, "FAIL"), (-2, "UNKNOWN")],
)
def test_age_of_the_plan(age_days, status):
    plan = PLAN.replace(made_on=PLAN.observed_at - timedelta(days=age_days))
    assert CHECK.shows(plan)["documented"] == status


@pytest.mark.parametrize(
    "changes",
    [
        {"exists": False},
        {"made_on": None},
        {"owner": ""},
        {"requests_per_second": None},
        {"database": replace(PLAN.database, projected_bytes=None)},
        {"storage": replace(PLAN.storage, backups_kept=None)},
        {"link_bits_per_s": None},
        {"problems": ("database.projected_for: 'soon' is no day",)},
    ],
)
def test_a_plan_without_one_figure_is_none(changes):
    assert CHECK.shows(PLAN.replace(**changes))["documented"] == "FAIL"


@pytest.mark.parametrize(
    ("planned", "seen", "status"),
    [
        (20, 20, "PASS"),
        (20, 20.01, "FAIL"),
        (None, 1, "UNKNOWN"),
        (0, 0, "UNKNOWN"),
        (20, float("nan"), "UNKNOWN"),
    ],
)
def test_planned_rate(planned, seen, status):
    plan, peak = PLAN.replace(requests_per_second=planned), PEAK.replace(highest_rps=seen)
    assert CHECK.shows(plan, peak)["rps"] == status


def said(name, *facts):
    given = {type(one): one for one in (*CHECK.good, *facts)}
    return next(
        finding.got
        for judge in CHECK.judges
        for finding in judge(*(given.get(need.kind) for need in judge.needs))
        if finding.claim == name
    )


def test_a_short_window_is_named():
    assert "of the last 30 days" in said("rps")
    assert "of the last only 12 minutes" in said("rps", PEAK.replace(window_s=720))


@pytest.mark.parametrize(
    ("planned", "status"), [(48, "PASS"), (48.1, "UNKNOWN"), (400, "UNKNOWN"), (None, "UNKNOWN")]
)
def test_headroom_is_no_better_than_what_was_tested(planned, status):
    assert CHECK.shows(PLAN.replace(requests_per_second=planned))["headroom"] == status


def test_a_service_that_gives_way_has_none():
    assert CHECK.shows(gives_way(STEPS))["headroom"] == "FAIL"
    late = STEPS.replace(invalid_reason="generator_late")
    assert CHECK.shows(late)["headroom"] == "UNKNOWN"


def growth(per_day, *, days=29, n=30, noise=0.0):
    """Return sizes that end at 50 GB and grow by *per_day* GB, off by *noise* GB every other day."""
    at = GROWTH.observed_at
    steps = [days * k / (n - 1) for k in range(n)]
    return GROWTH.replace(
        samples=tuple(
            SizeSample(
                at=at - timedelta(days=day),
                size_bytes=(50 - day * per_day + noise * (k % 2)) * GB,
            )
            for k, day in enumerate(steps)
        )
    )


LEFT_GB = 0.8 * 475 - 100


@pytest.mark.parametrize(
    ("per_day", "status"),
    [(LEFT_GB / 181, "WARN"), (LEFT_GB / 179, "FAIL"), (0, "WARN"), (-0.1, "WARN"), (0.1, "PASS")],
)
def test_half_a_year(per_day, status):
    assert CHECK.shows(growth(per_day))["db_size"] == status


def test_an_interval_that_straddles_decides_nothing():
    assert CHECK.shows(growth(LEFT_GB / 180, noise=20))["db_size"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("days", "n", "status"), [(7, 7, "PASS"), (6.9, 7, "UNKNOWN"), (29, 6, "UNKNOWN")]
)
def test_history_that_shows_a_slope(days, n, status):
    assert CHECK.shows(growth(0.1, days=days, n=n))["db_size"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"projected_for": None}, "WARN"),
        ({"projected_bytes": None}, "WARN"),
        ({"projected_for": GROWTH.observed_at}, "WARN"),
        ({"projected_bytes": 85 * GB}, "PASS"),
        ({"projected_bytes": 86 * GB}, "WARN"),
        ({"projected_bytes": 51 * GB}, "WARN"),
    ],
)
def test_the_plans_projection(changes, status):
    plan = PLAN.replace(database=replace(PLAN.database, **changes))
    assert CHECK.shows(plan)["db_size"] == status


def test_a_disk_that_is_full_already():
    full = replace(DATA, used_bytes=400 * GB, available_bytes=75 * GB)
    assert CHECK.shows(VOLUMES.replace(volumes=(full, BACKUPS)))["db_size"] == "FAIL"
    assert CHECK.shows(VOLUMES.replace(volumes=(BACKUPS,)))["db_size"] == "UNKNOWN"


def planned(**changes):
    return PLAN.replace(storage=replace(PLAN.storage, **changes))


ROOM = DATA.available_bytes + SERVER.database_bytes


@pytest.mark.parametrize(
    ("share", "status"), [(0.699, "PASS"), (0.701, "WARN"), (0.849, "WARN"), (0.851, "FAIL")]
)
def test_share_of_the_volume(share, status):
    assert CHECK.shows(planned(data_bytes=int(share * ROOM)))["storage"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"wal_days_kept": 45.0}, "PASS"),  # 900 GB, and 1200 GB of backups, of 3000 GB
        ({"wal_days_kept": 46.0}, "WARN"),
        ({"wal_days_kept": 70.0}, "FAIL"),
        ({"backups_kept": 70}, "FAIL"),
        ({"backups_kept": None}, "FAIL"),
        ({"data_bytes": None}, "FAIL"),
    ],
)
def test_what_is_kept_counts_as_often_as_it_is_kept(changes, status):
    assert CHECK.shows(planned(**changes))["storage"] == status


def test_a_volume_that_was_not_seen_fits_nothing():
    assert CHECK.shows(VOLUMES.replace(volumes=(DATA,)))["storage"] == "UNKNOWN"
    nothing = planned(wal_per_day_bytes=0, backup_bytes=0)
    assert CHECK.shows(VOLUMES.replace(volumes=()), nothing)["storage"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("link", "status"),
    [(6_400_000, "PASS"), (6_399_999, "WARN"), (4_000_000, "WARN"), (3_999_999, "FAIL")],
)
def test_share_of_the_link(link, status):
    quiet = SIZES.replace(highest_sent_bytes_per_s=None)
    assert CHECK.shows(PLAN.replace(link_bits_per_s=link), quiet)["bandwidth"] == status


def test_what_was_seen_counts_where_it_is_more():
    assert CHECK.shows(SIZES.replace(highest_sent_bytes_per_s=1.2e8))["bandwidth"] == "FAIL"
    assert CHECK.shows(SIZES.replace(answers={"all": 5_000_000}))["bandwidth"] == "WARN"
    assert CHECK.shows(PLAN.replace(bytes_per_answer=None))["bandwidth"] == "FAIL"
