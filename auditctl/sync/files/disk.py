"""Safe operations on files and folders that other programs may change too."""

import errno
import os
import stat
from contextlib import suppress

from auditctl.errors import IntegrityError
from auditctl.output import MODE, cannot, locked_folder, sync_folder

FOLDER_MODE = 0o700

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def inspect(path: str) -> os.stat_result | None:
    """Inspect a file; None if there is nothing under its name.

    Raises:
        IntegrityError: it is no regular file.
        OutputError: it cannot be looked at.

    """
    try:
        found = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot(path, error) from None
    _check_kind(path, found)
    return found


def open_file(path: str, flags: int) -> int:
    """Open a regular file, and never wait for it as for a FIFO without a writer.

    Raises:
        IntegrityError: it is no regular file.
        OSError: it cannot be opened.

    """
    with suppress(FileNotFoundError):  # looked at first: to open a device may do something already
        _check_kind(path, os.stat(path))  # noqa: PTH116
    file = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, MODE)
    try:
        _check_kind(path, os.fstat(file))
    except BaseException:
        close(file)
        raise
    return file


def close(file: int) -> None:
    """Close a file that was only read, or whose bytes were synced: nothing can be lost."""
    with suppress(OSError):
        os.close(file)


def _check_kind(path: str, found: os.stat_result) -> None:
    kind = stat.S_IFMT(found.st_mode)
    if kind != stat.S_IFREG:
        raise IntegrityError(
            f"{path} is {_KINDS.get(kind, 'something else')}, where a file is expected. Nothing "
            "was done; move it away, or choose another PATH."
        )


def create_file(path: str) -> os.stat_result:
    """Make an empty file, or look at the one that is there; a link is followed.

    Raises:
        IntegrityError: there is something that is no regular file.
        OSError: it cannot be made.

    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)  # noqa: PTH120
    with locked_folder(folder):
        try:
            # O_EXCL: else two names that the file system does not tell apart would be one file.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            file = os.open(target, flags, MODE)
        except FileExistsError:
            file = open_file(target, os.O_WRONLY)
        try:
            found = os.fstat(file)
        finally:
            os.close(file)
    sync_folder(folder)
    return found


def make_folder(path: str) -> None:
    """Make a folder and those above it, for the owner alone.

    The folder above is synced in any case: a run that was killed may have made this one.
    """
    if not path:
        return
    above = os.path.dirname(path)  # noqa: PTH120
    if not os.path.isdir(path):  # noqa: PTH112
        make_folder(above)
        with suppress(FileExistsError):  # another run made it meanwhile
            os.mkdir(path, FOLDER_MODE)  # noqa: PTH102
    sync_folder(above)


def cut_back(file: int, length: int, end: int) -> None:
    """Take off what a file has from ``length`` to ``end``, unless somebody has written on.

    Raises:
        OSError: somebody has, or it cannot be done.

    """
    if os.fstat(file).st_size != end:
        raise OSError(errno.EBUSY, "somebody else is writing to it")
    os.ftruncate(file, length)


def set_changed(path: str | int, mtime_ns: int) -> None:
    """Set a file's time of change to what was noted, so that it need not be read again."""
    os.utime(path, ns=(os.stat(path).st_atime_ns, mtime_ns))  # noqa: PTH116


def foreign(path: str) -> IntegrityError:
    """Return the error for a file that belongs to somebody else."""
    return IntegrityError(
        f"{path} is there already, and no sync wrote it. Nothing was overwritten: move it away, or "
        "choose another PATH."
    )


def is_same(path: str, other: str) -> bool:
    """Return whether two names lead to one file."""
    try:
        return os.path.samefile(path, other)  # noqa: PTH121
    except OSError:
        return False
