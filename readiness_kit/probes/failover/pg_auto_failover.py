"""Ask the monitor of pg_auto_failover, a PostgreSQL of its own, how each node is."""

from datetime import UTC, datetime

from psycopg.rows import DictRow

from readiness_kit.errors import NotSeen
from readiness_kit.facts.failover.means import FailoverManager, Member
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit

LEADING = frozenset({"single", "primary", "wait_primary", "join_primary", "apply_settings"})
"""States of a node that takes writes (pg_auto_failover: Failover State Machine)."""

WELL = frozenset({"primary", "secondary"})

MONITORS = 1
"""The monitor decides alone."""

REPORTED_S = 60.0
"""The keeper of each node reports every second, and carries out what is decided (default)."""


def pg_auto_failover(visit: Visit) -> FailoverManager:
    """Ask the declared monitor.

    Raises:
        NotSeen: It is not declared, does not answer, or watches nothing.

    """
    monitor = visit.database.pg_auto_failover
    if monitor is None:
        raise NotSeen("readiness.yaml names no monitor", cause="not_configured")
    with session(visit, parameters(monitor)) as server:
        rows = server.rows(Sql.AUTO_FAILOVER)
    if not rows:
        raise NotSeen("the monitor of pg_auto_failover watches no node")
    groups = {(row["formation"], row["group_id"]) for row in rows}
    if len(groups) > 1:
        raise NotSeen(
            f"the monitor of pg_auto_failover watches {len(groups)} groups of nodes",
            hint="which of them is this database's cannot be told: see pg_autoctl show state",
        )
    return FailoverManager(
        observed_at=datetime.now(UTC),
        kind="pg_auto_failover",
        asked=1,
        answered=1,
        members=tuple(
            Member(name=row["name"], role=_role(row), state=_state(row))
            for row in rows
            if _role(row) == "leader" or row["priority"] > 0
        ),
        agreed=True,
        paused=any("maintenance" in row["assigned"] for row in rows),
        down="",
        voters=MONITORS,
        managed=False,
        ours=None,
    )


def _role(row: DictRow) -> str:
    return "leader" if row["current"] in LEADING else "replica"


def _state(row: DictRow) -> str:
    if not row["report_age_s"] <= REPORTED_S:
        return "its keeper is silent"
    if row["health"] != 1:
        return "not healthy"
    if row["current"] != row["assigned"]:
        return f"{row['current']}, to be {row['assigned']}"
    return "running" if row["current"] in WELL else str(row["current"])
