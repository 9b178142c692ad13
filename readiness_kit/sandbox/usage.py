"""Uses the service a little, so that the database has a history of its statements."""

from collections.abc import Sequence

import httpx

from readiness_kit.errors import ServerError
from readiness_kit.sandbox.service import Instance
from readiness_kit.servers.ports import LOOPBACK

QUERY = "query Page($n: Int!) { posts(limit: 5, offset: $n) { id title } }"
OFFSETS = range(230, 255)
"""Pages that no load test, probe or drill asks for: none finds them in the cache."""

DEADLINE_S = 10.0


def be_used(instances: Sequence[Instance], token: str) -> None:
    """Ask each process for a few pages.

    Raises:
        ServerError: One does not answer.

    """
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, timeout=DEADLINE_S, trust_env=False) as client:
        for number, offset in enumerate(OFFSETS):
            _ask(client, instances[number % len(instances)].port, offset)


def _ask(client: httpx.Client, port: int, offset: int) -> None:
    body = {"query": QUERY, "variables": {"n": offset}}
    try:
        client.post(f"http://{LOOPBACK}:{port}/graphql", json=body).raise_for_status()
    except httpx.HTTPError as error:
        raise ServerError(f"the service does not answer: {error}") from error
