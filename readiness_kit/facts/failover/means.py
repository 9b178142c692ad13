"""Who fails over by itself, and how the application finds the new primary."""

from typing import Literal

from readiness_kit.facts import Fact, Record
from readiness_kit.facts.failover.names import NameKept

Manager = Literal["patroni", "repmgr", "pg_auto_failover", "cloudnative_pg", "rds"]


class Member(Record, frozen=True, kw_only=True):
    """One server that leads or may lead, as the manager lists it."""

    name: str
    """Its name."""

    role: str
    """``leader``, ``replica``, ``sync_standby`` …"""

    state: str
    """``running`` and ``streaming`` are well; empty when it was not asked."""


class FailoverManager(Fact, frozen=True, kw_only=True):
    """The cluster as its manager shows it."""

    kind: Manager
    """Which manager."""

    asked: int
    """Places that were to be asked."""

    answered: int
    """Those that answered."""

    members: tuple[Member, ...]
    """Members that lead or may lead, by the first answer."""

    agreed: bool
    """Whether all answers name the same leaders, and those that lead."""

    paused: bool
    """Whether failing over is switched off for maintenance."""

    down: str
    """Why the manager is not at work, or not ready to; empty when nothing speaks against it."""

    voters: int | None
    """Members that vote on the primary, as declared or seen; ``None`` when not known."""

    managed: bool
    """Whether a provider runs the manager, voters and all."""

    ours: bool | None
    """Whether a connection string leads to it; ``None`` where that is not looked at."""


class WayToPrimary(Fact, frozen=True, kw_only=True):
    """How the application's connection string leads to whichever server takes writes."""

    hosts: int
    """Hosts that it names; 0 when it names none."""

    literal: bool
    """Whether the only host is an address or this machine, and not a name that could change."""

    name: NameKept | None
    """The only host, where it is a name that nothing else leads to the primary."""

    target_session_attrs: str
    """``target_session_attrs`` as written; empty when it is not."""

    leads: Literal["", "service", "pooler", "virtual_address"]
    """What leads to the primary otherwise, as declared."""
