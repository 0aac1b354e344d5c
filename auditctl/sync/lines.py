"""A journal's lines: sealed with a hash, linked to the one before, read from either end.

A line is a JSON object. Its last member is the SHA-256 of everything before that member, and
``prev`` is the line's before it, so no line can be changed, dropped or added in the middle
unnoticed. docs/sync.md describes every member.
"""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import orjson

from auditctl.errors import IntegrityError

Line = dict[str, Any]

FIRST_PREV = "0" * 64
BLOCK = 256 * 1024

_HASH = b',"hash":"'
_IDS = b',"ids":['
_HASH_SIZE = len(_HASH) + 64 + len(b'"}')


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
        line = parsed(text)
    except ValueError:
        return None
    return line if type(line) is dict else None


def parsed(text: bytes) -> Any:  # noqa: ANN401 - JSON is any value
    """Read JSON as `seal` writes it."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def without_ids(text: bytes) -> tuple[Line, bytes]:
    """Read a line but for its ids, which are most of it, and give those as they are written."""
    head, _, ids = text.rpartition(_IDS)
    return parsed(head + b"}"), b"[" + ids[:-_HASH_SIZE]


def says_nothing(line: Line) -> bool:
    """Say whether a line only tells that nothing was found."""
    return not (line["files"] or line["moved"] or line["acknowledged"])


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
                    if not _may_be_torn(text):
                        raise wrong_line(path, number, "its end was changed")
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


def whole_size(file: int) -> int:
    """Give the size without a last line that was never finished.

    After a power failure the blocks of a line that was being written may hold zeros. There is one
    such line at most, as the next run takes it away first.

    Raises:
        ValueError: the end is not what is left of a line.

    """
    size = os.fstat(file).st_size
    offset, text = next(backward(file, size, torn=True), (0, b"\n"))
    if text.endswith(b"\n") and b"\0" not in text:
        return size
    if not _may_be_torn(text):
        raise ValueError
    return offset


def _may_be_torn(text: bytes) -> bool:
    """Say whether this may be left of one line; not of several without their ends, or of none."""
    return text[:1] in b"{\0" and b'"}{"line":' not in text and opened(text[:-1]) is None


def backward(file: int, size: int, *, torn: bool = False) -> Iterator[tuple[int, bytes]]:
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


def count(file: int, size: int) -> int:
    """Count the lines."""
    return sum(1 for _ in backward(file, size))


def wrong_line(path: str, number: int, what: str) -> IntegrityError:
    """Give the error for a line, counted from 1, that is not what was written."""
    return IntegrityError(
        f"{path}, line {number}: {what}. The journal is not what was written, so it proves "
        "nothing any more: restore it from a backup, or begin a new destination."
    )


def unreadable(path: str, error: OSError) -> IntegrityError:
    """Give the error for a file that cannot be looked at."""
    return IntegrityError(f"Cannot read {path}: {error.strerror or error}.")
