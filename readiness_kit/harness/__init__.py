"""The load engine: Locust users in a child process, paced by a schedule, recorded and guarded.

The kernel never imports Locust: gevent would patch its sockets, threads and TLS. :mod:`.drive`
starts the child and reads its samples; :mod:`.runner` is the child; :mod:`.plan` is what they say
to each other.
"""

UNIMPORTABLE = frozenset({"__main__", "runner", "users"})
"""Modules that import Locust; only the child may."""
