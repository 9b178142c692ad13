"""Bearer tokens: HS256, issuer, audience, a life of one hour at most, the caller's roles."""

from typing import Any

import jwt
from fraiseql.auth.base import AuthProvider, UserContext

from readiness_kit.sandbox.app.call import ROLES, Viewer
from readiness_kit.sandbox.app.settings import Settings

MAX_LIFETIME_S = 3600
"""Longest life of a token, seconds."""


class BadToken(Exception):
    """The token does not hold; the caller learns no more than that."""


class Tokens:
    """Checks tokens against the settings."""

    def __init__(self, settings: Settings) -> None:
        """Take key, issuer and audience from *settings*."""
        self._settings = settings
        checked = settings.jwt_checked_claims
        self._options: Any = {
            "require": ["sub", "iat", "exp", "aud", "iss"],
            "verify_signature": settings.jwt_verify,
            **{f"verify_{claim}": claim in checked for claim in ("exp", "nbf", "aud", "iss")},
        }

    def viewer(self, token: str) -> Viewer:
        """Return who *token* speaks for.

        Raises:
            BadToken: Signature, algorithm, expiry, lifetime, issuer or audience do not hold.

        """
        claims = self._claims(token)
        lifetime = claims["exp"] - claims["iat"]
        if "exp" in self._settings.jwt_checked_claims and not 0 < lifetime <= MAX_LIFETIME_S:
            raise BadToken("lifetime")
        roles = claims.get("roles", [])
        if not isinstance(roles, list):
            raise BadToken("roles")
        return Viewer(str(claims["sub"]), ROLES.intersection(map(str, roles)))

    def _claims(self, token: str) -> dict[str, Any]:
        settings = self._settings
        try:
            unsigned = jwt.get_unverified_header(token).get("alg") == "none"
            if unsigned and "none" in settings.jwt_algorithms:
                return jwt.decode(token, options={"verify_signature": False})
            return jwt.decode(
                token,
                settings.jwt_secret,
                algorithms=list(settings.jwt_algorithms),
                issuer=settings.jwt_issuer,
                audience=settings.jwt_audience,
                options=self._options,
            )
        except jwt.InvalidTokenError as error:
            raise BadToken(type(error).__name__) from error


class Provider(AuthProvider):
    """The same check in the form FraiseQL asks for."""

    def __init__(self, tokens: Tokens) -> None:
        """Wrap *tokens*."""
        self._tokens = tokens

    async def validate_token(self, token: str) -> dict[str, Any]:
        """Return subject and roles of *token*."""
        viewer = self._tokens.viewer(token)
        return {"sub": viewer.id, "roles": sorted(viewer.roles)}

    async def get_user_from_token(self, token: str) -> UserContext:
        """Return FraiseQL's record of the caller."""
        claims = await self.validate_token(token)
        return UserContext(user_id=claims["sub"], roles=claims["roles"])
