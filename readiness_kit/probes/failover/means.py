"""Ask who fails over by itself, and read how the application finds the primary."""

import ipaddress
from datetime import UTC, datetime

from readiness_kit.errors import NotSeen
from readiness_kit.facts.failover.means import FailoverManager, WayToPrimary
from readiness_kit.probes.database.session import parameters, servers
from readiness_kit.probes.failover.cloudnative_pg import cloudnative_pg
from readiness_kit.probes.failover.names import name_kept
from readiness_kit.probes.failover.patroni import patroni
from readiness_kit.probes.failover.pg_auto_failover import pg_auto_failover
from readiness_kit.probes.failover.rds import rds
from readiness_kit.probes.failover.repmgr import repmgr
from readiness_kit.sources import Visit, source


@source(
    effect="read",
    asks="of Patroni 1 GET on each server, of repmgr 1 SQL statement on each, of pg_auto_failover "
    "1 on the monitor, of CloudNativePG 3 GET of the API server, of RDS 1 call, of a cluster 17",
    deadline_s=20,
)
def failover_manager(visit: Visit) -> FailoverManager:
    """Ask the declared manager for the cluster.

    Raises:
        NotSeen: None is declared, or it does not answer.

    """
    declared = visit.database
    managers = (
        (declared.patroni, patroni),
        (declared.repmgr, repmgr),
        (declared.pg_auto_failover, pg_auto_failover),
        (declared.cloudnative_pg, cloudnative_pg),
        (declared.rds, rds),
    )
    for named, ask in managers:
        if named:
            return ask(visit)
    raise NotSeen(
        "readiness.yaml names no failover manager",
        cause="not_configured",
        hint="add database.patroni, repmgr, pg_auto_failover, cloudnative_pg or rds",
    )


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
