"""Quill, the demo service: authors and posts on the real FraiseQL.

Two variants of one service. ``hardened`` is what a careful team would run; ``stock`` is what the
framework's documentation yields, defects included. Start one with
``uvicorn --factory readiness_kit.sandbox.app:create_app``; the environment chooses, see
:class:`readiness_kit.sandbox.app.settings.Settings`. Importing this package does nothing.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create_app() -> "ASGIApp":
    """Build the variant that ``APP_VARIANT`` names, with what ``SANDBOX_FAULTS`` breaks."""
    from readiness_kit.sandbox.app.faults import inject
    from readiness_kit.sandbox.app.settings import Settings

    settings = Settings.from_environment(os.environ)
    settings = inject(settings, os.environ.get("SANDBOX_FAULTS", ""))
    if settings.variant == "stock":
        from readiness_kit.sandbox.app.stock import build as build_stock

        return build_stock(settings)
    from readiness_kit.sandbox.app.hardened import build as build_hardened

    return build_hardened(settings)
