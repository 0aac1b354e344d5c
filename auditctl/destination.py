"""Where the bytes go: standard output, or a file that appears under its name only when whole."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from auditctl.errors import OutputError
from auditctl.interrupts import interrupts

BUFFER = 128 * 1024
MODE = 0o600
"""An audit log is for its owner's eyes."""
COMPRESSION = 6

Write = Callable[[bytes], None]


class ReaderGoneError(Exception):
    """Whoever read standard output has seen enough."""


@contextmanager
def standard_output() -> Iterator[Write]:
    """Lend a function that writes to standard output.

    Raises:
        ReaderGoneError: the other end of the pipe is closed.
        OutputError: it cannot be written.

    """
    try:
        os.fstat(1)  # if it is closed, the next thing opened would take its number

        def write(data: bytes) -> None:
            # Unbuffered: what a buffer still held would be written when a run is ended, and
            # whoever reads is to get whole records then.
            rest = memoryview(data)
            with interrupts.held():
                while rest:
                    rest = rest[os.write(1, rest) :]

        yield write
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise _cannot("standard output", error) from None


@contextmanager
def whole_file(path: str) -> Iterator[Write]:
    """Lend a function that writes to a draft beside ``path``, which takes its place at the end.

    After an exception the draft is removed and what stood under the name stands there still. A
    path that ends in ``.gz`` is compressed. A device or a pipe is written to directly.

    Raises:
        OutputError: there is no such folder, no right, no room.

    """
    target = os.path.realpath(path)  # a link stays a link
    try:
        if _is_special(target):
            with open(target, "wb", buffering=BUFFER) as file:  # noqa: PTH123
                yield file.write  # type: ignore[misc] # the number of bytes is nobody's concern
            return
        with _draft(target) as file:
            if path.endswith(".gz"):
                import gzip

                # No name and no time inside: the same records make the same bytes.
                with gzip.GzipFile("", "wb", COMPRESSION, file, mtime=0) as packed:
                    yield packed.write  # type: ignore[misc]
            else:
                yield file.write  # type: ignore[misc]
    except BrokenPipeError:  # the name of a pipe, such as /dev/stdout
        raise ReaderGoneError from None
    except OSError as error:
        raise _cannot(path, error) from None


@contextmanager
def _draft(target: str) -> Iterator[IO[bytes]]:
    folder, name = os.path.split(target)
    draft = os.path.join(folder, f".{name[:200]}.{os.urandom(4).hex()}.part")  # noqa: PTH118
    # O_EXCL: another's file under the draft's name is not ours to write to, nor to remove.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    file = open(os.open(draft, flags, MODE), "wb", buffering=BUFFER)  # noqa: PTH123, SIM115
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)  # noqa: PTH105
    except BaseException:
        os.unlink(draft)  # noqa: PTH108
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Make the new name last: it is an entry of the folder, not of the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_special(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except OSError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return not stat.S_ISREG(mode)


def _cannot(what: str, error: OSError) -> OutputError:
    message = f"Cannot write {what}: {error.strerror or error}."
    if error.errno == errno.ENOSPC:
        message += " Free some room, or choose another disk."
    elif error.errno in (errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOTDIR, errno.EROFS):
        message += " Check that the folder exists and that you may write in it."
    return OutputError(message)
