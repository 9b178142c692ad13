"""What a master and its workers on other hosts say to each other, sealed with a shared secret.

The connection is Locust's, which neither hides nor proves anything: whoever reaches the port could
report a load test that never took place. So every message carries an HMAC-SHA256 (RFC 2104) over
its number and text, with a key of both sides' nonces: nothing can be made up, altered, dropped,
repeated or taken over from another run without being noticed.
"""

import hashlib
import hmac
import secrets
from typing import Annotated, Literal

import msgspec

from readiness_kit.harness.plan import Command, Message, Order, Plan, Said

NONCE_BYTES = 16
BEAT_S = 1.0
"""How often a master shows its workers that it lives."""

SILENCE_S = 5.0
"""Longest silence of a master; then its workers stop."""


class Forged(Exception):
    """A message that the other side did not send, or not now."""


class Host(Said, frozen=True, kw_only=True):
    """What the parent orders a master to do."""

    plan: Plan
    scenario_sha256: str
    """Digest of the scenario: every worker must have the same."""

    bind: str
    port: int
    join_s: float
    secret: str

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"Host({self.bind}:{self.port}, {self.plan!r})"


class Join(Said, frozen=True, kw_only=True, tag="join"):
    """A worker is there."""

    kit_version: str
    scenario_sha256: str


class Begin(Said, frozen=True, kw_only=True, tag="begin"):
    """What a worker is to play; the scenario, the authority and the tokens are its own."""

    order: Order


class Beat(Said, frozen=True, kw_only=True, tag="beat"):
    """The master lives; the worker answers with its clock."""

    sent: float
    """When, on the master's monotonic clock."""


class Beaten(Said, frozen=True, kw_only=True, tag="beaten"):
    """The answer to a beat."""

    sent: float
    clock: float
    """The worker's monotonic clock."""


class Tell(Said, frozen=True, kw_only=True, tag="tell"):
    """A command of the parent."""

    command: Command


class Say(Said, frozen=True, kw_only=True, tag="say"):
    """What a worker says to the parent."""

    message: Message


class Relayed(Said, frozen=True, kw_only=True):
    """What a master passes on to the parent; None when the worker is lost."""

    worker: int
    message: Message | None


FromMaster = Begin | Beat | Tell
FromWorker = Join | Beaten | Say


class Sealed(Said, frozen=True, kw_only=True):
    """One message on the wire."""

    number: Annotated[int, msgspec.Meta(ge=1, le=2**62)]
    text: bytes
    mac: bytes


class Seal:
    """One direction of one connection."""

    def __init__(self, secret: str, direction: Literal["up", "down"], *nonces: bytes) -> None:
        """Derive the key from the *secret* and both sides' nonces, the worker's first."""
        self._key = hmac.digest(secret.encode(), direction.encode() + b"".join(nonces), "sha256")
        self._number = 0

    def close(self, said: Said) -> bytes:
        """Return *said*, sealed."""
        text = msgspec.json.encode(said)
        self._number += 1
        return msgspec.msgpack.encode(
            Sealed(number=self._number, text=text, mac=self._mac(self._number, text))
        )

    def open(self, sealed: bytes) -> bytes:
        """Return the JSON that was sealed.

        Raises:
            Forged: The seal is not the other side's, or a message before it is missing.

        """
        try:
            got = msgspec.msgpack.decode(sealed, type=Sealed)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Forged(f"no sealed message: {error}") from error
        if not hmac.compare_digest(got.mac, self._mac(got.number, got.text)):
            raise Forged("the seal is of another secret")
        if got.number != self._number + 1:
            raise Forged(f"message {got.number} follows message {self._number}")
        self._number = got.number
        return got.text

    def _mac(self, number: int, text: bytes) -> bytes:
        return hmac.digest(self._key, number.to_bytes(8) + text, "sha256")


class Clocks:
    """How far a worker's monotonic clock is ahead of the master's (as NTP does it, RFC 5905)."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._best: tuple[float, float] | None = None

    def saw(self, beaten: Beaten, now: float) -> None:
        """Take one answer, received *now* on the master's clock; the quickest tells most."""
        round_trip_s = now - beaten.sent
        ahead_s = beaten.clock - (beaten.sent + now) / 2
        if self._best is None or round_trip_s < self._best[0]:
            self._best = (round_trip_s, ahead_s)

    @property
    def uncertain_s(self) -> float | None:
        """Half of the quickest round trip: the clock is known this well; None before any answer."""
        return None if self._best is None else self._best[0] / 2

    def on_worker(self, at: float) -> float:
        """Return the instant *at* of the master on the worker's clock."""
        return at + (self._best[1] if self._best is not None else 0.0)


def nonce() -> bytes:
    """Return what makes a connection unlike any other."""
    return secrets.token_bytes(NONCE_BYTES)


def digest_of(scenario: bytes) -> str:
    """Return the digest under which both sides know a scenario."""
    return hashlib.sha256(scenario).hexdigest()
