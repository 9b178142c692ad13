"""Ask RDS whether a standby waits in another zone, or an Aurora replica; by reading only."""

import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.failover.means import FailoverManager, Member
from readiness_kit.probes.aws.client import Account, Aws
from readiness_kit.probes.database.session import parameters, servers
from readiness_kit.sources import Visit

WELL = frozenset({"available", "backing-up", "storage-optimization", "storage-config-upgrade"})
"""States in which RDS serves, and fails over (RDS User Guide: Viewing DB instance status)."""

MOST_MEMBERS = 16
"""A writer and 15 readers: the most that a cluster of Aurora has."""


class _Endpoint(msgspec.Struct, frozen=True, rename="pascal"):
    address: str = ""


class _Pending(msgspec.Struct, frozen=True):
    multi_az: bool | None = msgspec.field(default=None, name="MultiAZ")


class _Instance(msgspec.Struct, frozen=True, rename="pascal"):
    name: str = msgspec.field(name="DBInstanceIdentifier")
    status: str = msgspec.field(default="", name="DBInstanceStatus")
    availability_zone: str = ""
    endpoint: _Endpoint | None = None
    multi_az: bool = msgspec.field(default=False, name="MultiAZ")
    pending_modified_values: _Pending = _Pending()


class _Instances(msgspec.Struct, frozen=True):
    found: tuple[_Instance, ...] = msgspec.field(name="DBInstances")


class _Belongs(msgspec.Struct, frozen=True, rename="pascal"):
    name: str = msgspec.field(name="DBInstanceIdentifier")
    is_cluster_writer: bool = False


class _Cluster(msgspec.Struct, frozen=True, rename="pascal"):
    status: str = ""
    endpoint: str = ""
    reader_endpoint: str = ""
    custom_endpoints: tuple[str, ...] = ()
    members: tuple[_Belongs, ...] = msgspec.field(default=(), name="DBClusterMembers")


class _Clusters(msgspec.Struct, frozen=True):
    found: tuple[_Cluster, ...] = msgspec.field(name="DBClusters")


def rds(visit: Visit) -> FailoverManager:
    """Ask for the declared instance or cluster.

    Raises:
        NotSeen: It is not declared, or AWS gave no such answer.

    """
    declared = visit.database.rds
    if declared is None:
        raise NotSeen("readiness.yaml names no database of RDS", cause="not_configured")
    account = Account(declared.region, declared.endpoint_url, declared.profile, declared.ca)
    aws = Aws(visit, "rds", account)
    if declared.instance:
        one = _instance(aws, declared.instance)
        return _seen(visit, tuple(_pair(one)), {_address(one)}, "")
    found = aws.ask(
        "describe_db_clusters",
        _Clusters,
        needs="rds:DescribeDBClusters",
        DBClusterIdentifier=declared.cluster,
    ).found
    if len(found) != 1:
        raise NotSeen(f"RDS knows {len(found)} clusters {declared.cluster}")
    (group,) = found
    belong = group.members[:MOST_MEMBERS]
    writers = {one.name for one in belong if one.is_cluster_writer}
    instances = [_instance(aws, one.name) for one in belong]
    known = {group.endpoint, group.reader_endpoint, *group.custom_endpoints}
    down = "" if group.status in WELL else f"the cluster is {group.status or 'in no known state'}"
    members = tuple(_cluster_members(instances, writers))
    return _seen(visit, members, known | set(map(_address, instances)), down)


def _instance(aws: Aws, name: str) -> _Instance:
    found = aws.ask(
        "describe_db_instances",
        _Instances,
        needs="rds:DescribeDBInstances",
        DBInstanceIdentifier=name,
    ).found
    if len(found) != 1:
        raise NotSeen(f"RDS knows {len(found)} instances {name}")
    return found[0]


def _seen(
    visit: Visit, members: tuple[Member, ...], addresses: set[str], down: str
) -> FailoverManager:
    return FailoverManager(
        observed_at=datetime.now(UTC),
        kind="rds",
        asked=1,
        answered=1,
        members=members,
        agreed=True,
        paused=False,
        down=down,
        voters=None,
        managed=True,
        ours=_leads_there(visit, addresses - {""}),
    )


def _pair(one: _Instance) -> Iterator[Member]:
    """Yield the instance, and the standby that RDS keeps for it but does not list."""
    name, state = one.name, _state(one)
    yield Member(name=name, role="leader", state=state)
    if one.multi_az:
        leaves = one.pending_modified_values.multi_az is False
        standby = "to be removed" if leaves else state
        yield Member(name=f"{name}, standby", role="replica", state=standby)


def _cluster_members(instances: list[_Instance], writers: set[str]) -> Iterator[Member]:
    """Yield the members; a reader in the writer's own zone would be lost with it."""
    zones = {one.availability_zone for one in instances if one.name in writers}
    for one in instances:
        leads = one.name in writers
        apart = leads or one.availability_zone not in zones
        if leads or apart or not _elsewhere(instances, zones):
            yield Member(
                name=one.name,
                role="leader" if leads else "replica",
                state=_state(one) if apart else f"in the writer's zone {one.availability_zone}",
            )


def _elsewhere(instances: list[_Instance], zones: set[str]) -> bool:
    return any(one.availability_zone not in zones for one in instances)


def _state(one: _Instance) -> str:
    return "running" if one.status in WELL else one.status or "not known"


def _address(one: _Instance) -> str:
    return one.endpoint.address if one.endpoint else ""


def _leads_there(visit: Visit, addresses: set[str]) -> bool:
    """Tell whether a connection string names one of *addresses*, or a name for the same place."""
    dsns = (visit.database.dsn, visit.database.application_dsn)
    named = {one.host.lower() for dsn in dsns if dsn for one in servers(parameters(dsn))}
    if named & {one.lower() for one in addresses}:
        return True
    ips = {ip for one in addresses for ip in _resolved(one)}
    return any(ip in ips for host in named for ip in _resolved(host))


def _resolved(host: str) -> set[str]:
    with contextlib.suppress(OSError, UnicodeError):
        return {str(one[4][0]) for one in socket.getaddrinfo(host, None)}
    return set()
