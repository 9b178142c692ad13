"""Read whether the required variables are set, and how strong the secrets in them can be."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.errors import NotSeen
from readiness_kit.facts.environment.required import (
    RequiredVariable,
    RequiredVariables,
    VariablesAt,
)
from readiness_kit.probes.environment.places import Place, environments
from readiness_kit.probes.secrets.strength import secret_in, strength
from readiness_kit.sources import Visit, source


@source(
    effect="read",
    asks="no request: reads the environment file, local processes, manifests and units",
    deadline_s=10,
)
def required_variables(visit: Visit) -> RequiredVariables:
    """Look for each required variable at every place that gives the service variables.

    Raises:
        NotSeen: No such place is declared, or none can be read.

    """
    names = visit.target.application.required_variables
    places = tuple(_places(visit, names))
    if not places:
        raise NotSeen(
            "readiness.yaml does not say where the service gets its variables from",
            cause="not_configured",
            hint="add application.environment_file, application.process_ids, application.units "
            "or kubernetes.manifests",
        )
    return RequiredVariables(names=names, places=places, observed_at=datetime.now(UTC))


def _places(visit: Visit, names: tuple[str, ...]) -> Iterator[VariablesAt]:
    for place in environments(visit):
        yield VariablesAt(
            origin=place.origin,
            kind=place.kind,
            variables=tuple(_variable(place, name) for name in names),
            mode=place.mode,
        )


PLAIN = re.compile(
    r"(?:^|_)(?:ENV|ENVIRONMENT|MODE|STAGE|LEVEL|HOST|HOSTNAME|PORT|REGION|ZONE|VERSION|RELEASE"
    r"|TIMEOUT|SIZE|COUNT|WORKERS|THREADS|DEBUG|TESTING|PATH|DIR|FORMAT|TZ|LANG)$"
)
"""Names that say that they hold no secret; any other name's value is taken for one."""


def _variable(place: Place, name: str) -> RequiredVariable:
    plain = RequiredVariable(
        name=name,
        state="not_told" if place.unseen else "missing",
        holds_secret=False,
        bits=None,
        example=False,
        unexpanded=False,
        fingerprint="",
    )
    given = place.given.get(name)
    if given is None:
        return plain
    if given.value is None or given.way != "value":
        return replace(plain, state="by_reference")
    secret = secret_in(given.value)
    if not secret or (secret == given.value and PLAIN.search(name)):
        return replace(plain, state="set" if given.value else "empty")
    found = strength(secret)
    return RequiredVariable(
        name=name,
        state="set",
        holds_secret=True,
        bits=found.bits,
        example=found.example,
        unexpanded=found.unexpanded,
        fingerprint=found.fingerprint,
    )
