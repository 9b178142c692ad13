"""Everything that can go wrong on purpose, and the exit code each error carries.

::

    ReadinessError                  base of all errors the kit raises itself
    ├── UsageError              2   a command or parameter that makes no sense
    │   └── TargetError         2   readiness.yaml is missing, unreadable or wrong
    ├── NotSeen                 3   a probe could not look: becomes UNKNOWN with its cause
    ├── ServerError             3   an embedded server did not start, or a port is taken
    ├── RunFolderError          3   the run folder cannot be written or read
    └── IntegrityError          4   manifest, signature, quorum or expiry does not hold
        └── Unsignable          4   this run must not be signed

Every message says what was wanted, what was got, and what to do next.
"""

from typing import ClassVar


class ReadinessError(Exception):
    """Base of all errors the kit raises itself."""

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep *message* (wanted and got) and *hint* (what to do next)."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]

    def __str__(self) -> str:
        """Show the message and, on a line of its own, what to do next."""
        return f"{self.message}\n  next: {self.hint}" if self.hint else self.message


class UsageError(ReadinessError):
    """A command line, parameter or selection that makes no sense; the target was not touched."""

    exit_code = 2


class TargetError(UsageError):
    """``readiness.yaml`` is missing, unreadable or wrong; the target was not touched."""


class NotSeen(ReadinessError):
    """A probe could not look.

    Not a verdict on the target: the claims that needed this fact become UNKNOWN with *cause*,
    one of the causes of :class:`readiness_kit.verdict.Cause`.
    """

    def __init__(self, message: str, *, cause: str = "could_not_ask", hint: str = "") -> None:
        """Keep the *cause* beside the message."""
        super().__init__(message, hint=hint)
        self.cause = cause


class ServerError(ReadinessError):
    """An embedded server did not start, did not stop, or found its port taken."""


class RunFolderError(ReadinessError):
    """The run folder cannot be created, written or read."""


class IntegrityError(ReadinessError):
    """Manifest, signature, quorum, expiry or policy does not hold."""

    exit_code = 4


class Unsignable(IntegrityError):
    """The run must not be signed: incomplete, NO-GO, or UNDECIDED where the policy forbids it."""
