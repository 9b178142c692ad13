"""What the endpoint says to each caller: in words, and the answers of the example."""

from datetime import UTC, datetime

from readiness_kit.facts.graphql import GraphqlAnswer


def heard(answer: GraphqlAnswer | None) -> str:
    """Return what was heard in answer, if anything was asked."""
    return answer.said if answer else "not asked"


WHEN = datetime(2026, 11, 1, tzinfo=UTC)
SERVED = "192.0.2.1:443"
OK = GraphqlAnswer(address=SERVED, status=200, filled=("post",))
NONE = GraphqlAnswer(address=SERVED, status=200, empty=("post",))
NO = GraphqlAnswer(address=SERVED, status=200, empty=("post",), errors=("forbidden",))
STRANGER = GraphqlAnswer(address=SERVED, status=401, errors=("a token is needed",))
