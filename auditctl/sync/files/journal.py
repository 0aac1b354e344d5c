"""The journal: a hash-linked line per commit, never replaced; a destination has no other state."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from auditctl.errors import IntegrityError, LockedError, OutputError
from auditctl.output import cannot, sync_folder, write_all
from auditctl.sync.files.chain import (
    Link,
    backward,
    count,
    decode,
    encode,
    ids_of,
    line_at,
    link_of,
    read_at,
    unreadable,
    wrong_line,
)
from auditctl.sync.files.commits import Commit, Pins
from auditctl.sync.files.disk import close, open_file, set_changed
from auditctl.sync.files.replay import NS_PER_MS, read_end

Read = TypeVar("Read")

POLL_SECONDS = 0.02
"""Between two attempts to take the lock."""
SHORTEST_WAIT_SECONDS = 0.05
"""`is_held` takes the lock for a moment; so it is waited for in any case."""


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
        self.torn = False
        """A line could neither be written nor taken back: the next run sees what there is of it."""
        try:
            self._file = open_file(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise cannot(path, error) from None
        try:
            self._lock(wait, pause)
            self._size, self._state_at, self.state = read_end(self._file, path)
            found = os.fstat(self._file)
            if found.st_size > self._size:
                os.ftruncate(self._file, self._size)
                with suppress(OSError):  # what was not written is no sign of life
                    set_changed(self._file, found.st_mtime_ns)
        except OSError as error:
            close(self._file)
            raise cannot(path, error) from None
        except BaseException:
            close(self._file)
            raise

    def _lock(self, wait: float, pause: Callable[[float], object]) -> None:
        until = time.monotonic() + max(wait, SHORTEST_WAIT_SECONDS)
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
                pause(POLL_SECONDS)
            except OSError as error:
                raise OutputError(
                    f"Cannot lock {self.path}: {error.strerror or error}. Two runs could write at "
                    "once; choose a disk whose file system has locks (flock)."
                ) from None
            else:
                return

    def close(self) -> None:
        """Release the lock."""
        close(self._file)

    def append(self, commit: Commit, *, snapshot: bool = False) -> None:
        """Write a line and make it last; it is then the state.

        Raises:
            OutputError: it cannot be written. What was committed before stays so.

        """
        self._check_place()
        state, offset, success = self.state, self._size, commit.success
        if success and success != state.success:
            # The same moment: so the last line tells whether it is itself that of a success.
            commit = commit._replace(at=success)
        commit = commit._replace(
            state_at=self._state_at,
            # A clock that is wrong for a while makes windows end earlier than those before them.
            seen=max(state.seen, commit.window.until),
        )
        # The first line after one of the first edition says anew what that one says otherwise.
        if snapshot or state.first_edition or offset - self._state_at > state.snapshot_every:
            commit = commit._replace(state_at=offset, snapshot=state.snapshot())
        data, commit = encode(commit)
        before = os.fstat(self._file)
        try:
            write_all(self._file, data, offset)
            os.fsync(self._file)
            if offset == 0:
                sync_folder(os.path.dirname(self.path))  # noqa: PTH120
        except OSError as error:
            self.torn = True
            with suppress(OSError):
                os.ftruncate(self._file, offset)
                self.torn = False
                set_changed(self._file, before.st_mtime_ns)
            raise cannot(self.path, error) from None
        self._size = offset + len(data)
        self._state_at = commit.state_at
        self.state.apply(commit, offset)

    def heartbeat(self) -> bool:
        """Set the time of change instead of writing a line; False if a line is due."""
        now = datetime.now(UTC)
        if self.state.first_edition or not self.state.is_fresh(now):
            return False
        self._check_place()
        moment = int(now.timestamp() * 1000) * NS_PER_MS
        try:
            os.utime(self._file, ns=(moment, moment))
        except OSError:  # not every file system lets everybody do this
            return False
        return True

    def _check_place(self) -> None:
        """Check that the journal is still under its name: else another run may hold another."""
        try:
            there = os.stat(self.path).st_ino == os.fstat(self._file).st_ino  # noqa: PTH116
        except OSError:
            there = False
        if not there:
            raise IntegrityError(
                f"{self.path} was moved away or replaced while a run held it. Put it back; the "
                "journal belongs to its files, and nothing may rotate or remove it."
            )

    def ids(self, since: str, enough: str) -> Iterator[tuple[str, ...]]:
        """Yield the ids of events dated from ``since`` on, and of others that share their lines.

        Lines are read backward to the first whose windows all ended before ``enough``.
        """
        try:
            for link, text in self._lines_with_ids():
                if link.seen <= enough:
                    return
                # Without the Z, or a finer time would be less than a coarse one it begins with.
                if (link.newest or "")[:-1] >= since[:-1]:
                    yield ids_of(text)
        except OSError as error:
            raise unreadable(self.path, error) from None

    def _lines_with_ids(self) -> Iterator[tuple[Link, bytes]]:
        """Yield the lines that have ids, the newest first; those of the first edition all."""
        at = self.state.ids_at
        while at is not None:
            text = line_at(self._file, at, self._size)
            link = self._checked(link_of(text))
            yield link, text
            if link.first_edition:
                lines = backward(self._file, at)
                yield from ((self._checked(link_of(text)), text) for _, text in lines)
            at = link.ids_before

    def _checked(self, found: Read | None) -> Read:
        """Return what was read of a line, which is None if no run can have written it."""
        if found is None:
            what = "a line before it was changed"
            raise wrong_line(self.path, count(self._file, self._size), what)
        return found

    def pinned_ids(self, since: str, kept_from: str | None) -> Iterator[Mapping[str, str | None]]:
        """Yield the pinned ids of events dated from ``since`` on, from the newest line backward.

        ``kept_from`` is the time before which the provider keeps nothing: where it is given, the
        ids of events without a time are yielded as far back as that too.
        """
        pins = self.state.pins
        try:
            while pins is not None:
                line = line_at(self._file, pins.at, self._size)
                commit = self._checked(decode(line, ids=False))
                dated = (pins.until or "")[:-1] >= since[:-1]
                if not dated and (kept_from is None or commit.seen < kept_from):
                    return
                if commit.first_edition:
                    yield from self._first_edition_pins(commit, pins)
                    return
                yield commit.pinned
                pins = commit.pins
        except OSError as error:
            raise unreadable(self.path, error) from None

    def _first_edition_pins(self, last: Commit, pins: Pins) -> Iterator[Mapping[str, str | None]]:
        """Yield what a snapshot of the first edition and the lines from it to ``last`` pin."""
        texts = read_at(self._file, pins.at - last.state_at, last.state_at).split(b"\n")[:-1]
        for commit in [*(decode(text, ids=False) for text in texts), last]:
            yield self._checked(commit).pinned
