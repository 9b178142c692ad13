"""Lanes in a bare loop, without an engine: ``lanes.py PORT USERS SECONDS [CA]``."""

import ssl
import sys
from time import perf_counter

import gevent

from readiness_kit.harness.http.prepared import prepare
from readiness_kit.harness.sending.fastlane import Lane


def use(port: int, until: float, tls: ssl.SSLContext | None) -> None:
    request = prepare("GET", f"127.0.0.1:{port}", "/", {"Accept": "application/json"})
    lane = Lane("127.0.0.1", port, timeout_s=10, tls=tls)
    while perf_counter() < until:
        assert lane.ask(request).status == 200


def main(port: str, users: str, seconds: str, ca: str | None = None) -> None:
    tls = ssl.create_default_context(cafile=ca) if ca else None
    until = perf_counter() + float(seconds)
    alive = [gevent.spawn(use, int(port), until, tls) for _ in range(int(users))]
    gevent.joinall(alive, raise_error=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
