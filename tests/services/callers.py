"""Who calls: tokens are checked with PyJWT as each service's documentation would have it."""

from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import OKPAlgorithm
from services.behaviour import Behaviour

ISSUER, AUDIENCE, KEY_ID = "https://login.shop.invalid", "shop", "2026-11"


@dataclass(frozen=True)
class Caller:
    """A caller who proved who they are."""

    name: str
    role: str


class Callers:
    """Recognises callers; a fault may make it blind."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._scheme = {"strawberry": "HS256", "ariadne": "EdDSA", "rest": "key"}[behaviour.library]

    def recognise(self, credential: str | None) -> Caller | None:
        """Return the caller, or nothing for a stranger and for a bad credential."""
        if self._behaviour.has("bouncer_asleep"):
            return Caller("1", "reader")
        if not credential:
            return Caller("1", "reader") if self._behaviour.has("strangers_welcome") else None
        if self._scheme == "key":
            roles = dict(pair.split("=")[::-1] for pair in self._behaviour.key.split(","))
            role = roles.get(credential)
            return Caller(role, role) if role else None
        try:
            claims = self._claims(credential.removeprefix("Bearer "))
        except jwt.InvalidTokenError:
            return None
        return Caller(claims["sub"], claims["role"])

    def _claims(self, token: str) -> dict[str, str]:
        blind = self._behaviour.has("signature_ignored")
        late = self._behaviour.has("expiry_ignored")
        return jwt.decode(
            token,
            self._public,
            algorithms=[self._scheme],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={
                "verify_signature": not blind,
                "verify_exp": not late,
                **dict.fromkeys(("verify_nbf", "verify_aud", "verify_iss"), True),
            },
        )

    @property
    def _public(self):
        if self._scheme == "HS256":
            return self._behaviour.key
        return load_pem_private_key(self._behaviour.key.encode(), None).public_key()

    def key_set(self) -> dict[str, object]:
        """Return the published keys."""
        published = OKPAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [{**published, "kid": KEY_ID, "alg": "EdDSA", "use": "sig"}]}
