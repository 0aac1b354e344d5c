"""The journal: a hash-linked line per commit, which is the only state that a destination has.

To be opened fast however long it is, it is read from its end: the last line tells where the last
line with the whole `State` stands, and only what follows that one is read.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from auditctl import __version__
from auditctl.destination import MODE, cannot, sync_folder, write_all
from auditctl.errors import IntegrityError, LockedError
from auditctl.sync.lines import (
    FIRST_PREV,
    Line,
    backward,
    count,
    opened,
    parsed,
    says_nothing,
    seal,
    unreadable,
    whole_size,
    without_ids,
    wrong_line,
)
from auditctl.sync.state import State
from auditctl.window import now_text

POLL = 0.02
"""Seconds between two looks whether another run has let go of the lock."""
GLANCE = 0.05
"""Seconds that a lock is waited for in any case."""
OLDEST_FALLBACK = timedelta(hours=1)
UNREAD = 5
"""How often a last line that another run is just writing is looked at again."""


class Journal:
    """The journal of one destination, locked for as long as it is open."""

    def __init__(self, path: str, wait: float, pause: Callable[[float], object]) -> None:
        """Take the lock, drop a last line that was never finished, and read the state.

        Raises:
            LockedError: another run holds it, and still does after ``wait`` seconds.
            IntegrityError: the lines are not what was written.
            OutputError: it cannot be written.

        """
        self.path = path
        self.waited = 0.0
        """Seconds that the last line waited for the disk."""
        self.torn = False
        """A line could neither be written nor taken back: the next run sees what there is of it."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(path, flags, MODE)
        except OSError as error:
            raise cannot(path, error) from None
        try:
            self._lock(wait, pause)
            self._size, self._last, self.state = _read_end(self._file, path)
            if os.fstat(self._file).st_size > self._size:
                os.ftruncate(self._file, self._size)
        except OSError as error:
            os.close(self._file)
            raise cannot(path, error) from None
        except BaseException:
            os.close(self._file)
            raise

    def _lock(self, wait: float, pause: Callable[[float], object]) -> None:
        # Whoever looks whether the journal is held holds it too, for a moment.
        until = time.monotonic() + max(wait, GLANCE)
        while True:
            try:
                # The kernel's: it ends with the process, however that ends.
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    message = (
                        f"Another run holds {self.path}. Nothing was done; wait for it with "
                        "--wait, or let it go on."
                    )
                    raise LockedError(message) from None
                pause(POLL)
            except OSError as error:
                raise cannot(self.path, error) from None
            else:
                return

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._file)

    def append(self, *, whole: bool = False, **own: Any) -> None:  # noqa: ANN401
        """Write a line and make it last; it is then the state.

        ``own`` are the members that this line decides; the rest is as before, and ``whole`` writes
        the whole state with it. A line that only says that nothing was found takes the place of
        such a line, if there is a young one before that: it is the last if the writing fails.

        Raises:
            OutputError: it cannot be written. What was committed before stays so.

        """
        state = self.state
        line: Line = {
            "window": state.window,
            "covered": state.covered,
            "success": state.success,
            "gaps": state.gaps,
            "acknowledged": [],
            "moved": [],
            "files": [],
            "records": state.records,
            "latest": state.latest,
            "oldest": None,
            "newest": None,
            "kept": {},
            **own,
        }
        # A clock that is wrong for a while makes windows end earlier than those before them.
        line["seen"] = max(state.seen, line["window"]["until"])
        line["ids"] = line.pop("ids", [])  # last, so that they can be passed over unread
        nothing = says_nothing(line)
        again = nothing and self._last.may_go() and line["gaps"] == state.gaps and not whole
        if again and state.window is not None and state.window["done"]:
            if line["window"]["done"]:
                # It stands for both, or it would look as if nobody had read what lies between.
                since = _earlier(line["window"]["since"], state.window["since"])
                line["window"] = {**line["window"], "since": since}
                if state.covered is not None and line["covered"] == state.covered:
                    # What is covered was so by the one before, whose clock was a bit ahead.
                    line["window"]["until"] = state.window["until"]
            else:
                again = False  # that the one before was done must not be lost
        offset = self._last.offset if again else self._size
        number, prev = (state.line, self._last.prev) if again else (state.line + 1, state.head)
        state_at = self._last.state_at
        head = {
            "line": number,
            "prev": prev,
            "at": now_text(),
            "version": __version__,
            "state_at": state_at,
        }
        if whole or offset - state_at > state.enough:
            state_at = offset
            head |= {"state_at": offset, "state": state.whole()}
        written = {**head, **line}
        data = seal(written)
        self._see()
        try:
            if offset < self._size:
                # Not written over: what a longer line left behind would look like a line.
                os.ftruncate(self._file, offset)
            write_all(self._file, data, offset)
            started = time.monotonic()
            os.fsync(self._file)
            self.waited = time.monotonic() - started
        except OSError as error:
            self.torn = True
            with suppress(OSError):
                os.ftruncate(self._file, offset)
                self.torn = False
            raise cannot(self.path, error) from None
        if offset == 0:
            sync_folder(os.path.dirname(self.path))  # noqa: PTH120
        self._size = offset + len(data)
        nothing = nothing and "state" not in written
        fallback = self._last.fallback if again else state.done_at
        self._last = _Last(offset, prev, state_at, nothing, fallback)
        state.apply(written)

    def _see(self) -> None:
        """See whether the journal is still where it should be: logrotate moves what it is told to.

        Raises:
            IntegrityError: it is not, so that another run may hold another one.

        """
        try:
            there = os.stat(self.path).st_ino == os.fstat(self._file).st_ino  # noqa: PTH116
        except OSError:
            there = False
        if not there:
            raise IntegrityError(
                f"{self.path} was moved away or replaced while a run held it. Put it back; the "
                "journal belongs to its files, and nothing may rotate or remove it."
            )

    def ids(self, since: str, enough: str) -> Iterator[list[str]]:
        """Give the ids of records dated from ``since`` on, and of others that share their lines.

        Lines are looked at back to the first whose window ended before ``enough``.
        """
        for _, text in backward(self._file, self._size):
            # Most lines are passed over: their ids, which are most of them, are not even read.
            line, ids = without_ids(text)
            if line["seen"] <= enough:
                return
            # Without the Z, or a finer time would be less than a coarse one that it begins with.
            if (line["newest"] or "")[:-1] >= since[:-1]:
                yield parsed(ids)


@dataclass(frozen=True)
class _Last:
    """The last line: where it stands, and what the next one needs of it."""

    offset: int = 0
    prev: str = FIRST_PREV
    state_at: int = 0
    nothing: bool = False
    """It only says that nothing was found."""
    fallback: str | None = None
    """When the line before it was written, if that one tells of a window read to its end."""

    def may_go(self) -> bool:
        """Say whether another line may take its place.

        A run that is killed in between leaves the line before as the last: it must not be so old
        that all since would have to be read again.
        """
        if not self.nothing or self.fallback is None:
            return False
        age = datetime.now(UTC) - datetime.fromisoformat(self.fallback)
        return abs(age) < OLDEST_FALLBACK


def read_state(path: str) -> State | None:
    """Read the state without the lock, perhaps while a run writes; None without a journal.

    Raises:
        IntegrityError: the lines are not what was written.

    """
    for attempt in range(UNREAD):
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(path, error) from None
        try:
            return _read_end(file, path)[2]
        except OSError as error:
            raise unreadable(path, error) from None
        except IntegrityError:
            if attempt == UNREAD - 1:
                raise
        finally:
            os.close(file)
        time.sleep(POLL)
    raise AssertionError


def is_held(path: str) -> bool:
    """Say whether a run holds the journal."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _read_end(file: int, path: str) -> tuple[int, _Last, State]:
    """Give the size of what is whole, the last line, and the state.

    Raises:
        IntegrityError: a line that is needed is not what was written.

    """
    state = State()
    try:
        size = whole_size(file)
    except ValueError:
        number = count(file, os.fstat(file).st_size)
        raise wrong_line(path, number, "it was changed") from None
    if not size:
        return 0, _Last(), state
    last_offset, text = next(backward(file, size))
    last = opened(text)
    if last is None:
        raise wrong_line(path, count(file, size), "it was changed")
    try:
        begin = last["state_at"]
        texts = []
        if 0 <= begin <= last_offset:
            texts = os.pread(file, size - begin, begin).split(b"\n")[:-1]
        if not texts or not _is_whole(opened(texts[0]), begin):
            # The place is counted in bytes: there is another line now, or a part of one.
            raise wrong_line(path, count(file, size), "lines before it were dropped or changed")
        number = last["line"] - len(texts) + 1
        fallback = None
        for text in texts:
            number += 1
            line = opened(text)
            if line is None:
                raise wrong_line(path, number, "it was changed")
            if state.line >= 0 and line["prev"] != state.head:
                raise wrong_line(path, number, "a line before it was changed or dropped")
            fallback = state.done_at
            state.apply(line)
        nothing = says_nothing(last) and "state" not in last
        return size, _Last(last_offset, last["prev"], begin, nothing, fallback), state
    except (KeyError, TypeError, ValueError, AttributeError):
        # Its hash is right, but it is none that a run has written.
        raise wrong_line(path, count(file, size), "it was changed") from None


def _is_whole(line: Line | None, offset: int) -> bool:
    """Say whether this is the line with the whole state that was written there."""
    if line is None or "state" not in line or line["state_at"] != offset:
        return False
    begins = (line["line"], line["prev"]) == (0, FIRST_PREV)
    return begins is (offset == 0)


def _earlier(since: str | None, other: str | None) -> str | None:
    return None if since is None or other is None else min(since, other)
