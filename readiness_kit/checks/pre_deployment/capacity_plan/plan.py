"""The plan itself: every figure is there, and somebody has looked at them this quarter."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from readiness_kit.checks.pre_deployment.capacity_plan.figures import GB, NOON
from readiness_kit.facts.papers.capacity import CapacityPlan, PlannedDatabase, PlannedStorage
from readiness_kit.verdict import Case, Cause, Finding, Grade, Move, judges

FRESH_DAYS, OLDEST_DAYS = 90, 365
"""Age of a plan that is fresh, and of one that is none any more (default)."""


@judges("documented")
def documented(plan: CapacityPlan) -> Iterator[Finding]:
    """Every figure is there, and somebody has looked at them this quarter."""
    missing, made_on = plan.missing(), plan.made_on
    age_days = (plan.observed_at.date() - made_on.date()).days if made_on else 0
    dated = f"{plan.file}: of {made_on:%Y-%m-%d}" if made_on else f"{plan.file}: without date"
    parts = [dated, f"owner {plan.owner or 'nobody'}"]
    parts += [f"missing: {', '.join(missing)}"] if missing else []
    this = Case(
        claim="documented",
        got="; ".join([*parts, *plan.problems]) if plan.exists else f"{plan.file} does not exist",
        want=f"rate, sizes, storage, bandwidth, owner, and a date at most {FRESH_DAYS} days ago",
        seen=[plan.at()],
        reproduce=f"cat {plan.file}",
        grade=Grade.DOCUMENTED,
    )
    if not plan.exists or missing or plan.problems or age_days > OLDEST_DAYS:
        yield this.fails()
    elif age_days < -1:
        yield this.not_seen(Cause.UNPROVEN, "it is dated in the future")
    elif age_days > FRESH_DAYS:
        yield this.holds(f"{age_days} days old: go through the figures again")
    else:
        yield this.holds()


PLAN = CapacityPlan(
    observed_at=NOON,
    file="capacity.yaml",
    exists=True,
    problems=(),
    made_on=datetime(2026, 2, 1, tzinfo=UTC),
    owner="ops@example.com",
    requests_per_second=20.0,
    database=PlannedDatabase(
        size_bytes=50 * GB,
        projected_bytes=68 * GB,
        projected_for=datetime(2026, 9, 1, tzinfo=UTC),
    ),
    storage=PlannedStorage(
        data_bytes=100 * GB,
        wal_per_day_bytes=20 * GB,
        wal_days_kept=7.0,
        backup_bytes=40 * GB,
        backups_kept=30,
    ),
    bytes_per_answer=20_000,
    link_bits_per_s=10**9,
)


def outdated(plan: CapacityPlan) -> CapacityPlan:
    """Look again after two years."""
    return plan.replace(observed_at=plan.observed_at + timedelta(days=730))


def without_figures(plan: CapacityPlan) -> CapacityPlan:
    """Leave date and owner, and no figure."""
    return plan.replace(
        requests_per_second=None,
        database=PlannedDatabase(size_bytes=None, projected_bytes=None, projected_for=None),
        storage=PlannedStorage(
            data_bytes=None,
            wal_per_day_bytes=None,
            wal_days_kept=None,
            backup_bytes=None,
            backups_kept=None,
        ),
        bytes_per_answer=None,
        link_bits_per_s=None,
    )


WORSEN: tuple[Move, ...] = (outdated, without_figures)
