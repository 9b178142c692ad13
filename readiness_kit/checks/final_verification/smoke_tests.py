"""Smoke tests: every declared operation is answered, in every round, from outside.

>>> CHECK.shows()
{'operations': 'PASS'}
>>> CHECK.shows(one_fails(ROUNDS))
{'operations': 'FAIL'}
>>> CHECK.shows(ROUNDS.replace(answers=()))
{'operations': 'UNKNOWN'}
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.api.smoke import SmokeAnswer, SmokeHealth, SmokeRounds
from readiness_kit.verdict import Case, Cause, Check, Finding, judges

LEAST_ROUNDS = 3
"""Default of the kit: what works now and then does not work."""


@judges("operations")
def judge(seen: SmokeRounds) -> Iterator[Finding]:
    """Data without errors for each operation, and 200 for health, in each round."""
    wrong = [one for one in seen.answers if not one.answer.answered]
    sick = [one for one in seen.health if one.status != 200]
    asked = {(one.round, one.operation) for one in seen.answers}
    rounds = range(1, seen.rounds + 1) if seen.rounds <= len(seen.answers) else ()
    complete = bool(rounds) and all((n, name) in asked for n in rounds for name in seen.operations)
    case = Case(
        claim="operations",
        got=f"{len(seen.answers) - len(wrong)} of {len(seen.answers)} answers and "
        f"{len(seen.health) - len(sick)} of {len(seen.health)} health answers good in "
        f"{seen.rounds} rounds"
        + "".join(f"; round {one.round} {one.operation}: {_words(one.answer)}" for one in wrong[:5])
        + "".join(f"; round {one.round} {one.path}: {one.status}" for one in sick[:5]),
        want=f"every operation and health endpoint in each of {LEAST_ROUNDS} rounds",
        seen=[SmokeRounds.at("/answers"), SmokeRounds.at("/health")],
        reproduce="curl -sS $URL/graphql -H 'content-type: application/json' "
        '-H "authorization: Bearer $TOKEN" -d @smoke.json',
    )
    if not seen.operations:
        yield case.not_seen(Cause.NOT_CONFIGURED, "add smoke to readiness.yaml")
    elif _never_answered(seen):
        yield case.not_seen(Cause.COULD_NOT_ASK, "the service was not reached at all")
    elif wrong or sick:
        yield case.fails("an operation that fails now and then fails: find out before launch")
    elif not complete or seen.rounds < LEAST_ROUNDS or not seen.health:
        yield case.not_seen(Cause.TOO_FEW_SAMPLES)
    else:
        yield case.holds()


def _never_answered(seen: SmokeRounds) -> bool:
    statuses = [one.answer.status for one in seen.answers] + [one.status for one in seen.health]
    return all(status is None for status in statuses)


def _words(one: GraphqlAnswer) -> str:
    problem = one.words or f"empty: {', '.join(one.empty) or 'all'}"
    return f"{one.status or 'no answer'} {problem}"


_ANSWER = GraphqlAnswer(address="192.0.2.1:443", status=200, filled=("me",), elapsed_ms=12.0)
ROUNDS = SmokeRounds(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    operations=("own account",),
    rounds=3,
    answers=tuple(
        SmokeAnswer(round=n, operation="own account", answer=_ANSWER) for n in range(1, 4)
    ),
    health=tuple(
        SmokeHealth(round=n, address="192.0.2.1:443", path="/health", status=200)
        for n in range(1, 4)
    ),
)


def one_fails(seen: SmokeRounds) -> SmokeRounds:
    """Let the last answer be 200 with errors."""
    spoilt = (
        replace(one, answer=replace(one.answer, errors=("boom",), filled=()))
        for one in seen.answers[-1:]
    )
    return seen.replace(answers=(*seen.answers[:-1], *spoilt))


def not_ready(seen: SmokeRounds) -> SmokeRounds:
    """Let health answer 503."""
    return seen.replace(health=tuple(replace(one, status=503) for one in seen.health))


def one_round(seen: SmokeRounds) -> SmokeRounds:
    """Ask once only."""
    first = tuple(one for one in seen.answers if one.round == 1)
    return seen.replace(rounds=min(seen.rounds, 1), answers=first)


CHECK = Check(
    (judge,),
    remedy="Ask each declared operation by hand with the command shown, from outside the balancer, "
    "and mend what fails even once before the launch.",
    references=("Google SRE Book, chapter 17: Testing for Reliability",),
    good=(ROUNDS,),
    worsen=(one_fails, not_ready, one_round),
    thresholds={"operations": "every operation in every one of 3 rounds"},
)
