"""What can be changed in a running sandbox, each change with its exact undoing.

A change first saves what undoing it needs, then does its work; another process may undo it later,
also after a crash. Changes of the servers' processes are wishes to the supervisor: see
:mod:`readiness_kit.sandbox.orders`.
"""

from pathlib import Path

import msgspec

from readiness_kit.sandbox.ground import Ground
from readiness_kit.sandbox.orders import Orders


class Change(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    """One change; the field ``kind`` of its table in a break's file says which."""

    def save(self, ground: Ground, place: Path) -> None:
        """Write into *place*, an empty folder, what :meth:`undo` needs."""

    def do(self, ground: Ground) -> None:
        """Make the change.

        Raises:
            ServerError: It cannot be made.
            UsageError: It would change nothing.

        """

    def undo(self, ground: Ground, place: Path) -> None:
        """Take the change back with what lies in *place*.

        Raises:
            ServerError: It cannot be taken back.

        """

    def wish(self, orders: Orders) -> Orders:
        """Return *orders* with what this change asks of the supervisor."""
        return orders

    def reloads(self) -> frozenset[str]:
        """Return the servers that must read their configuration again."""
        return frozenset()
