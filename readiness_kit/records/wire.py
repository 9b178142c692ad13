"""The SSH wire format (RFC 4251, section 5): read strictly, so that each value has one encoding."""

import struct

from readiness_kit.errors import IntegrityError


class Malformed(IntegrityError):
    """Bytes that are not in the form they must have."""


class Reader:
    """Reads one value after the other; :meth:`end` demands that nothing is left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        if size > self.left:
            raise Malformed("cut short")
        self._at += size
        return self._data[self._at - size : self._at]

    def uint32(self) -> int:
        """Return an unsigned integer of four bytes, big end first."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """Return a byte string with its length before it."""
        return self.take(self.uint32())

    def text(self) -> str:
        """Return a string of printable ASCII."""
        data = self.string()
        if not all(0x20 < byte < 0x7F for byte in data):
            raise Malformed("a name holds something else than printable ASCII")
        return data.decode("ascii")

    def natural(self) -> int:
        """Return a positive integer (``mpint``) in its only encoding."""
        data = self.string()
        value = int.from_bytes(data, "big")
        if value == 0 or mpint(value) != string(data):
            raise Malformed("an integer is not positive or not in its shortest form")
        return value

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def end(self) -> None:
        """Demand that nothing is left."""
        if self.left:
            raise Malformed("bytes are left over")


def string(data: bytes) -> bytes:
    """Return *data* with its length before it."""
    return struct.pack(">I", len(data)) + data


def mpint(value: int) -> bytes:
    """Return the positive integer *value* in its only encoding."""
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))
