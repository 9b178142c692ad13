"""Where the address of the error tracker comes from, and how many traces are sent."""

from readiness_kit.facts import Fact, Record


class SampleRate(Record, frozen=True):
    """One place in the source that sets ``traces_sample_rate``."""

    where: str
    """File and line."""

    rate: float | None
    """Its value; ``None`` where it is computed when the service starts."""


class ErrorTrackerConfiguration(Fact, frozen=True, kw_only=True):
    """The error tracker as source, manifests and environment set it up."""

    variable: str
    """Variable that is meant to hold its address."""

    environments_searched: tuple[str, ...]
    """The environment file, local processes, manifests and units that were read."""

    set_in: tuple[str, ...]
    """Those of them in which the variable is set: by value in the service's environment, by
    reference in a manifest.
    """

    written_in: tuple[str, ...]
    """Places in source or manifests, with file and line, in which an address itself is written."""

    read_in: tuple[str, ...]
    """Places in the source that name the variable."""

    started_in: tuple[str, ...]
    """Places in the source that start the tracker's client (``sentry_sdk.init``)."""

    sample_rates: tuple[SampleRate, ...]
    """Every ``traces_sample_rate`` that is given to the client."""

    source_files: int
    """Files of the source tree that were searched."""

    source_complete: bool
    """Whether that is all of them."""

    planted: bool
    """Positive control: whether a planted address is recognised."""
