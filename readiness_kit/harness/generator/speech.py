"""How a generator, and a master, speak to their parent: JSON, one message a line."""

import os
from collections.abc import Callable

import msgspec


def speaker(out: int) -> Callable[[msgspec.Struct], None]:
    """Return what writes one line a message to the file descriptor *out*."""

    def say(message: msgspec.Struct) -> None:
        line = msgspec.json.encode(message) + b"\n"
        while line:
            line = line[os.write(out, line) :]

    return say
