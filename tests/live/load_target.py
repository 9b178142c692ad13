"""A small HTTP target whose truth is known: it freezes on schedule, errs, redirects, hangs up or refuses on order."""

import asyncio
import contextlib
import json
import random
import threading
import time
from collections import Counter

TOKENS = ("authorization:", "x-api-key:")


class LoadTarget:
    """Serves on a free port, of loopback where nothing else is said, in a thread of its own, while in ``with``."""

    def __init__(
        self, *, stall=(0.0, 1.0), delay_s=0.0, elsewhere="", bind="127.0.0.1", queue=(0, 0.0)
    ):
        self.servers, self.service_s = queue
        self.draw = random.Random(7)
        self.finished = []
        self.bind = bind
        self.stall_s, self.period_s = stall
        self.delay_s = delay_s
        self.elsewhere = elsewhere
        self.hits = Counter()
        self.clients = Counter()
        self.tokens = Counter()
        self.accepted = set()
        self.t0 = time.monotonic()

    def __enter__(self):
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        self._thread.start()
        assert started.wait(5)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def origin(self):
        return ("http", "127.0.0.1", self.port)

    async def _serve(self, started):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._free = asyncio.Semaphore(self.servers)
        server = await asyncio.start_server(self._talk, self.bind, 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _talk(self, reader, writer):
        self.clients[writer.get_extra_info("peername")[0]] += 1
        with contextlib.suppress(
            asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError
        ):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lengths = [
                    line
                    for line in head.lower().split("\r\n")
                    if line.startswith("content-length:")
                ]
                await reader.readexactly(int(lengths[0].partition(":")[2]) if lengths else 0)
                path = head.split(" ")[1]
                self.hits[path] += 1
                self.tokens.update(x for x in head.split("\r\n") if x.lower().startswith(TOKENS))
                await self._wait(path)
                writer.write(self._answer(path, head))
                await writer.drain()
                if path == "/closing":
                    break
        writer.close()

    async def _wait(self, path):
        if path == "/hang":
            await asyncio.sleep(3600)
        if path == "/queue":
            async with self._free:
                await asyncio.sleep(self.draw.expovariate(1 / self.service_s))
            self.finished.append(time.monotonic())
        elif path != "/health":
            phase = (time.monotonic() - self.t0) % self.period_s
            frozen_s = self.stall_s - phase
            await asyncio.sleep(max(frozen_s, 0.0) + self.delay_s)

    def _answer(self, path, head):
        if path == "/odd":
            return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "
        if path == "/known" and not any(one in head for one in self.accepted):
            return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
        if path == "/moved":
            return f"HTTP/1.1 302 Found\r\nLocation: {self.elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()
        status = {"/broken": "503 Service Unavailable", "/private": "401 Unauthorized"}.get(
            path, "200 OK"
        )
        body = {"/errors": {"errors": [{"message": "no"}]}, "/null": {"data": None}}.get(
            path, {"data": {"a": 1}}
        )
        text = json.dumps(body).encode()
        last = "Connection: close\r\n" if path == "/closing" else ""
        return f"HTTP/1.1 {status}\r\n{last}Content-Length: {len(text)}\r\n\r\n".encode() + text
