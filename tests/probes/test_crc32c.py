"""CRC-32C against the plainest way to reckon it, and against known answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.probes.backups.crc32c import POLYNOMIAL, Crc32c


def plain(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (POLYNOMIAL if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def of(*parts: bytes) -> int:
    found = Crc32c()
    for part in parts:
        found.update(part)
    return found.value


KNOWN = {  # RFC 3720 B.4
    "zeros": (bytes(32), 0x8A9136AA),
    "ones": (b"\xff" * 32, 0x62A8AB43),
    "rising": (bytes(range(32)), 0x46DD794E),
    "falling": (bytes(range(31, -1, -1)), 0x113FDB5C),
    "nothing": (b"", 0),
}


@pytest.mark.parametrize(("data", "want"), KNOWN.values(), ids=KNOWN)
def test_known_answers(data, want):
    assert of(data) == want


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(0, 40))
def test_as_the_plainest_way(parts, times):
    parts = [part * times for part in parts]
    assert of(*parts) == of(b"".join(parts)) == plain(b"".join(parts))


def test_the_digest_is_written_lowest_byte_first():
    found = Crc32c()
    found.update(b"123456789")
    assert found.hexdigest() == "839206e3"
