"""Callers' tokens, as files that are minted again before they expire."""

from readiness_kit.sandbox.app.settings import Settings
from readiness_kit.sandbox.app.token import BAD, PEOPLE, mint
from readiness_kit.sandbox.layout import Layout
from readiness_kit.sandbox.service import AUDIENCE, ISSUER

RENEWAL_S = 1200.0
"""A token lives an hour; a run that begins now must not see one expire."""


def write_tokens(layout: Layout, jwt_secret: str) -> None:
    """Write ``secrets/token_CASE`` for each person, and for each genuinely signed bad token."""
    settings = Settings(jwt_secret=jwt_secret, jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    for case in (*PEOPLE, *BAD):
        layout.keep_secret(f"token_{case}", mint(case, settings))
