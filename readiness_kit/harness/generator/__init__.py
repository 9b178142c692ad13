"""The processes that gevent patches: a generator, and the master and workers on other hosts."""
