"""Who declares, signs and lends."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from readiness_kit.target.parts import Part


class NotApplicable(Part, frozen=True):
    """A declaration that an item or claim does not apply here."""

    item: str
    """Id of an item or claim."""

    reason: str
    """Why it does not apply."""

    by: str
    """Mailbox of the person who declares it."""


class Signoff(Part, frozen=True):
    """Who may sign, and by which rules."""

    allowed_signers: Path
    """OpenSSH allowed_signers file."""

    policy: Path | None = None
    """Policy file; when absent, the strict built-in policy."""


class Lender(Part, frozen=True):
    """A signed run on staging of the same release, which lends what may not be done here."""

    run: Path
    """Its run folder: complete, sealed and signed by all four roles."""

    effects: Annotated[tuple[Literal["load", "drill"], ...], Meta(min_length=1)] = msgspec.field(
        name="for"
    )
    """Effects whose facts are borrowed where this run may not have them itself."""

    policy: Path | None = None
    """The policy it was signed under; when absent, that of ``signoff``."""
