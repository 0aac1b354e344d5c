"""A journal opened from its end: its state, and whether a run holds it."""

# The last line tells where the last snapshot of the `FileState` begins, and only what follows it is
# read: so it is opened fast, however long it is.

import fcntl
import os
from datetime import UTC, datetime, timedelta

from auditctl.errors import IntegrityError
from auditctl.sync.files.chain import (
    backward,
    count,
    decode,
    is_torn,
    read_at,
    unreadable,
    wrong_line,
)
from auditctl.sync.files.commits import Commit, FileState
from auditctl.sync.files.disk import close, open_file
from auditctl.sync.state import FIRST_PREV
from auditctl.window import to_text

NS_PER_MS = 1_000_000


def read_state(path: str) -> FileState | None:
    """Read the state without the lock, perhaps while a run writes; None without a journal.

    Raises:
        IntegrityError: the lines are not what was written.

    """
    try:
        file = open_file(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error) from None
    try:
        found = os.fstat(file)
        size, _, state = read_end(file, path)
        # A run without news sets whole milliseconds; whoever copies or writes the file does not.
        if state.is_success and found.st_size == size and not found.st_mtime_ns % NS_PER_MS:
            state.touched = _text(found.st_mtime_ns)
    except OSError as error:
        raise unreadable(path, error) from None
    finally:
        close(file)
    return state


def is_held(path: str) -> bool:
    """Return whether a run holds the journal."""
    try:
        file = open_file(path, os.O_RDONLY)
    except (OSError, IntegrityError):
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # the file system has no locks, so no run can hold one
        return False
    finally:
        close(file)
    return False


def read_end(file: int, path: str) -> tuple[int, int, FileState]:
    """Return the size of what is whole, where the last snapshot begins, and the state.

    Raises:
        IntegrityError: a line that is needed was changed.

    """
    state = FileState()
    size = os.fstat(file).st_size
    offset, text = next(backward(file, size, torn=True), (0, b"\n"))
    if b"\0" in text or not text.endswith(b"\n"):
        if not is_torn(text, offset):
            raise wrong_line(path, count(file, size), "it was changed")
        size = offset
    if not size:
        return 0, 0, state
    offset, text = next(backward(file, size))
    last = decode(text, ids=False)
    if last is None:
        raise wrong_line(path, count(file, size), "it was changed")
    begin = last.state_at
    texts = []
    if 0 <= begin <= offset:
        texts = read_at(file, size - begin, begin).split(b"\n")[:-1]
    if not texts or not _is_snapshot(decode(texts[0], ids=False), begin):
        # The place is counted in bytes: there is another line now, or a part of one.
        raise wrong_line(path, count(file, size), "lines before it were dropped or changed")
    number = last.line - len(texts) + 1
    at = begin
    for text in texts:
        number += 1
        commit = decode(text, ids=False)
        if commit is None:
            raise wrong_line(path, number, "it was changed")
        if state.line >= 0 and commit.prev != state.head:
            raise wrong_line(path, number, "a line before it was changed or dropped")
        state.apply(commit, at)
        at += len(text) + 1
    return size, begin, state


def _is_snapshot(commit: Commit | None, offset: int) -> bool:
    """Return whether this is the line with a snapshot that was written at this byte."""
    if commit is None or commit.snapshot is None or commit.state_at != offset:
        return False
    begins = (commit.line, commit.prev) == (0, FIRST_PREV)
    return begins is (offset == 0)


def _text(moment_ns: int) -> str | None:
    """Write a file's time, cut to milliseconds; None if no clock can show it."""
    try:
        return to_text(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_ns // 1000))
    except OverflowError:
        return None
