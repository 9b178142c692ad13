"""What the endpoint says to each caller: in words, and the answers of the example."""

import re
from datetime import UTC, datetime

from readiness_kit.checks.security.authentication.answers import SAYS_NO
from readiness_kit.facts.api.graphql import GraphqlAnswer

HIDES = re.compile(
    r"not found|no such|does ?n[o']t exist|cannot query field|unknown (?:type|field|argument|id)\b",
    re.IGNORECASE,
)
"""Words by which an error hides what is there from who may not see it."""


def denied(answer: GraphqlAnswer) -> bool:
    """Whether it was refused for want of rights, or as if it were not there.

    Another error, as of a value that is taken already, shows nothing of rights.
    """
    said_so = any(SAYS_NO.search(one) or HIDES.search(one) for one in answer.errors)
    return answer.refused and (answer.status in (401, 403, 404) or said_so)


def heard(answer: GraphqlAnswer | None) -> str:
    """Return what was heard in answer, if anything was asked."""
    return answer.said if answer else "not asked"


WHEN = datetime(2026, 11, 1, tzinfo=UTC)
SERVED = "192.0.2.1:443"
OK = GraphqlAnswer(address=SERVED, status=200, filled=("post",))
NONE = GraphqlAnswer(address=SERVED, status=200, empty=("post",))
NO = GraphqlAnswer(address=SERVED, status=200, empty=("post",), errors=("forbidden",))
STRANGER = GraphqlAnswer(address=SERVED, status=401, errors=("a token is needed",))
