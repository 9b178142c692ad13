"""How the service answers harmless payloads of SQL injection, compared with plain values."""

from readiness_kit.facts import Fact, Record


class Shape(Record, frozen=True):
    """One answer, without what is in it."""

    status: int | None
    """HTTP status, ``None`` without a complete answer."""

    form: str
    """Names, types and list lengths of the data, and the codes of the errors."""

    signs: tuple[str, ...]
    """Kinds of internals in the body: ``sql``, ``stack``, ``exception``, …"""

    elapsed_ms: float
    """From sending to the last byte; of two tries the quicker."""

    @property
    def clean(self) -> bool:
        """Whether it was answered without an error."""
        return self.form.endswith(", 0 errors")


class Injection(Record, frozen=True):
    """One payload in one argument."""

    place: str
    """``Query.field.argument``, or ``write`` for the declared marked write."""

    payload: str
    """Name of the payload."""

    sleeps_s: float
    """How long it would make the database sleep; 0 for most."""

    control: Shape
    """The same with a plain value, just before."""

    answer: Shape


class InjectionAttempts(Fact, frozen=True, kw_only=True):
    """Every payload in every argument that takes a text, one at a time."""

    payloads: dict[str, str]
    """The payloads by name."""

    attempts: tuple[Injection, ...]

    arguments_left_out: int
    """Texts that were not tried: beyond ``limits.injection_arguments``, or beside a value that
    cannot be made up.
    """

    writes_untried: bool
    """Whether there are mutations, and none is declared by which to try."""

    rows_left: int
    """Marked rows that could not be removed again."""

    controls: tuple[bool, ...]
    """Positive control: whether a declared query was answered, before and after."""

    planted: dict[str, bool]
    """Positive control: for each kind of internals, whether a planted sign is recognised."""
