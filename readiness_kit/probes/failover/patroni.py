"""Ask Patroni, on each of its servers, for the cluster."""

from datetime import UTC, datetime

import httpx
import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.failover.means import FailoverManager, Member
from readiness_kit.sources import Visit


class _Member(msgspec.Struct, frozen=True):
    name: str
    role: str = ""
    state: str = ""
    tags: dict[str, msgspec.Raw] = {}


class _Cluster(msgspec.Struct, frozen=True):
    members: tuple[_Member, ...]
    pause: bool = False


def patroni(visit: Visit) -> FailoverManager:
    """Ask every declared server.

    Raises:
        NotSeen: None answers.

    """
    declared = visit.database.patroni
    found = [one for url in declared if (one := _cluster(visit, url))]
    if not found:
        raise NotSeen("no server of Patroni answered", hint="correct database.patroni")
    leaders = {frozenset(one.name for one in each.members if is_leader(one)) for each in found}
    return FailoverManager(
        observed_at=datetime.now(UTC),
        kind="patroni",
        asked=len(declared),
        answered=len(found),
        members=tuple(
            Member(name=one.name, role=one.role, state=one.state)
            for one in found[0].members
            if is_leader(one) or not _stays_behind(one)
        ),
        agreed=len(leaders) == 1,
        paused=any(one.pause for one in found),
        down="",
        voters=visit.database.voters,
        managed=False,
        ours=None,
    )


def is_leader(one: _Member) -> bool:
    """Tell whether it takes writes; Patroni before 4 calls it master elsewhere."""
    return one.role in {"leader", "master", "primary"}


def _stays_behind(one: _Member) -> bool:
    """Tell whether the tag ``nofailover`` keeps it from ever leading."""
    tag = one.tags.get("nofailover")
    return tag is not None and bytes(tag) not in {b"false", b"null"}


def _cluster(visit: Visit, url: str) -> _Cluster | None:
    try:
        with visit.client(url) as client:
            answer = client.get("/cluster").raise_for_status()
        return msgspec.json.decode(answer.content, type=_Cluster)
    except (httpx.HTTPError, msgspec.DecodeError):
        return None
