"""The target's own side while load is on: memory, processor time, connections, its own counters.

The parent samples, on the clock of the run; in a generator gevent would replace the sockets.
"""
