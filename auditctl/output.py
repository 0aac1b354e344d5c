"""Output: to standard output, or to a file that appears under its name only when complete."""

import errno
import fcntl
import os
import select
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from auditctl.errors import OutputError
from auditctl.interrupts import interrupts

BUFFER = 128 * 1024
MODE = 0o600
"""An audit log is for its owner's eyes."""
COMPRESSION = 6
LONGEST_NAME = 255
"""Bytes: what file systems allow. Refused early, since the draft has a shorter name."""

NO_NEW_FILE = (errno.EACCES, errno.EBUSY, errno.EPERM, errno.EROFS, errno.EXDEV)
"""Errors of a draft or a rename where a file that is there already may be written to."""
DISK_FAILURES = (errno.EIO, errno.ENOSPC, errno.EDQUOT)
LOCK_PATIENCE_SECONDS = 1.0
"""For a folder: who makes or replaces a file in it holds it for milliseconds."""
LOCK_POLL_SECONDS = 0.01

Write = Callable[[bytes], None]


class ReaderGoneError(Exception):
    """The reader of standard output has closed it."""


@contextmanager
def standard_output() -> Iterator[Write]:
    """Provide a function that writes to standard output.

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
                try:
                    while rest:
                        try:
                            rest = rest[os.write(1, rest) :]
                        except BlockingIOError:  # somebody else made the pipe non-blocking
                            select.select([], [1], [])
                except OSError:
                    _take_back(1, len(data) - len(rest))
                    raise

        yield write
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise cannot("standard output", error) from None


def _take_back(file: int, size: int) -> None:
    """Cut off the last ``size`` bytes of a regular file: a part of a record, as the disk is full.

    But not if somebody else has written behind them.
    """
    with suppress(OSError):
        end = os.lseek(file, 0, os.SEEK_CUR)
        if os.fstat(file).st_size == end:
            os.ftruncate(file, end - size)
            os.lseek(file, end - size, os.SEEK_SET)


def is_pipe(path: str) -> bool:
    """Return whether another program reads what is written there; ``-`` is standard output."""
    try:
        mode = os.fstat(1).st_mode if path == "-" else os.stat(path).st_mode  # noqa: PTH116
    except OSError:  # it is closed, or not there yet
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def check_reader() -> None:
    """Check that standard output still has a reader, without writing anything.

    Raises:
        ReaderGoneError: the other end of the pipe is closed.

    """
    if is_pipe("-"):
        poll = select.poll()
        poll.register(1, 0)  # errors are reported in any case
        if poll.poll(0):
            raise ReaderGoneError


@contextmanager
def whole_file(path: str, check: Callable[[], None] = lambda: None) -> Iterator[Write]:
    """Provide a function that writes to a draft beside ``path``, which replaces it at the end.

    After an exception the draft is removed and the file is unchanged. A path that ends in ``.gz``
    is compressed. A device or a pipe is written to directly. ``check`` is called right before the
    draft replaces the file, and may raise to prevent that.

    Raises:
        OutputError: there is no such folder, no permission or no space.

    """
    try:
        # Opened by this name: the target of /dev/stdout may have no name of its own.
        opened = _draft(_target(path), check) if _is_regular(path) else open(path, "wb")  # noqa: PTH123, SIM115
        with opened as file:
            if path.lower().endswith(".gz"):
                import gzip

                # No name and no time inside: the same records make the same bytes.
                with gzip.GzipFile("", "wb", COMPRESSION, file, mtime=0) as packed:
                    yield packed.write  # type: ignore[misc] # how many bytes is nobody's concern
            else:
                yield file.write  # type: ignore[misc]
    except BrokenPipeError:  # the name of a pipe, such as /dev/stdout
        raise ReaderGoneError from None
    except OSError as error:
        failed = cannot(path, error)
        if error.errno in NO_NEW_FILE and os.access(path, os.W_OK):
            # Not written in place here: after a failure the old content would be gone.
            import shlex

            failed = OutputError(
                f"Cannot write {path}: no new file can take its place, as happens where it is "
                f"mounted ({error.strerror}). Write to standard output instead: "
                f"> {shlex.quote(path)}"
            )
        raise failed from None


@contextmanager
def _draft(target: str, check: Callable[[], None]) -> Iterator[IO[bytes]]:
    folder = os.path.dirname(target)  # noqa: PTH120
    # Of a short name of its own: with the target's in it, it might be too long for a name.
    draft = os.path.join(folder, f".auditctl-{os.urandom(8).hex()}.part")  # noqa: PTH118
    # O_EXCL: another's file under the draft's name is not ours to write to, nor to remove.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(draft, flags, MODE), "wb", buffering=BUFFER) as file:  # noqa: PTH123
            # For a umask that denies more. A file system without such rights refuses; the file is
            # then no more open than everything else on it.
            with suppress(OSError):
                os.fchmod(file.fileno(), MODE)
            yield file
            file.flush()
            _sync(file.fileno())
        interrupts.finish()  # what a signal came too late for did not fail
        sync_folder(folder)  # a disk that refuses this is found before anything has changed
        with locked_folder(folder):
            check()
            os.replace(draft, target)  # noqa: PTH105
    except BaseException as error:
        others = isinstance(error, FileExistsError) and error.filename == draft
        with suppress(FileNotFoundError):  # it has its name already, or was never made
            if not others:
                os.unlink(draft)  # noqa: PTH108
        raise
    sync_folder(folder)


def _sync(file: int) -> None:
    """Make what was written last, on a file system that can promise it."""
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise


def sync_folder(folder: str) -> None:
    """Make a new name last: it is an entry of the folder, not of the file.

    Not every folder can be opened, and not every file system can sync one.

    Raises:
        OSError: the disk has failed or is full.

    """
    try:
        descriptor = os.open(folder or ".", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in DISK_FAILURES:
            raise


@contextmanager
def locked_folder(folder: str) -> Iterator[None]:
    """Keep other runs of auditctl from making or replacing a file in this folder.

    Without the lock, if it cannot be had soon, the block runs all the same: the process that
    started this program may hold it.
    """
    descriptor = None
    with suppress(OSError):
        descriptor = os.open(folder or ".", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(descriptor)
        yield
    finally:
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)


def _lock(descriptor: int | None) -> None:
    until = time.monotonic() + LOCK_PATIENCE_SECONDS
    while descriptor is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return
            time.sleep(LOCK_POLL_SECONDS)
        except OSError:  # the file system has no locks
            return
        else:
            return


def _target(path: str) -> str:
    """Find the file that a name leads to, so that a link stays a link.

    Raises:
        OSError: nothing can be written under that name.

    """
    if len(os.path.basename(path).encode(errors="surrogateescape")) > LONGEST_NAME:  # noqa: PTH119
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    target = os.path.realpath(path)
    if os.path.islink(target):  # noqa: PTH114
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if os.path.isdir(target) or path.endswith("/"):  # noqa: PTH112
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return target


def _is_regular(path: str) -> bool:
    """Return whether a draft can replace the file: a device or a pipe is written to directly."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except OSError:  # it is not there; or it can have no draft either, which says why
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def write_all(file: int, data: bytes, offset: int) -> None:
    """Write all of ``data``, however much the system takes at once."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        rest = rest[written:]
        offset += written


def write_pieces(file: int, pieces: Sequence[bytes], offset: int) -> None:
    """Write all of ``pieces`` with one call: one for each would take the kernel half as long again.

    There must be few: every system takes 16 at once, Linux 1,024.
    """
    os.lseek(file, offset, os.SEEK_SET)  # not every system has os.pwritev
    written = os.writev(file, pieces)
    if written < sum(map(len, pieces)):
        write_all(file, b"".join(pieces)[written:], offset + written)


def cannot(what: str, error: OSError) -> OutputError:
    """Return the failure for something that the system refuses to write."""
    message = f"Cannot write {what}: {error.strerror or error}."
    if error.errno == errno.ENOSPC:
        message += " Free some space, or choose another disk."
    elif error.errno == errno.EISDIR:
        message += " Use the name of a file in it."
    elif error.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.EROFS):
        message += " Check that the folder exists and that you may write in it."
    return OutputError(message)
