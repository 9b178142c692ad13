"""Who fails over by itself, and how the application finds the new primary."""

from typing import Literal

from readiness_kit.facts import Fact, Record
from readiness_kit.facts.names import NameKept


class Member(Record, frozen=True, kw_only=True):
    """One server as Patroni lists it."""

    name: str
    """Its name."""

    role: str
    """``leader``, ``replica``, ``sync_standby`` …"""

    state: str
    """``running``, ``streaming`` …"""


class FailoverManager(Fact, frozen=True, kw_only=True):
    """The cluster as the API of each of its servers shows it."""

    asked: int
    """Servers that were asked."""

    answered: int
    """Servers that answered."""

    members: tuple[Member, ...]
    """Members, by the first answer."""

    agreed: bool
    """Whether all answers name the same leaders."""

    paused: bool
    """Whether failing over is switched off for maintenance."""

    voters: int | None
    """Members that vote on the primary, as declared; ``None`` when not declared."""


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
