import math
import struct

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from readiness_kit.evidence import canonical

text = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | text
values = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_read_back_and_written_the_same(value):
    data = canonical.dumps(value)
    assert canonical.loads(data) == value
    assert canonical.dumps(canonical.loads(data)) == data


@given(st.dictionaries(text, scalars))
def test_order_does_not_matter(value):
    assert canonical.dumps(dict(reversed(value.items()))) == canonical.dumps(value)


@given(st.integers(0, 2**64 - 1))
def test_numbers_are_those_of_ecmascript(bits):
    (number,) = struct.unpack(">d", struct.pack(">Q", bits))
    if math.isfinite(number):
        assert float(canonical.dumps(number)) == number
    else:
        with pytest.raises(canonical.BadJson):
            canonical.dumps(number)


@given(st.binary(max_size=60) | text.map(str.encode))
def test_reading_never_crashes(data):
    try:
        canonical.dumps(canonical.loads(data))
    except canonical.BadJson:
        event("refused")
    else:
        event("read")


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"x":{"a":1,"\\u0061":2}}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b"9007199254740993",
        b"1" * 5000,
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b"{}{}",
        b"",
        b"01",
        b"[1,]",
        b"'a'",
        b'"a\nb"',
        b'"\\ud800"',
        b'{"\\uDFFFx": 1}',
        b'"\\ude00\\ud83d"',
    ],
)
def test_not_strict(data):
    with pytest.raises(canonical.BadJson):
        canonical.loads(data)


def test_both_halves_are_a_character():
    assert canonical.loads(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_too_long():
    with pytest.raises(canonical.BadJson, match="longer than 4 bytes"):
        canonical.loads(b"12345", max_bytes=4)


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), "\ud800", {"\ud800": 1}, object(), {1, object()}]
)
def test_not_writable(value):
    with pytest.raises(canonical.BadJson):
        canonical.dumps(value)


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    x: int
    y: int = 0


def test_records():
    assert canonical.decode_canonical(b'{"x":1,"y":0}', Point) == Point(1)
    assert canonical.decode(b' {"x": 1}', Point) == Point(1)
    for data in (b' {"x":1,"y":0}', b'{"y":0,"x":1}', b'{"x":1}', b'{"x":1,"\\u0079":0}'):
        with pytest.raises(canonical.BadJson, match="not in canonical form"):
            canonical.decode_canonical(data, Point)
    for data in (b'{"x":"1"}', b'{"x":1,"z":2}', b"[]", b"{}"):
        with pytest.raises(canonical.BadJson, match="no Point"):
            canonical.decode(data, Point)
