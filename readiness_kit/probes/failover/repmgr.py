"""Ask repmgr through the databases themselves: its table of nodes, and whether repmgrd is at work.

Whether repmgrd fails over by itself stands in ``repmgr.conf`` alone: ``failover=automatic``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from psycopg.rows import DictRow

from readiness_kit.errors import NotSeen
from readiness_kit.facts.failover.means import FailoverManager, Member
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit

DATA = frozenset({"primary", "standby"})
"""Kinds of nodes that hold data; a witness only votes."""

_SETTING = re.compile(r"^\s*(\w+)\s*=\s*(?:'([^']*)'|([^\s#]*))", re.MULTILINE)


class _Node(msgspec.Struct, frozen=True):
    node_id: int
    node_name: str
    type: str
    active: bool
    priority: int


def repmgr(visit: Visit) -> FailoverManager:
    """Ask the primary and each declared standby, and read the declared ``repmgr.conf``.

    Raises:
        NotSeen: No server knows repmgr, or a file cannot be read.

    """
    settings = dict(map(_configured, visit.database.repmgr))
    dsns = (visit.database.dsn, *visit.database.replicas)
    states, reasons = [], []
    for params in map(parameters, dsns):
        try:
            with session(visit, params) as server:
                states.append(server.row(Sql.REPMGR))
        except NotSeen as error:
            reasons.append(error.message)
    if not states:
        raise NotSeen(
            f"no server tells of repmgr: {reasons[0]}",
            hint="GRANT USAGE ON SCHEMA repmgr, SELECT ON repmgr.nodes to the probe's role",
        )
    first = next((one for one in states if not one["in_recovery"]), states[0])
    nodes = [one for one in _nodes(first) if one.active]
    seen = {int(one["node"]): one for one in states}
    data = [one for one in nodes if one.type in DATA]
    return FailoverManager(
        observed_at=datetime.now(UTC),
        kind="repmgr",
        asked=len(data),
        answered=sum(one.node_id in seen and one.node_id in settings for one in data),
        members=tuple(_members(data, seen, settings)),
        agreed=len({_primaries(one) for one in states}) == 1 and _as_listed(states, seen, data),
        paused=any(one["paused"] for one in states),
        down="" if all(one["running"] for one in states) else "repmgrd does not run everywhere",
        voters=len(nodes),
        managed=False,
        ours=None,
    )


def _configured(file: Path) -> tuple[int, Mapping[str, str]]:
    """Return the id of the node that *file* configures, and its settings.

    Raises:
        NotSeen: It cannot be read, or names no node.

    """
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
        found = {one[1]: one[2] or one[3] or "" for one in _SETTING.finditer(text)}
        return int(found["node_id"]), found
    except (OSError, KeyError, ValueError) as error:
        raise NotSeen(
            f"database.repmgr: {file} is no repmgr.conf: {error}",
            hint="name the repmgr.conf of each server, or a copy of it",
        ) from error


def _nodes(state: DictRow) -> tuple[_Node, ...]:
    return msgspec.convert(state["nodes"], tuple[_Node, ...])


def _primaries(state: DictRow) -> frozenset[int]:
    return frozenset(one.node_id for one in _nodes(state) if one.active and one.type == "primary")


def _as_listed(
    states: Sequence[DictRow], seen: Mapping[int, DictRow], data: Sequence[_Node]
) -> bool:
    """Tell whether each server is what the table says, and none takes writes besides."""
    writers = sum(not one["in_recovery"] for one in states)
    wrong = (
        seen[one.node_id]["in_recovery"] == (one.type == "primary")
        for one in data
        if one.node_id in seen
    )
    return writers <= 1 and not any(wrong)


def _members(
    data: Sequence[_Node], seen: Mapping[int, DictRow], settings: Mapping[int, Mapping[str, str]]
) -> Iterator[Member]:
    """Yield who leads, and who may: priority 0 never does."""
    for one in data:
        if one.type == "primary" or one.priority > 0:
            yield Member(
                name=one.node_name,
                role="leader" if one.type == "primary" else "replica",
                state=_state(seen.get(one.node_id), settings.get(one.node_id)),
            )


def _state(server: DictRow | None, settings: Mapping[str, str] | None) -> str:
    if server is not None and not server["running"]:
        return "without repmgrd"
    if settings is not None and settings.get("failover", "manual") != "automatic":
        return "failover is manual"
    if settings is not None and not settings.get("promote_command"):
        return "no promote_command"
    return "running" if server is not None and settings is not None else ""
