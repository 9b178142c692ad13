"""Ask Patroni who leads, and read how the application finds the primary."""

import ipaddress
from datetime import UTC, datetime

import httpx
import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.failover_means import FailoverManager, Member, WayToPrimary
from readiness_kit.probes.names import name_kept
from readiness_kit.probes.postgres_session import parameters, servers
from readiness_kit.sources import Visit, source


class _Member(msgspec.Struct, frozen=True):
    name: str
    role: str = ""
    state: str = ""


class _Cluster(msgspec.Struct, frozen=True):
    members: tuple[_Member, ...]
    pause: bool = False


@source(effect="read", asks="1 GET /cluster of Patroni on each server", deadline_s=20)
def failover_manager(visit: Visit) -> FailoverManager:
    """Ask every declared server of Patroni for the cluster.

    Raises:
        NotSeen: None is declared, or none answers.

    """
    declared = visit.database
    if not declared.patroni:
        raise NotSeen(
            "readiness.yaml names no failover manager",
            cause="not_configured",
            hint="add database.patroni; other managers cannot be asked by this version of the kit",
        )
    found = [one for url in declared.patroni if (one := _cluster(visit, url))]
    if not found:
        raise NotSeen("no server of Patroni answered", hint="correct database.patroni")
    leaders = {frozenset(one.name for one in each.members if is_leader(one)) for each in found}
    return FailoverManager(
        observed_at=datetime.now(UTC),
        asked=len(declared.patroni),
        answered=len(found),
        members=tuple(
            Member(name=one.name, role=one.role, state=one.state) for one in found[0].members
        ),
        agreed=len(leaders) == 1,
        paused=any(one.pause for one in found),
        voters=declared.voters,
    )


def is_leader(one: _Member) -> bool:
    """Tell whether it takes writes; Patroni before 4 calls it master elsewhere."""
    return one.role in {"leader", "master", "primary"}


def _cluster(visit: Visit, url: str) -> _Cluster | None:
    try:
        with visit.client(url) as client:
            answer = client.get("/cluster").raise_for_status()
        return msgspec.json.decode(answer.content, type=_Cluster)
    except (httpx.HTTPError, msgspec.DecodeError):
        return None


@source(
    effect="read",
    asks="the application's connection string; of its only host's name, its resolver and its zone",
    deadline_s=20,
)
def way_to_primary(visit: Visit) -> WayToPrimary:
    """Read the connection string of the application, which is not dialled, and ask for its name.

    Raises:
        NotSeen: None is declared.

    """
    secret = visit.database.application_dsn
    if secret is None:
        raise NotSeen(
            "readiness.yaml has no connection string of the application",
            cause="not_configured",
            hint="add database.application_dsn",
        )
    params = parameters(secret)
    hosts = list(dict.fromkeys(servers(params)))
    literal = bool(params.get("hostaddr")) or all(_is_literal(one.host) for one in hosts)
    alone = len(hosts) == 1 and not literal and not visit.database.follows_primary
    return WayToPrimary(
        observed_at=datetime.now(UTC),
        hosts=len(hosts),
        literal=literal,
        name=name_kept(visit, hosts[0].host) if alone else None,
        target_session_attrs=params.get("target_session_attrs", ""),
        leads=visit.database.follows_primary,
    )


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host in {"localhost", ""}
    return True
