"""The variables the service cannot do without: whether they are set, and how strong their secrets.

No value is ever kept: only lengths of randomness, and fingerprints.
"""

from typing import Literal

from readiness_kit.facts import Fact, Record

State = Literal["set", "by_reference", "empty", "missing", "not_told"]
"""``not_told``: a whole Secret becomes variables, and its keys are not known."""


class RequiredVariable(Record, frozen=True):
    """One required variable, as one place gives it."""

    name: str
    """Its name."""

    state: State
    """Whether it is given there."""

    holds_secret: bool
    """Whether its value is known and is, or holds, a secret: a URL without a password does not."""

    bits: float | None
    """Randomness of that secret at the most, bits; ``None`` where its value is not known."""

    example: bool
    """Whether the secret is one of the known examples, or holds a word of theirs."""

    unexpanded: bool
    """Whether the value is a ``$(command)`` that nothing will run, or a ``${NAME}``."""

    fingerprint: str
    """First 12 digits of the SHA-256 of the secret; empty without one."""


class VariablesAt(Record, frozen=True):
    """One place that gives the service its variables."""

    origin: str
    """Name of the file, process or manifest."""

    kind: Literal["file", "process", "manifest", "unit"]

    variables: tuple[RequiredVariable, ...]
    """Every required variable."""

    mode: int | None
    """Permission bits of an environment file; ``None`` for what is no file."""


class RequiredVariables(Fact, frozen=True, kw_only=True):
    """The required variables at every place that was read."""

    names: tuple[str, ...]
    """Variables that are required."""

    places: tuple[VariablesAt, ...]
    """The environment file, local processes, workloads of the manifests, units."""
