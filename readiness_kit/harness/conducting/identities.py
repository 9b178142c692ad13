"""The tokens that users of a load test draw from, kept from expiring under it."""

import contextlib
import math
import time
from collections.abc import Iterator

from readiness_kit.errors import NotSeen, TargetError
from readiness_kit.probes.callers.authentication import mint
from readiness_kit.probes.callers.token import read
from readiness_kit.target import Target

AHEAD_S = 60.0
"""How long before a token expires it is renewed."""

PAUSE_S = 10.0
"""Shortest time between two attempts to renew."""


class Identities:
    """``load.identities``, else ``auth.token``, else what ``auth.token_command`` prints.

    The command renews ``auth.token``. What ``load.identities`` refers to is read again instead: who
    supplies those tokens renews them in place.
    """

    def __init__(self, target: Target) -> None:
        """Read nothing yet."""
        self._target = target
        self._tokens: tuple[str, ...] | None = None
        self._tried = -math.inf

    def tokens(self) -> tuple[str, ...]:
        """Return the tokens, renewed if one has expired; none where none are declared.

        Raises:
            NotSeen: One cannot be read, or has expired and cannot be renewed.

        """
        if self._tokens is None:
            self._tokens = self._declared()
        if self.expire_within(0.0):
            return self.refreshed()
        return self._tokens

    def expire_within(self, seconds: float) -> bool:
        """Whether one of the tokens in use expires within *seconds*, as it says itself.

        A token that is no JWT, or has no ``exp``, never does.
        """
        return any(left_s <= seconds for left_s in self._left_s())

    def refreshed(self) -> tuple[str, ...]:
        """Return the tokens as they are now: references are read again, the command is run.

        Raises:
            NotSeen: One cannot be read or minted, or has expired all the same.

        """
        command = self._target.auth.token_command
        renewable = bool(command) and not self._target.load.identities
        self._tokens = (_minted(command),) if renewable else self._declared()
        expired_s = -min(self._left_s(), default=1.0)
        if expired_s >= 0:
            raise NotSeen(
                f"a token to load with has expired, {expired_s:.0f} s ago",
                hint="renew what load.identities or auth.token refers to, or add an "
                "auth.token_command that prints a fresh token",
            )
        return self._tokens

    def renewed(self) -> tuple[str, ...] | None:
        """Return fresh tokens when those in use are about to expire, else None; for every second.

        What cannot be renewed is not an error while load is on: the target's refusals will show it.
        """
        now = time.monotonic()
        if now - self._tried < PAUSE_S or not self.expire_within(AHEAD_S):
            return None
        self._tried = now
        with contextlib.suppress(NotSeen):
            return self.refreshed()
        return None

    def _declared(self) -> tuple[str, ...]:
        auth, secrets = self._target.auth, self._target.load.identities
        if not secrets and auth.token is None and auth.token_command:
            return (_minted(auth.token_command),)
        try:
            return tuple(
                secret.reveal() for secret in secrets or ((auth.token,) if auth.token else ())
            )
        except TargetError as error:
            raise NotSeen(error.message, hint=error.hint) from error

    def _left_s(self) -> Iterator[float]:
        """Yield how long each token that expires still lives, seconds."""
        now = time.time()
        for token in self._tokens or ():
            parts = read(token)
            expiry = parts.number("exp") if parts else None
            if expiry is not None:
                yield expiry - now


def _minted(command: tuple[str, ...]) -> str:
    token = mint(command)
    if not token:
        raise NotSeen(
            "auth.token_command printed nothing", hint=f"run it by hand: {' '.join(command)}"
        )
    return token
