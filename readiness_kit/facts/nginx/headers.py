"""Which security headers nginx is configured to add, place by place.

An ``add_header`` is inherited only where none stands.
"""

from readiness_kit.facts import Fact, Record


class HeaderPlace(Record, frozen=True, kw_only=True):
    """A location, or an ``if`` in one, and the headers that answers from there carry."""

    where: str
    """Server and location."""

    asked: bool
    """Whether live requests tell more: one goes there, or it is what all locations inherit."""

    passes_on: bool
    """Whether a service behind answers, and may add headers of its own."""

    hidden: tuple[str, ...]
    """Headers that nginx takes from the answers of the service behind, lower case."""

    successes: tuple[dict[str, tuple[str, ...]], ...]
    """What successful answers may carry: one set for each combination of values that maps give."""

    errors: tuple[dict[str, tuple[str, ...]], ...]
    """What error answers may carry: only what is added ``always``."""

    unknown: tuple[str, ...]
    """Headers whose value depends on a variable that the configuration does not tell."""


class NginxHeaders(Fact, frozen=True, kw_only=True):
    """The security headers in ``nginx.conf``, read and not run."""

    file: str
    """Name of the file; empty when none is declared."""

    unresolved: tuple[str, ...]
    """Includes, variables and errors that leave the reading incomplete."""

    places: tuple[HeaderPlace, ...]
