"""How one of the small services behaves: which library serves it, and what is wrong with it."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

Library = Literal["strawberry", "ariadne", "rest"]

ORIGIN = "https://app.shop.invalid"
"""The one origin that browsers may call from."""


@dataclass(frozen=True)
class Face:
    """What callers of one library's service have to know."""

    operations: str
    """Path of the GraphQL endpoint, or of the protected resource."""

    health: str
    ready: str
    header: str
    """Request header that carries the credential."""


FACES: dict[Library, Face] = {
    "strawberry": Face("/api/graphql", "/healthz", "/readyz", "authorization"),
    "ariadne": Face("/query", "/livez", "/livez/ready", "authorization"),
    "rest": Face("/v1/account", "/status", "/status/ready", "x-api-key"),
}


@dataclass(frozen=True)
class Behaviour:
    """One service on one port."""

    library: Library
    port: int
    plain_port: int
    """Where plain HTTP is redirected, or served by the fault ``plain_content``."""

    key: str
    """HMAC key, PEM of an Ed25519 key, or the API keys themselves: role=key, comma separated."""

    faults: tuple[str, ...] = ()

    def has(self, fault: str) -> bool:
        return fault in self.faults

    @property
    def face(self) -> Face:
        return FACES[self.library]

    @property
    def is_graphql(self) -> bool:
        return self.library != "rest"


def encode(behaviours: list[Behaviour]) -> str:
    return json.dumps([asdict(one) for one in behaviours])


def decode(text: str) -> list[Behaviour]:
    return [Behaviour(**{**one, "faults": tuple(one["faults"])}) for one in json.loads(text)]
