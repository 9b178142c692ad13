"""The child process: first the lifeline to its parent, then Locust.

The parent's death must end the child whatever Locust is doing, so two things are set up before
gevent replaces threads and signals: the kernel's parent-death signal (Linux), and a real thread
that reads commands and waits for the end of standard input. Both speak SIGHUP, which ends the run
with status 129.
"""

import _thread
import ctypes
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PARENT_GONE = 128 + signal.SIGHUP
_LAST_WORDS_S = 1.0
_CHUNK = 65536


def main() -> None:
    """Read the order, then run it; tasks may print, so standard output is kept for the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGHUP)
    if os.getppid() != int(sys.argv[2]):
        os._exit(_PARENT_GONE)
    with open(0, "rb", buffering=0, closefd=False) as unbuffered:  # the thread reads what follows
        order = unbuffered.readline()
    out = os.dup(1)
    os.dup2(2, 1)
    inbox: list[bytes] = []
    _thread.start_new_thread(_listen, (inbox, os.read, time.sleep))
    part = importlib.import_module(f"readiness_kit.harness.generator.{sys.argv[1]}")
    part.main(order, out, inbox)


def _listen(
    inbox: list[bytes], read: Callable[[int, int], bytes], sleep: Callable[[float], None]
) -> None:
    """Take commands until the end of standard input, with the originals of what gevent replaces."""
    rest = b""
    while got := read(0, _CHUNK):
        *lines, rest = (rest + got).split(b"\n")
        inbox.extend(lines)
    os.kill(os.getpid(), signal.SIGHUP)
    sleep(_LAST_WORDS_S)
    os._exit(_PARENT_GONE)


if __name__ == "__main__":
    main()
