"""One huge JSON array read as a stream: rows as they come, in memory for a few of them."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from auditctl import answer, exact
from auditctl.answer import Answer

FIRST_CUT = 16 * 1024
"""Bytes gathered before the first cut, so that the first rows are out early."""
CUT = 256 * 1024
"""Bytes gathered before each further one."""
CANDIDATES = 16
"""Row boundaries tried in one buffer before more is read: nested rows offer false ones."""
NEAR = 64
"""How far a row's closing brace may stand from the next row's opening one."""
LARGEST_OTHER = 1024 * 1024
"""Bytes read of something that is no array before it is given up unread."""

_SPACE = b" \t\n\r"


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two rows: the bytes before it, and their CRC-32."""

    offset: int
    checksum: int

    def behind(self, buffer: bytearray, size: int) -> "Position":
        """Move on over the buffer's first bytes, which are taken off it."""
        passed = bytes(buffer[:size])
        del buffer[:size]
        return Position(self.offset + size, zlib.crc32(passed, self.checksum))


START = Position(0, 0)


class NotAnArrayError(ValueError):
    """The stream is JSON, but no array."""


class CutArrayError(ValueError):
    """The stream ended before the array did, or is not JSON."""


class ChangedError(ValueError):
    """The stream has other bytes than before ahead of the position to continue from."""


def split(chunks: Iterable[bytes], start: Position = START) -> Iterator[tuple[Answer, Position]]:
    """Cut an array into lists of its rows: (rows, position behind them).

    The buffer is cut where ``},{`` stands, which may also be inside a string or a nested row.
    The parser proves the cut: what precedes it, closed with a bracket, is JSON exactly if the
    cut lies between two rows, since a JSON text's beginning alone decides where one stands. A
    false cut is healed by trying the one before it, and then by reading on.

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
    opened = False
    if start is not START:
        chunks = _behind(start, chunks)
        position = start
        opened = True
    for chunk in chunks:
        buffer += chunk
        if not opened and (bare := bytes(buffer).lstrip(_SPACE)):
            if bare[:1] != b"[":
                if len(buffer) > LARGEST_OTHER:
                    raise NotAnArrayError
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
        yield rows, position
    try:
        rows = answer.parse(b"[" + buffer if opened else bytes(buffer))
    except ValueError:
        raise CutArrayError from None
    if not opened:
        raise NotAnArrayError
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
    last = 0
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
        last = last or cut
        body = b"[" + buffer[:cut] + b"]"
        try:
            tree = orjson.loads(body)
        except orjson.JSONDecodeError:
            continue
        return Answer(tree, body), cut
    if last:
        # Perhaps the cut is good and orjson refuses what stands before it (a lone surrogate,
        # deep nesting). Asked once per reading, since the buffer doubles each time it fails.
        try:
            body = b"[" + buffer[:last] + b"]"
            return Answer(exact.loads(body), body), last
        except ValueError:
            pass
    return None, 0
