"""Asks the declared operations in rounds, from outside the balancer."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.smoke import SmokeAnswer, SmokeHealth, SmokeRounds
from readiness_kit.probes.api.graphql import ask, bearer
from readiness_kit.sources import Address, Visit, source

ROUNDS = 3


@source(effect="canary", asks="3 times each smoke operation and 2 GET per address", deadline_s=60)
def smoke_rounds(visit: Visit) -> SmokeRounds:
    """Ask everything three times at every address.

    Raises:
        NotSeen: No operation is declared.

    """
    operations = tuple(one.name for one in visit.target.smoke)
    if not operations:
        raise NotSeen(
            "readiness.yaml declares no smoke operation",
            cause="not_configured",
            hint="add smoke, a list of operations with name and query",
        )
    answers: list[SmokeAnswer] = []
    health: list[SmokeHealth] = []
    for number in range(1, ROUNDS + 1):
        for address in visit.addresses(visit.api.url):
            health += _health(visit, number, address)
            answers += _operations(visit, number, address)
    return SmokeRounds(
        operations=operations,
        rounds=ROUNDS,
        answers=tuple(answers),
        health=tuple(health),
        observed_at=datetime.now(UTC),
    )


def _operations(visit: Visit, number: int, address: Address) -> Iterator[SmokeAnswer]:
    token = bearer(visit.token)
    with visit.client(visit.api.url, address=address, headers=token, timeout_s=10) as client:
        for one in visit.target.smoke:
            reply = ask(client, visit.api.graphql, one.query, one.variables)
            yield SmokeAnswer(round=number, operation=one.name, answer=reply.answer)


def _health(visit: Visit, number: int, address: Address) -> Iterator[SmokeHealth]:
    with visit.client(visit.api.url, address=address) as client:
        for path in (visit.api.health, visit.api.ready):
            try:
                status = client.get(path).status_code
            except httpx.HTTPError:
                status = None
            yield SmokeHealth(round=number, address=str(address), path=path, status=status)
