"""The SSH wire format: strings and integers with a length in front (RFC 4251, section 5)."""

import struct

from readiness_kit.errors import IntegrityError


class Reader:
    """Reads a blob to its last byte; anything short or left over is an error."""

    def __init__(self, data: bytes) -> None:
        """Begin at the first byte of *data*."""
        self._data = data
        self._at = 0

    def take(self, n: int) -> bytes:
        """Return the next *n* bytes."""
        if n > len(self._data) - self._at:
            raise IntegrityError("the signature or key is cut short")
        self._at += n
        return self._data[self._at - n : self._at]

    def number(self) -> int:
        """Return an unsigned 32-bit integer."""
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        """Return a string."""
        return self.take(self.number())

    def mpint(self) -> int:
        """Return a positive multiple precision integer in its only canonical form."""
        raw = self.string()
        value = int.from_bytes(raw, "big", signed=True)
        if value <= 0 or raw != mpint(value)[4:]:
            raise IntegrityError("a number in the signature is not in canonical form")
        return value

    def end(self) -> None:
        """Demand that nothing is left."""
        if self._at != len(self._data):
            raise IntegrityError("bytes are left over after the signature or key")


def string(data: bytes) -> bytes:
    """Return *data* as an SSH string."""
    return struct.pack(">I", len(data)) + data


def mpint(value: int) -> bytes:
    """Return positive *value* as a multiple precision integer."""
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))
