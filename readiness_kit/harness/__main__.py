"""The child process: first the lifeline to its parent, then Locust.

The parent's death must end the child whatever Locust is doing, so two things are set up before
gevent replaces threads and signals: the kernel's parent-death signal (Linux), and a real thread
that waits for the end of standard input. Both speak SIGHUP, which ends the run with status 129.
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


def main() -> None:
    """Read the order, then run it; tasks may print, so standard output is kept for the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGHUP)
    if os.getppid() != int(sys.argv[1]):
        os._exit(_PARENT_GONE)
    order = sys.stdin.buffer.readline()
    out = os.dup(1)
    os.dup2(2, 1)
    _thread.start_new_thread(_hold, (os.read, time.sleep))
    importlib.import_module("readiness_kit.harness.runner").main(order, out)


def _hold(read: Callable[[int, int], bytes], sleep: Callable[[float], None]) -> None:
    """Wait for the end of standard input, with the originals of what gevent replaces."""
    while read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGHUP)
    sleep(_LAST_WORDS_S)
    os._exit(_PARENT_GONE)


if __name__ == "__main__":
    main()
