"""Nothing can be made up, altered, dropped, repeated or taken over; clocks are known well enough."""

import msgspec
import pytest
from harness.played import plan
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.harness.plan import Order
from readiness_kit.harness.wire import (
    Beat,
    Beaten,
    Begin,
    Clocks,
    Forged,
    Host,
    Join,
    Seal,
    Sealed,
    digest_of,
    nonce,
)

THEIRS, OURS = b"a" * 16, b"b" * 16
JOIN = Join(kit_version="1", scenario_sha256="")


def seal(secret="planted", direction="up", nonces=(THEIRS, OURS)):
    return Seal(secret, direction, *nonces)


def ends(**other):
    return seal(**other), seal()


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=5))
def test_what_is_sealed_arrives_in_order(texts):
    up, master = ends()
    for text in texts:
        join = Join(kit_version=text.hex(), scenario_sha256="")
        assert msgspec.json.decode(master.open(up.close(join)), type=Join) == join


@pytest.mark.parametrize(
    "other",
    [
        {"secret": "guessed"},
        {"secret": ""},
        {"direction": "down"},
        {"nonces": (b"c" * 16, OURS)},
        {"nonces": (THEIRS, b"c" * 16)},
        {"nonces": (OURS, THEIRS)},
    ],
)
def test_another_secret_direction_or_run_is_noticed(other):
    up, master = ends(**other)
    with pytest.raises(Forged, match="another secret"):
        master.open(up.close(JOIN))


@given(st.data())
def test_one_altered_byte_is_noticed(data):
    up, master = ends()
    sealed = bytearray(up.close(JOIN))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    try:
        text = master.open(bytes(sealed))
    except Forged:
        return
    assert text == msgspec.json.encode(JOIN)  # another way to write the same message


@pytest.mark.parametrize("order", [[1], [0, 0], [0, 2], [0, 1, 0], [0, 1, 1]])
def test_a_message_that_is_missing_repeated_or_late_is_noticed(order):
    up, master = ends()
    sealed = [up.close(JOIN) for _ in range(3)]
    *good, bad = order
    for number in good:
        master.open(sealed[number])
    with pytest.raises(Forged, match=f"message {bad + 1} follows message {len(good)}"):
        master.open(sealed[bad])


def test_a_renumbered_message_is_noticed():
    up, master = ends()
    up.close(JOIN)
    second = msgspec.msgpack.decode(up.close(JOIN), type=Sealed)
    with pytest.raises(Forged, match="another secret"):
        master.open(msgspec.msgpack.encode(msgspec.structs.replace(second, number=1)))


@given(st.binary())
def test_what_is_no_message_is_noticed(junk):
    with pytest.raises(Forged):
        seal().open(junk)


@pytest.mark.parametrize("number", [-1, 0, 2**63, 2**64 - 1])
def test_a_number_that_none_can_have_is_noticed(number):
    with pytest.raises(Forged):
        seal().open(msgspec.msgpack.encode({"number": number, "text": b"", "mac": b""}))


def test_after_a_forgery_the_next_good_message_is_still_taken():
    up, master = ends()
    with pytest.raises(Forged):
        master.open(seal(secret="guessed").close(JOIN))
    assert master.open(up.close(JOIN))


def test_connections_differ():
    assert len({nonce() for _ in range(100)}) == 100


def test_the_secret_and_tokens_show_nowhere():
    host = Host(
        plan=plan(), scenario_sha256="", bind="::1", port=5557, join_s=1.0, secret="planted-secret"
    )
    begin = Begin(order=Order(plan=plan(), tokens=("planted-token",)))
    assert "planted" not in repr(host) + repr(begin)


def test_a_scenario_is_known_by_its_bytes():
    assert digest_of(b"a") == digest_of(b"a") != digest_of(b"a ")


def answered(clocks, sent, *, there_s, back_s, ahead_s):
    """Let a beat be answered by a worker whose clock is *ahead_s* ahead."""
    clocks.saw(Beaten(sent=sent, clock=sent + there_s + ahead_s), sent + there_s + back_s)


def test_unknown_clocks_say_so():
    clocks = Clocks()
    assert clocks.uncertain_s is None
    assert clocks.on_worker(7.0) == 7.0


delays = st.floats(1e-5, 0.5)


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=8), st.floats(-1e6, 1e6))
def test_a_clock_is_known_within_half_of_the_quickest_round_trip(trips, ahead_s):
    clocks = Clocks()
    for number, (there_s, back_s) in enumerate(trips):
        answered(clocks, float(number), there_s=there_s, back_s=back_s, ahead_s=ahead_s)
    quickest_s = min(there_s + back_s for there_s, back_s in trips)
    assert clocks.uncertain_s == pytest.approx(quickest_s / 2, abs=1e-9)
    error_s = abs(clocks.on_worker(100.0) - (100.0 + ahead_s))
    assert error_s <= quickest_s / 2 + 1e-6


def test_as_long_there_as_back_is_exact_and_one_way_only_is_the_worst():
    even, lopsided = Clocks(), Clocks()
    answered(even, 1.0, there_s=0.1, back_s=0.1, ahead_s=3.0)
    answered(lopsided, 1.0, there_s=0.2, back_s=0.0, ahead_s=3.0)
    assert even.on_worker(0.0) == pytest.approx(3.0)
    assert lopsided.on_worker(0.0) == pytest.approx(3.0 + lopsided.uncertain_s)


def test_a_slow_answer_changes_nothing():
    clocks = Clocks()
    answered(clocks, 1.0, there_s=0.001, back_s=0.001, ahead_s=3.0)
    answered(clocks, 2.0, there_s=2.0, back_s=0.0, ahead_s=3.0)
    assert clocks.on_worker(0.0) == pytest.approx(3.0)
    assert Beat(sent=1.0).sent == 1.0
