"""A stranger that reaches the master's port and says what nobody should."""

import itertools
import random

import msgspec
import zmq

TYPES = ("sealed", "hello", "welcome", "spawn", "")
DATA = (b"", b"\x83\xa6\xeeumber", b"x" * 1000, "text", None, {"number": -1}, 7)


def send(port):
    """Send junk until killed."""
    draw = random.Random(1)
    with zmq.Context() as context, context.socket(zmq.DEALER) as wire:
        wire.setsockopt(zmq.IDENTITY, b"stranger")
        wire.connect(f"tcp://127.0.0.1:{port}")
        for number in itertools.count():
            frame = msgspec.msgpack.encode([draw.choice(TYPES), draw.choice(DATA), "stranger"])
            wire.send(frame if number % 3 else draw.randbytes(40))
            while wire.poll(5):
                wire.recv()
