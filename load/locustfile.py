"""The usual traffic of Quill, the demo service: seven readers to two writers and one long visit.

The engine plays this file (``readiness load benchmark``), and stock Locust does too::

    LOCUST_TOKEN=… locust -f load/locustfile.py --headless --host https://localhost:8443 -u 10

A name at the end chooses (``locust -f load/locustfile.py … Reader``), and so does naming one of the
files alone: as ``load.scenario`` for all load tests, as ``scenario`` of one profile for that one.
"""

from journey import Person
from mixed import Writer
from read_heavy import Reader

__all__ = ["Person", "Reader", "Writer"]
