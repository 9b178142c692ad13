"""Real TLS servers, and liars, on loopback."""

import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import trustme

Talk = Callable[[socket.socket], None]


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


def authority_file(folder: Path) -> Path:
    path = folder / "ca.pem"
    authority().cert_pem.write_to_path(path)
    return path


def context(
    *names: str,
    ciphers: str = "DEFAULT",
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    key: trustme.KeyType = trustme.KeyType.ECDSA,
) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers(ciphers)
    made.minimum_version, made.maximum_version = lowest, highest
    authority().issue_cert(*(names or ("localhost", "127.0.0.1")), key_type=key).configure_cert(
        made
    )
    return made


@contextlib.contextmanager
def listen(talk: Talk) -> Iterator[int]:
    """Yield the port of a server that talks as *talk* does, one thread a connection."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def one(wire: socket.socket) -> None:
            with contextlib.suppress(OSError), wire:
                wire.settimeout(5)
                talk(wire)

        def accept() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    wire, _ = server.accept()
                    threading.Thread(target=one, args=(wire,), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def speak(made: ssl.SSLContext) -> Talk:
    """Return a talk that shakes hands and waits for the caller to go."""

    def talk(wire: socket.socket) -> None:
        with made.wrap_socket(wire, server_side=True) as tls:
            tls.recv(1)

    return talk


def say(data: bytes) -> Talk:
    """Return a talk that answers any hello with *data*."""

    def talk(wire: socket.socket) -> None:
        wire.recv(4096)
        wire.sendall(data)

    return talk
