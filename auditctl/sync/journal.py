"""The journal: a hash-linked line per commit, which is the only state that a destination has.

A line is a JSON object. Its last member is the SHA-256 of everything before that member, and
``prev`` is the line's before it, so no line can be changed, dropped or added in the middle
unnoticed. docs/sync.md describes every member.

To be opened fast however long it is, it is read from its end: the last line tells where the last
line with the whole ``state`` stands, and only what follows that one is read.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson

from auditctl import __version__
from auditctl.destination import MODE, cannot, sync_folder
from auditctl.errors import IntegrityError, LockedError

Line = dict[str, Any]

FIRST_PREV = "0" * 64
STATE_EVERY = 64 * 1024
"""Bytes of lines after which the whole state is written again, or more where it is large."""
STATE_SHARE, STATE_EACH = 8, 128
"""How many times its size must have been written since, before the state is written again, and
about how many bytes each file and each id take in it."""
BLOCK = 256 * 1024
POLL = 0.02
"""Seconds between two looks whether another run has let go of the lock."""
GLANCE = 0.05
"""Seconds that a lock is waited for in any case."""
OLDEST_FALLBACK = timedelta(hours=1)
UNREAD = 5
"""How often a last line that another run is just writing is looked at again."""

_HASH = b',"hash":"'
_IDS = b',"ids":['
_HASH_SIZE = len(_HASH) + 64 + len(b'"}')


@dataclass
class File:
    """A data file as it was when its last commit was done."""

    length: int = 0
    mtime_ns: int = 0
    inode: int = 0


@dataclass
class State:
    """What the lines come to."""

    line: int = -1
    """The last line's number."""
    head: str = FIRST_PREV
    """The last line's hash."""
    anchor: str = FIRST_PREV
    """The hash of the last line that stays: one that only says that nothing was found does not."""
    at: str | None = None
    shape: Line = field(default_factory=dict)
    """What the destination was begun with, and what may not change."""
    since: str | None = None
    """Where it was begun, as it was typed."""
    files: dict[str, File] = field(default_factory=dict)
    window: Line | None = None
    """What the last run read: since, until, position and whether it is done."""
    covered: Line | None = None
    seen: str = ""
    """The latest end of any window: what is dated before it may have been seen by now."""
    success: str | None = None
    """When a window was last read to its end."""
    latest: str | None = None
    """The newest event's time."""
    records: int = 0
    gaps: list[Line] = field(default_factory=list)
    """Hours that cannot be had any more, not yet acknowledged."""
    waived: list[Line] = field(default_factory=list)
    """The gaps that were acknowledged last."""
    kept: dict[str, str | None] = field(default_factory=dict)
    """Ids that may be seen again however old they get: id -> time, where it has one."""

    def apply(self, line: Line) -> None:
        """Go on to the state after a line."""
        if "state" in line:
            whole = line["state"]
            self.shape = whole["shape"]
            self.since = whole["since"]
            self.anchor = whole["anchor"]
            self.waived = whole["waived"]
            self.files = {name: File(*values) for name, values in whole["files"].items()}
            self.kept = whole["kept"]
        for name in line["moved"]:
            self.files.pop(name, None)
        for entry in line["files"]:
            length = entry["offset"] + entry["length"]
            self.files[entry["name"]] = File(length, entry["mtime_ns"], entry["inode"])
        self.kept.update(line["kept"])
        self.waived = line["acknowledged"] or self.waived
        self.line = line["line"]
        self.head = line["hash"]
        if not _says_nothing(line):
            self.anchor = line["hash"]
        self.at = line["at"]
        self.window = line["window"]
        self.covered = line["covered"]
        self.seen = line["seen"]
        self.success = line["success"]
        self.latest = line["latest"]
        self.records = line["records"]
        self.gaps = line["gaps"]

    def whole(self) -> Line:
        """Give what a line with the state holds beside its own."""
        files = {name: [f.length, f.mtime_ns, f.inode] for name, f in self.files.items()}
        return {
            "shape": self.shape,
            "since": self.since,
            "anchor": self.anchor,
            "waived": self.waived,
            "files": files,
            "kept": self.kept,
        }

    @property
    def enough(self) -> int:
        """Give the bytes of lines after which the whole state is worth writing again."""
        return max(STATE_EVERY, STATE_SHARE * STATE_EACH * (len(self.files) + len(self.kept)))


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
        nothing = _says_nothing(line)
        again = nothing and self._last.may_go() and line["gaps"] == state.gaps and not whole
        if again and state.window is not None and state.window["done"]:
            if line["window"]["done"]:
                # It stands for both, or it would look as if nobody had read what lies between.
                since = _earlier(line["window"]["since"], state.window["since"])
                line["window"] = {**line["window"], "since": since}
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
            with suppress(OSError):
                os.ftruncate(self._file, offset)
            raise cannot(self.path, error) from None
        if offset == 0:
            sync_folder(os.path.dirname(self.path))  # noqa: PTH120
        self._size = offset + len(data)
        nothing = nothing and "state" not in written
        fallback = self._last.fallback if again else _done_at(vars(state))
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
        for _, text in _backward(self._file, self._size):
            # Most lines are passed over: their ids, which are most of them, are not even read.
            head, _, ids = text.rpartition(_IDS)
            line = _parsed(head + b"}")
            if line["seen"] <= enough:
                return
            if (line["newest"] or "") >= since:
                yield _parsed(b"[" + ids[:-_HASH_SIZE])


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


def seal(line: Line) -> bytes:
    """Write a line with its hash, which is noted in ``line`` too."""
    try:
        text = orjson.dumps(line)[:-1]
    except orjson.JSONEncodeError:  # a lone surrogate, in an id or in the name of a file
        text = json.dumps(line, separators=(",", ":")).encode()[:-1]
    line["hash"] = sha256(text).hexdigest()
    return b'%b,"hash":"%b"}\n' % (text, line["hash"].encode())


def opened(text: bytes) -> Line | None:
    """Read a line; None if it is not what was written."""
    body, tail = text[:-_HASH_SIZE], text[-_HASH_SIZE:]
    if not tail.startswith(_HASH) or tail != b'%b%b"}' % (_HASH, sha256(body).hexdigest().encode()):
        return None
    try:
        line = _parsed(text)
    except ValueError:
        return None
    return line if type(line) is dict else None


def _parsed(text: bytes) -> Any:  # noqa: ANN401 - JSON is any value
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


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
        except IntegrityError:
            if attempt == UNREAD - 1:
                raise
        finally:
            os.close(file)
        time.sleep(POLL)
    raise AssertionError


def read_lines(path: str) -> Iterator[tuple[int, Line]]:
    """Give each line with its number, counted from 1 as editors do, none if there is no journal.

    A line at the end that was never finished is left out.

    Raises:
        IntegrityError: one is not what was written, or not linked to the one before it.

    """
    head = FIRST_PREV
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    return
                line = opened(text[:-1])
                if line is None:
                    raise wrong_line(path, number, "it was changed")
                if line.get("prev") != head or line.get("line") != number - 1:
                    what = "lines before it were dropped, added or changed"
                    raise wrong_line(path, number, what)
                head = line["hash"]
                yield number, line
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(path, error) from None


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


def wrong_line(path: str, number: int, what: str) -> IntegrityError:
    """Give the error for a line, counted from 1, that is not what was written."""
    return IntegrityError(
        f"{path}, line {number}: {what}. The journal is not what was written, so it proves "
        "nothing any more: restore it from a backup, or begin a new destination."
    )


def unreadable(path: str, error: OSError) -> IntegrityError:
    """Give the error for a file that cannot be looked at."""
    return IntegrityError(f"Cannot read {path}: {error.strerror or error}.")


def write_all(file: int, data: bytes, offset: int) -> None:
    """Write all of ``data``, however much the system takes at once."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        rest = rest[written:]
        offset += written


def now_text() -> str:
    """Give this moment as a record's time is written."""
    return to_text(datetime.now(UTC))


def to_text(moment: datetime) -> str:
    """Write a time as a record's is, cut to milliseconds."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{text}Z"


def _read_end(file: int, path: str) -> tuple[int, _Last, State]:
    """Give the size of what is whole, the last line, and the state.

    Raises:
        IntegrityError: a line that is needed is not what was written.

    """
    state = State()
    size = _whole(file)
    if not size:
        return 0, _Last(), state
    last_offset, text = next(_backward(file, size))
    last = opened(text)
    if last is None:
        raise wrong_line(path, _count(file, size), "it was changed")
    try:
        begin = last["state_at"]
        texts = os.pread(file, size - begin, begin).split(b"\n")[:-1]
        number = last["line"] - len(texts) + 1
        fallback = None
        for text in texts:
            number += 1
            line = opened(text)
            if line is None:
                raise wrong_line(path, number, "it was changed")
            if state.line >= 0 and line["prev"] != state.head:
                raise wrong_line(path, number, "a line before it was changed or dropped")
            fallback = _done_at(vars(state))
            state.apply(line)
        nothing = _says_nothing(last) and "state" not in last
        return size, _Last(last_offset, last["prev"], begin, nothing, fallback), state
    except (KeyError, TypeError, ValueError, AttributeError):
        # Its hash is right, but it is none that a run has written.
        raise wrong_line(path, _count(file, size), "it was changed") from None


def _done_at(state: Line) -> str | None:
    """Give when a state's line was written, if that tells of a window read to its end."""
    window = state["window"]
    return state["at"] if window is not None and window["done"] else None


def _earlier(since: str | None, other: str | None) -> str | None:
    return None if since is None or other is None else min(since, other)


def _says_nothing(line: Line) -> bool:
    return not (line["files"] or line["moved"] or line["acknowledged"])


def _whole(file: int) -> int:
    """Give the size without a last line that has no end.

    After a power failure the blocks of a line that was being written may hold zeros.
    """
    size = os.fstat(file).st_size
    for offset, text in _backward(file, size, torn=True):
        if text.endswith(b"\n") and b"\0" not in text:
            return offset + len(text)
    return 0


def _backward(file: int, size: int, *, torn: bool = False) -> Iterator[tuple[int, bytes]]:
    """Give (offset, line) from the last line to the first.

    With ``torn`` lines keep their line feed, and one at the end that has none is given too.
    """
    buffer = b""
    start = size
    end = 0
    while start or end:
        # The line feed that ends the last line does not begin another.
        cut = buffer.rfind(b"\n", 0, max(0, end - 1))
        if cut < 0 and start:
            length = min(BLOCK, start)
            start -= length
            buffer = os.pread(file, length, start) + buffer[:end]
            end = len(buffer)
            continue
        text = buffer[cut + 1 : end]
        yield start + cut + 1, text if torn else text[:-1]
        end = cut + 1


def _count(file: int, size: int) -> int:
    return sum(1 for _ in _backward(file, size))
