"""Read from manifests, units and environment file where the service's secrets come from."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from readiness_kit.errors import NotSeen
from readiness_kit.facts.secrets import SecretOrigin, SecretOrigins, Way
from readiness_kit.probes.environment.places import Given, Place, environments
from readiness_kit.probes.secrets.strength import UNEXPANDED, secret_in
from readiness_kit.sources import Visit, source

ROOT = 0
SHARED = stat.S_IRWXG | stat.S_IRWXO

Role = Literal["database", "token", "api"]


@source(effect="read", asks="no request: reads manifests, units, environment file", deadline_s=10)
def secret_origins(visit: Visit) -> SecretOrigins:
    """Look for each secret in manifests and units; in the environment file if nowhere else.

    Raises:
        NotSeen: None of them is declared, or one cannot be read.

    """
    places = [one for one in environments(visit) if one.kind != "process"]
    if not places:
        raise NotSeen(
            "readiness.yaml does not say how the service is given its secrets",
            cause="not_configured",
            hint="add kubernetes.manifests, application.units or application.environment_file",
        )
    credentials = visit.target.credentials
    names: dict[Role, tuple[str, ...]] = {
        "database": credentials.database,
        "token": credentials.token,
        "api": credentials.api,
    }
    return SecretOrigins(
        declared={role: tuple(wanted) for role, wanted in names.items()},
        read=tuple(one.origin for one in places),
        origins=tuple(
            SecretOrigin(role=role, name=name, way=way, where=where, detail=detail)
            for role, wanted in names.items()
            for name in wanted
            for way, where, detail in _ways(name, places, whole=role == "api")
        ),
        observed_at=datetime.now(UTC),
    )


def _ways(name: str, places: list[Place], *, whole: bool) -> Iterator[tuple[Way, str, str]]:
    """Yield way, place and detail of each place that gives *name*.

    The environment file stands for what manifests and units bring, and counts only where they say
    nothing; with *whole* a copy in it is a value beside what they say.
    """
    declared = [one for one in places if not one.own]
    giving = [(one, one.given[name]) for one in declared if name in one.given]
    giving = giving or [(one, part) for one in declared for part in one.unseen]
    told = [(given.way, one.origin, given.detail) for one, given in giving if _says(given)]
    files = [one for one in places if one.kind == "file" and _says(one.given.get(name))]
    yield from told
    for one in files if whole or not told else ():
        yield "value" if told else _of_file(one), one.origin, _access(one)
    if not told and not files:
        yield "not_found", "", ""


def _says(given: Given | None) -> bool:
    """Tell whether *given* says where a secret comes from: an address without one does not."""
    if given is None or given.way != "value":
        return given is not None
    secret = secret_in(given.value or "")
    return bool(secret) and UNEXPANDED.search(secret) is None


def _of_file(file: Place) -> Way:
    private = file.owner == ROOT and file.mode is not None and not file.mode & SHARED
    return "private_file" if private else "value"


def _access(file: Place) -> str:
    return f"mode {file.mode or 0:04o}, owner {file.owner}"
