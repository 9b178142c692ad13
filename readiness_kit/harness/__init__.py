"""The load engine: Locust users in a child process, paced by a schedule, recorded and guarded.

The kernel never imports Locust: gevent would patch its sockets, threads and TLS. So there are two
sides, and :mod:`.plan` is what they say to each other:

- the parent: :mod:`.profiles` makes the plan, :mod:`.drive` starts :mod:`.generators` and joins
  (:mod:`.merging`) what they say, :mod:`.conductor` decides whether the run goes on, :mod:`.gauges`
  watch the target's own side;
- each generator: :mod:`.runner` warms the :mod:`.users` of a :mod:`.scenario`, :mod:`.engine` hands
  out the instants of the :mod:`.schedule`, :mod:`.recording` keeps what becomes of them,
  :mod:`.guards` watch the generator itself.
"""

UNIMPORTABLE = frozenset(
    {
        "__main__",
        "connection",
        "engine",
        "failures",
        "fastlane",
        "guarded",
        "guards",
        "master",
        "paced",
        "runner",
        "scenario",
        "users",
        "worker",
    }
)
"""Modules that import Locust or gevent; only a generator may."""
