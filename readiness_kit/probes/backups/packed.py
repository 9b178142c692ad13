"""Files as they are, or packed by gzip, bzip2, xz, zstd or lz4: told by their first bytes.

The first three are unpacked by Python itself, the others by their own programs; where such a
program is missing, nothing was seen of the file, and nothing is wrong with it.
"""

import abc
import bz2
import contextlib
import gzip
import io
import lzma
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, NamedTuple, cast

from readiness_kit.errors import NotSeen, ReadinessError
from readiness_kit.servers.process import clean_environment

Packing = Literal["", "gzip", "bzip2", "xz", "zstd", "lz4"]

MAGIC: tuple[tuple[bytes, Packing], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
"""RFC 1952, bzip2, the .xz format, RFC 8878 3.1.1, the LZ4 frame format."""

PROGRAMS: dict[Packing, tuple[str, ...]] = {
    "zstd": ("zstd", "--decompress", "--stdout", "--long=31"),
    "lz4": ("lz4", "-d", "-c"),
}
"""Without ``--long``, zstd refuses what was packed with a window of more than 128 MB."""

BUFFER_BYTES = 1 << 20


class Damaged(ReadinessError):
    """A packed file breaks off, or is not what its first bytes say."""


def packing(head: bytes) -> Packing:
    r"""Return what packed a file that begins with *head*.

    >>> packing(b"\x1f\x8b\x08"), packing(b"\x28\xb5\x2f\xfd\x04"), packing(b"PGDMP")
    ('gzip', 'zstd', '')
    """
    return next((name for magic, name in MAGIC if head.startswith(magic)), "")


def packing_of(path: Path) -> Packing:
    """Return what packed the file at *path*, whatever it is called.

    Raises:
        OSError: It cannot be read.

    """
    with path.open("rb") as file:
        return packing(file.read(max(len(magic) for magic, _ in MAGIC)))


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[io.BufferedReader]:
    """Yield what the file at *path* holds, unpacked; reading it raises :class:`Damaged`.

    Raises:
        NotSeen: What unpacks it is not installed.
        OSError: It cannot be read.

    """
    kind = packing_of(path)
    with contextlib.ExitStack() as life:
        stream: _Source
        if command := PROGRAMS.get(kind):
            stream = life.enter_context(_Child(path, command))
        else:
            stream = _Unpacked(life.enter_context(_opened(path, kind)))
        yield life.enter_context(io.BufferedReader(stream, BUFFER_BYTES))


def _opened(path: Path, kind: Packing) -> IO[bytes]:
    if kind == "gzip":
        return cast("IO[bytes]", gzip.open(path))
    if kind == "bzip2":
        return cast("IO[bytes]", bz2.open(path))
    return cast("IO[bytes]", lzma.open(path)) if kind == "xz" else path.open("rb")


class _Source(io.RawIOBase):
    """A stream that is read from its begin to its end."""

    def readable(self) -> bool:
        return True

    def readinto(self, into: "memoryview") -> int:  # type: ignore[override]  # BufferedReader's
        data = self.some(len(into))
        into[: len(data)] = data
        return len(data)

    @abc.abstractmethod
    def some(self, size: int) -> bytes:
        """Return up to *size* bytes; none at the end."""


class _Unpacked(_Source):
    """What Python unpacks."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def some(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise Damaged(str(error)) from error
        except OSError as error:  # gzip and bzip2 say so of what they cannot unpack, without a code
            if error.errno is None:
                raise Damaged(str(error)) from error
            raise


class _Program(NamedTuple):
    """A running unpacker."""

    child: subprocess.Popen[bytes]
    output: IO[bytes]
    said: IO[bytes]


class _Child(_Source):
    """What a program of its own unpacks, which is ended where it is not read to the end."""

    def __init__(self, path: Path, command: tuple[str, ...]) -> None:
        self._life = contextlib.ExitStack()
        self._program = self._started(path, command)

    def _started(self, path: Path, command: tuple[str, ...]) -> _Program:
        program, *options = command
        found = shutil.which(program)
        if found is None:
            raise NotSeen(
                f"{path.name} is packed with {program}, which is not installed here",
                hint=f"install the package {program} where the kit runs",
            )
        said = self._life.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - until close()
        packed = self._life.enter_context(path.open("rb"))
        child = subprocess.Popen(
            [found, *options],
            env=clean_environment(Path(tempfile.gettempdir())),
            stdin=packed,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        assert child.stdout is not None  # noqa: S101 - it was asked for
        self._life.callback(child.wait)
        self._life.callback(child.kill)
        return _Program(child, self._life.enter_context(child.stdout), said)

    def some(self, size: int) -> bytes:
        if data := self._program.output.read(size):
            return data
        status = self._program.child.wait()
        if status:
            self._program.said.seek(0)
            words = self._program.said.read(300).decode(errors="replace").strip()
            raise Damaged(words or f"it cannot be unpacked (status {status})")
        return b""

    def close(self) -> None:
        self._life.close()
        super().close()
