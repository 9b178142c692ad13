"""CRC-32C (Castagnoli, RFC 3720 B.4), by which PostgreSQL's manifests tell whether a file is whole.

Python's library has none. A remainder is linear: that of a text is that of its halves, the first
one shifted by the second one's length. So many short pieces are worked through abreast, and their
remainders joined two by two.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

POLYNOMIAL = 0x82F63B78
"""Castagnoli's, its bits in reverse."""

PIECE_BITS = 6
"""Pieces are 64 bytes long: few enough steps for a page, and few enough joins for a large file."""

_ALL = 0xFFFFFFFF


def _bytewise() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1)
    return table


_TABLE = _bytewise()
_ROWS = [int(word) for word in _TABLE]
_HALVES = _TABLE[np.arange(1 << 16) & 0xFF] ^ np.arange(1 << 16, dtype=np.uint32) >> 8
_PAIRS = _TABLE[_HALVES & 0xFF] ^ (_HALVES >> 8)
"""What two bytes of zero make of the lower half of a register."""


class Crc32c:
    """The remainder of what was read so far, used as the objects of :mod:`hashlib` are.

    >>> sum = Crc32c(); sum.update(b"1234"); sum.update(b"56789"); f"{sum.value:08x}"
    'e3069283'
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._register = _ALL

    def update(self, data: bytes) -> None:
        """Read on."""
        whole = len(data) >> PIECE_BITS << PIECE_BITS
        if whole:
            shifted = _shifted(self._register, whole)
            self._register = shifted ^ _abreast(np.frombuffer(data, np.uint8, whole))
        for byte in data[whole:]:
            self._register = _ROWS[(self._register ^ byte) & 0xFF] ^ (self._register >> 8)

    @property
    def value(self) -> int:
        """The checksum."""
        return self._register ^ _ALL

    def hexdigest(self) -> str:
        """Return it as backup manifests write it: the lowest byte first."""
        return self.value.to_bytes(4, "little").hex()


def _abreast(data: npt.NDArray[np.uint8]) -> int:
    """Return the remainder of *data*, whole pieces, from an empty register."""
    pairs = data.view("<u2").reshape(-1, 1 << (PIECE_BITS - 1))
    register = np.zeros(len(pairs), np.uint32)
    for column in np.ascontiguousarray(pairs.T):
        register = _PAIRS.take((register ^ column) & 0xFFFF) ^ (register >> 16)
    bits = PIECE_BITS
    while len(register) > 1:
        if len(register) % 2:  # nothing before the first one changes nothing
            register = np.concatenate([np.zeros(1, np.uint32), register])
        register = _through(_shift(bits), register[0::2]) ^ register[1::2]
        bits += 1
    return int(register[0])


def _shifted(register: int, size: int) -> int:
    """Return *register* after *size* bytes of zero."""
    word = np.array([register], np.uint32)
    for bits in range(size.bit_length()):
        if size >> bits & 1:
            word = _through(_shift(bits), word)
    return int(word[0])


def _through(shift: Words, words: Words) -> Words:
    found: Words = (
        shift[0].take(words & 0xFF)
        ^ shift[1].take((words >> 8) & 0xFF)
        ^ shift[2].take((words >> 16) & 0xFF)
        ^ shift[3].take(words >> 24)
    )
    return found


@cache
def _shift(bits: int) -> Words:
    """Return what 2**bits bytes of zero make of a register, for each value of its four bytes."""
    words = np.arange(256, dtype=np.uint32)
    each = np.stack([words << place for place in (0, 8, 16, 24)])
    if bits == 0:
        once: Words = _TABLE[each & 0xFF] ^ (each >> 8)
        return once
    half = _shift(bits - 1)
    return np.stack([_through(half, _through(half, row)) for row in each])
