"""What the protected operation answers: yes, no, or neither; and the example's two answers."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from readiness_kit.facts.api.graphql import GraphqlAnswer

SAYS_NO = re.compile(
    r"unauth|authenticat|authori[sz]|token|permission|forbidden|denied|credential|signatur"
    r"|\b(?:log|sign)(?:ged|ed)?[ -]?in\b|not (?:allowed|permitted)",
    re.IGNORECASE,
)
"""Words by which a GraphQL error says that the caller is not known, or not allowed."""


def was_refused(answer: GraphqlAnswer) -> bool:
    """Whether it said no because of the caller: another client error is none of that."""
    if answer.filled:
        return False
    said_so = any(SAYS_NO.search(error) for error in answer.errors)
    return answer.status in (401, 403) or (answer.status in (200, 400) and said_so)


def was_answered(answer: GraphqlAnswer) -> bool:
    """Whether a protected field came back, and no error."""
    status = answer.status or 0
    return 200 <= status < 300 and bool(answer.filled) and not answer.errors


def all_answered(controls: tuple[GraphqlAnswer, ...], asked: Iterable[GraphqlAnswer]) -> bool:
    """Whether the valid token was answered, at every address that was asked, every time."""
    there = {one.address for one in controls}
    return (
        bool(controls)
        and all(map(was_answered, controls))
        and {one.address for one in asked} <= there
    )


MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
YES = GraphqlAnswer(address="192.0.2.1:443", status=200, filled=("me",))
NO = GraphqlAnswer(address="192.0.2.1:443", status=401, errors=("Unauthenticated",))
