"""What checks of load tests have in common: when a run proves anything, and what it then shows.

Pure, like the checks themselves: ``parts`` of a run, the ``limits`` it may hold, the ``memory`` of
the processes, ``overload``, ``capacity``, and what each of the ``profiles`` is for.
"""

from readiness_kit.load_verdict.capacity import capacity_of
from readiness_kit.load_verdict.profiles import held

__all__ = ["capacity_of", "held"]
