"""Says in a notebook, while facts are gathered, how far that is: one line, kept up to date."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from IPython.display import DisplayHandle

from readiness_kit.errors import ReadinessError
from readiness_kit.reports.display import Html
from readiness_kit.reports.text import escaped

AFTER_S = 1.0
"""What is quicker is not worth a line."""

EVERY_S = 0.25
"""Least time between two updates: a notebook that is told more often lags behind."""

Progress = Callable[[str, int, int], None]


@contextlib.contextmanager
def looking() -> Iterator[Progress]:
    """Show how many facts are there, once it takes longer, and at the end how long it took.

    Raises:
        ReadinessError: The kernel was interrupted.

    """
    line = _Line()
    try:
        yield line.update
    except BaseException as error:
        line.stopped()
        if isinstance(error, KeyboardInterrupt):
            raise ReadinessError(
                "interrupted: what was under way is given up",
                hint="run all cells again: what was gathered is kept, the rest is asked for",
            ) from None
        raise
    line.end()


class _Line:
    """One line of output; facts are handed in by several threads."""

    def __init__(self) -> None:
        self._began = self._shown = time.monotonic()
        self._handle: DisplayHandle | None = None
        self._lock = threading.Lock()
        self._done = self._total = 0

    def update(self, fact_id: str, done: int, total: int) -> None:
        with self._lock:
            self._done, self._total = done, total
            now = time.monotonic()
            late = now - self._began > AFTER_S and now - self._shown > EVERY_S
            if late and done < total:
                self._shown = now
                self._show(f"{done} of {total} facts gathered, the last {fact_id} …")

    def end(self) -> None:
        with self._lock:
            if self._handle is not None:
                seconds = time.monotonic() - self._began
                self._show(f"{self._done} of {self._total} facts gathered in {seconds:.0f} s")

    def stopped(self) -> None:
        """Show no count: what was given up is counted as done by then."""
        with self._lock:
            if self._handle is not None:
                self._show(f"stopped after {time.monotonic() - self._began:.0f} s")

    def _show(self, words: str) -> None:
        said = Html(f"<p><small>{escaped(words)}</small></p>", words)
        if self._handle is None:
            self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
            self._handle.display(said)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(said)  # type: ignore[no-untyped-call]
