"""Builds target.c, starts it, and reads its own counter."""

import functools
import mmap
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import trustme

SOURCE = Path(__file__).with_name("target.c")

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
TOOL_CORE, TARGET_CORE = (CORES[0], CORES[-1]) if len(CORES) > 1 else (None, None)
"""One core for whoever loads, another for what is loaded; None where there is only one."""


class NotHere(Exception):
    """Something that is needed to measure is missing; its text says what."""


class Target:
    """A server that counts; ``url`` is where it listens."""

    def __init__(self, port: int, served: mmap.mmap, *, tls: bool) -> None:
        self.port = port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self.origin = ("https" if tls else "http", "127.0.0.1", port)
        self._served = served

    @property
    def served(self) -> int:
        """Requests answered so far."""
        return int.from_bytes(self._served[:8], "little")


class Certificates:
    """An authority and a certificate for this host, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.ca, self.key = folder / "ca.pem", folder / "key.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        made = authority.issue_cert("localhost", "127.0.0.1")
        made.private_key_and_cert_chain_pem.write_to_path(self.key)


def pinned(command: Sequence[str], core: int | None) -> list[str]:
    """Return *command* kept on one core, where that can be done."""
    taskset = shutil.which("taskset")
    if core is None or taskset is None:
        return list(command)
    return [taskset, "-c", str(core), *command]


@functools.cache
def built(*, tls: bool) -> Path:
    """Return the built server.

    Raises:
        NotHere: There is no compiler, or no OpenSSL to build with.

    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise NotHere("no C compiler (cc) to build benchmarks/target.c with")
    out = Path(tempfile.mkdtemp(prefix="readiness-bench-")) / "target"
    argv = [compiler, "-O2", "-o", str(out), str(SOURCE), "-lm"]
    argv += ["-DTLS", "-lssl", "-lcrypto"] if tls else []
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHere(f"target.c does not build: {done.stderr.splitlines()[0]}")
    return out


@contextmanager
def target(
    options: Sequence[str] = (), certificates: Certificates | None = None
) -> Iterator[Target]:
    """Yield a server started with *options* of target.c, over TLS with *certificates*."""
    program = built(tls=certificates is not None)
    secure = ["-k", str(certificates.key)] if certificates else []
    with (
        tempfile.NamedTemporaryFile() as counter,
        subprocess.Popen(
            pinned([str(program), "-f", counter.name, *secure, *options], TARGET_CORE),
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield Target(port, mmap.mmap(counter.fileno(), 8), tls=bool(certificates))
        finally:
            process.terminate()
