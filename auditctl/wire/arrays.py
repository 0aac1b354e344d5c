"""One huge JSON array read as a stream: rows as they come, in memory for a few of them."""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from auditctl.wire import answer
from auditctl.wire.answer import Answer

FIRST_CUT = 16 * 1024
"""Bytes gathered before the first cut, so that the first rows are out early."""
CUT = 64 * 1024
"""Bytes gathered before each further one: few, so that all of their rows stay in a CPU's cache."""
CANDIDATES = 8
"""Likely boundaries tried before all tokens are read: strings and nested rows offer false ones."""
NEAR = 64
"""How far a row's closing brace may stand from the next row's opening one."""
LARGEST_OTHER = 1024 * 1024
"""Bytes read of something that is no array before it is given up unread."""

_SPACE = b" \t\n\r"
_OTHERS = tuple(bytes([byte]) for byte in b'{"-0123456789tfn')
"""What JSON that is no array begins with."""
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.?)*+(?:"|\Z)|[][{},]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two rows: the bytes before it, and their CRC-32."""

    offset: int
    checksum: int

    def behind(self, buffer: bytearray, size: int) -> "Position":
        """Move on over the buffer's first bytes, which are taken off it."""
        with memoryview(buffer) as view:
            checksum = zlib.crc32(view[:size], self.checksum)
        del buffer[:size]
        return Position(self.offset + size, checksum)


START = Position(0, 0)


class NotAnArrayError(ValueError):
    """The stream is JSON, but no array."""


class CutArrayError(ValueError):
    """The stream ended before the array did, or is not JSON."""


class ChangedError(ValueError):
    """The stream has other bytes than before ahead of the position to continue from."""


def split(  # noqa: C901 - a stream is read in one piece
    chunks: Iterable[bytes], start: Position = START
) -> Iterator[tuple[Answer, Position]]:
    """Cut an array into lists of its rows: (rows, position behind them).

    The buffer is cut where ``},{`` stands, which may also be inside a string or a nested row.
    The parser proves the cut: what precedes it, closed with a bracket, is JSON exactly if the
    cut lies between two rows, since a JSON text's beginning alone decides where one stands. A
    false cut is healed by trying the ones before it, then by reading token by token.

    ``start`` is a position that an earlier walk of the same stream gave: what precedes it is
    passed over.

    Raises:
        NotAnArrayError: a whole JSON value of another kind.
        CutArrayError: the end is missing, or something is not JSON.
        ChangedError: what precedes ``start`` is not what it was.

    """
    buffer = bytearray()
    position = START
    enough = FIRST_CUT
    opened = owing = False
    if start is not START:
        chunks = _behind(start, chunks)
        position = start
        opened = owing = True
    for chunk in chunks:
        buffer += chunk
        if not opened and (bare := bytes(buffer).lstrip(_SPACE)):
            if bare[:1] != b"[":
                if len(buffer) > LARGEST_OTHER:
                    raise NotAnArrayError if bare[:1] in _OTHERS else CutArrayError
                continue
            opened = True
            position = position.behind(buffer, len(buffer) - len(bare) + 1)
        if len(buffer) < enough or not opened:
            continue
        rows, cut = _longest(buffer)
        if rows is None:
            enough = 2 * len(buffer)
            continue
        # The comma goes with the rows before it: what remains begins with a row.
        position = position.behind(buffer, buffer.index(b",", cut) + 1)
        enough = CUT
        owing = True  # a comma was passed: a row must follow
        yield rows, position
    try:
        rows = answer.parse(b"[" + buffer if opened else bytes(buffer))
    except ValueError:
        raise CutArrayError from None
    if not opened:
        raise NotAnArrayError
    if owing and not rows.tree:
        raise CutArrayError
    yield rows, position.behind(buffer, len(buffer))


def _behind(start: Position, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Give what comes behind a position, if the bytes before it are the same again."""
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


def _longest(buffer: bytearray) -> tuple[Answer | None, int]:
    """Read the rows before the last provable cut: (rows, offset of the cut)."""
    end = len(buffer)
    for _ in range(CANDIDATES):
        end = buffer.rfind(b"{", 0, end)
        if end <= 0:
            break
        near = max(0, end - NEAR)
        head = bytes(buffer[near:end]).rstrip(_SPACE)
        row = head[:-1].rstrip(_SPACE)
        if not (head.endswith(b",") and row.endswith(b"}")):
            continue
        cut = near + len(row)
        body = _closed(buffer, cut)
        try:
            return Answer(orjson.loads(body), body), cut
        except orjson.JSONDecodeError:
            continue
    cut = _last_comma(buffer)
    try:
        return (answer.parse(_closed(buffer, cut)), cut) if cut else (None, 0)
    except ValueError:
        return None, 0


def _closed(buffer: bytearray, cut: int) -> bytes:
    # Joined from a view: each slice and each sum would copy all of it once more.
    with memoryview(buffer) as view:
        return b"".join((b"[", view[:cut], b"]"))


def _last_comma(buffer: bytearray) -> int:
    """Find the last comma between rows by reading all tokens: slow, but never misled."""
    depth = last = 0
    for token in _TOKEN.finditer(buffer):
        character = token[0]
        if character in (b"{", b"["):
            depth += 1
        elif character in (b"}", b"]"):
            depth -= 1
        elif character == b"," and depth == 0:
            last = token.start()
    return last
