"""The environment in which the service is started: names, and the value of one variable only."""

from readiness_kit.facts import Fact, Record


class Environment(Record, frozen=True, kw_only=True):
    """One set of environment variables."""

    origin: str
    """The file, or the process it was read from."""

    running: bool
    """Whether it is a running process's own."""

    names: tuple[str, ...]
    """Names of all variables, sorted; their values are never kept."""

    modes: dict[str, str]
    """Value of each variable that sets the mode; what does not look like a mode is ``(other)``."""

    switches_on: tuple[str, ...]
    """Names of debug and test switches that are on."""


class StartEnvironment(Fact, frozen=True, kw_only=True):
    """Every environment of the service that could be read."""

    environments: tuple[Environment, ...]
    """The declared file, then each running process on this host."""

    mode_names: tuple[str, ...]
    """Variables that were taken for the mode."""
