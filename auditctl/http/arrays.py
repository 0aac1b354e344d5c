"""A JSON array read as a stream, alone or as a member of an object: rows as they come."""

import re
import zlib
from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple

from auditctl.http import answer
from auditctl.http.answer import Answer
from auditctl.http.body import TooLargeError
from auditctl.http.cuts import CutArrayError, find_array, longest
from auditctl.records import exact

FIRST_CUT = 16 * 1024
"""Bytes gathered before the first cut, so that the first rows are out early."""
CUT = 64 * 1024
"""Bytes gathered before each further one: few, so that all of their rows stay in a CPU's cache."""
LARGEST_ROW = 64 * 1024 * 1024
"""Bytes held at once: of one row, or of the members beside the array."""
LARGEST_OTHER = 1024 * 1024
"""Bytes read of something of another type before it is given up unread."""

_OTHERS = tuple(bytes([byte]) for byte in b'[{"-0123456789tfn')
"""Characters that JSON begins with."""
_BLANKS = re.compile(rb"[ \t\n\r]*")


class Position(NamedTuple):
    """A place directly behind a row: the bytes before it, and their CRC-32."""

    offset: int
    checksum: int


START = Position(0, 0)

Rows = tuple[Answer, Position]
"""Some rows, and the position behind them."""


class NotAnArrayError(ValueError):
    """The stream is JSON, but it or its named member is no array."""


class ChangedError(ValueError):
    """The stream has other bytes than before ahead of the position to continue from."""


def split(
    chunks: Iterable[bytes],
    start: Position = START,
    *,
    name: str | None = None,
    members: dict[str, Any] | None = None,
) -> Iterator[Rows]:
    """Cut an array into lists of its rows: (rows, position behind them).

    Without ``name`` the stream is the array. With it, the stream is an object, and the array its
    member of that name; an object without that member, or with null there, has no rows and gives
    no list. The other members are put into ``members``: those before the array before its first
    rows are given, all of them before its last.

    The buffer is cut where ``},{`` occurs, which may also be inside a string or a nested row.
    The parser proves the cut: what precedes it, closed with a bracket, is JSON exactly if the
    cut lies between two rows, since a JSON text's beginning alone decides where one is. A
    false cut is healed by trying the ones before it, then by reading token by token. The array's
    end is found and proven in the same way.

    ``start`` is a position that an earlier walk of the same stream gave: what precedes it is
    passed over, and ``members`` has what that walk put there.

    Raises:
        NotAnArrayError: a whole JSON value of another kind.
        CutArrayError: the end is missing, or something is not JSON.
        ChangedError: the bytes before ``start`` have changed.
        TooLargeError: a row, or the members beside the array, are larger than is read.

    """
    source = _Source(chunks, start)
    others: dict[str, Any] = {} if members is None else members
    behind_row = start != START
    if not behind_row:
        others.clear()
    passed = b""
    more = behind_row or _enter(source, name, others, passed)
    while more:
        last = yield from _rows(source, start, behind_row=behind_row)
        start, behind_row = last[1], False
        if name is None:
            if source.peek():
                raise CutArrayError
            more = False
        else:
            # The rest is read as if null had been in its place.
            passed = b"{%b:null" % exact.dumps(name)
            more = _enter(source, name, others, passed)
        yield last


class _Source:
    """The bytes not consumed yet, and the position where they begin."""

    def __init__(self, chunks: Iterable[bytes], start: Position) -> None:
        self.buffer = bytearray()
        self.position = start
        self.ended = False
        self._chunks = _behind(start, chunks) if start.offset else iter(chunks)

    def fill(self, size: int) -> None:
        """Read until the buffer holds ``size`` bytes, or the stream has ended."""
        while len(self.buffer) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                self.ended = True
                return
            self.buffer += chunk

    def drop(self, size: int) -> None:
        """Consume the first ``size`` bytes of the buffer."""
        with memoryview(self.buffer) as view:
            checksum = zlib.crc32(view[:size], self.position.checksum)
        del self.buffer[:size]
        self.position = Position(self.position.offset + size, checksum)

    def peek(self) -> bytes:
        """Return the next byte that is not blank, or nothing at the end; consume the blanks."""
        while True:
            blanks = _BLANKS.match(self.buffer).end()  # type: ignore[union-attr] # always matches
            if blanks:
                self.drop(blanks)
            if self.buffer or self.ended:
                return bytes(self.buffer[:1])
            self.fill(1)


def _behind(start: Position, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass over the bytes before a position, if they are the same again."""
    left = start.offset
    checksum = 0
    for chunk in chunks:
        if left:
            before = chunk[:left]
            left -= len(before)
            checksum = zlib.crc32(before, checksum)
            if not left and checksum != start.checksum:
                raise ChangedError
            chunk = chunk[len(before) :]  # noqa: PLW2901 - what is left of it
        yield chunk


def _enter(source: _Source, name: str | None, others: dict[str, Any], passed: bytes) -> bool:
    """Read up to the array's first row; return False if the stream ends without the array.

    ``passed`` replaces what was consumed of the object.
    """
    following = source.peek()
    if not passed and following != (b"[" if name is None else b"{"):
        _refuse(source)
    if name is None:
        source.drop(1)
        return True
    size = 1
    while True:
        source.fill(size)
        text = passed + source.buffer
        found = find_array(text, name)
        if found or source.ended:
            text = text[:found] + b"]}" if found else text
            try:
                tree = answer.parse(text).tree
            except ValueError:
                raise CutArrayError from None
            value = tree.pop(name, None)
            others.update(tree)
            if value is not None and type(value) is not list:
                raise NotAnArrayError
            if found:
                source.drop(found - len(passed))
            return found > 0
        if len(source.buffer) > LARGEST_ROW:
            raise TooLargeError
        size = min(2 * len(source.buffer), LARGEST_ROW + 1)


def _refuse(source: _Source) -> None:
    """Raise the error for a value of an unexpected type."""
    source.fill(LARGEST_OTHER + 1)
    if source.ended:
        try:
            answer.parse(bytes(source.buffer))
        except ValueError:
            raise CutArrayError from None
        raise NotAnArrayError
    raise NotAnArrayError if source.peek() in _OTHERS else CutArrayError


def _rows(source: _Source, position: Position, *, behind_row: bool) -> Generator[Rows, None, Rows]:
    """Cut up the array that the source is in; return its last rows, its end consumed.

    ``position`` is where to go on as long as it has no rows.
    """
    buffer = source.buffer
    size = FIRST_CUT
    behind_comma = False
    while True:
        if behind_row and source.peek() == b",":
            source.drop(1)
            behind_row, behind_comma = False, True
        following = source.peek()
        if (behind_row and following != b"]") or (behind_comma and following == b"]"):
            raise CutArrayError
        source.fill(size)
        rows, cut, is_end = longest(buffer, ended=source.ended)
        if rows is None:
            if source.ended:
                raise CutArrayError
            if len(buffer) > LARGEST_ROW:
                raise TooLargeError
            size = min(2 * len(buffer), LARGEST_ROW + 1)
            continue
        source.drop(cut)
        if rows.tree or not is_end:
            position = source.position
        if is_end:
            source.drop(1)
            return rows, position
        yield rows, position
        behind_row, behind_comma = True, False
        size = CUT
