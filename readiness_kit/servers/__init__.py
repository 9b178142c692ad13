"""Small real servers on loopback: PostgreSQL, Valkey, nginx, Prometheus, and any other program.

Every server is a context manager over one child process that dies with its owner, writes a log,
and shows the last lines of it when it fails to start. Nothing here knows the sandbox.
"""
