"""The load engine: Locust users in a child process, paced by a schedule, recorded and guarded.

The kernel never imports Locust: gevent would patch its sockets, threads and TLS. So there are two
sides, which meet only in what they say to each other: :mod:`.plan`, and :mod:`.wire` between hosts.

- The parent: :mod:`.runs` plays each profile, :mod:`.conducting` makes the plan, drives the
  generators and decides whether the run goes on, :mod:`.sampling` watches the target's own side.
- Each generator: :mod:`.generator` warms the :mod:`.users` of a scenario and keeps its share of the
  :mod:`.schedule`, :mod:`.sending` hands out the instants, sends, and keeps what becomes of them,
  over :mod:`.http` where a request is prepared bytes.
"""

UNIMPORTABLE = frozenset({"__main__", "generator", "sending", "users"})
"""Modules and rooms that import Locust or gevent; only a generator may."""
