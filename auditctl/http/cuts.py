"""The boundaries in a piece of JSON: where an array begins and ends, and where its rows end."""

import re
from collections.abc import Iterator
from itertools import islice

import orjson

from auditctl.http import answer
from auditctl.http.answer import Answer
from auditctl.http.body import TooLargeError

CANDIDATES = 8
"""Likely boundaries tried before all tokens are read: strings and nested rows offer false ones."""
NEAR = 64
"""The most bytes between a row's closing brace and the next row's opening one."""
LARGEST_LIST = 1024 * 1024
"""Bytes of rows that are cut off at once, if each row is smaller. No boundary further on is tried:
a false one costs the memory of all values before it."""
MOST_TOKENS = 4_000_000
"""Brackets, commas and texts in one row, or beside the array: parsed, each takes 100 bytes or so,
and a short row may hold very many of them."""

_SPACE = b" \t\n\r"
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+(?:"|\Z)|[][{},]', re.DOTALL)


class CutArrayError(ValueError):
    """The stream ended before the array did, or is not JSON."""


def longest(buffer: bytearray, *, ended: bool) -> tuple[Answer | None, int, bool]:
    """Read as many rows as can be proven: (rows, offset behind them, whether the array ends there).

    Raises:
        CutArrayError: it is not JSON.
        TooLargeError: a row would take too much memory.

    """
    is_end = ended and len(buffer) <= LARGEST_LIST
    for cut in _likely_ends(buffer) if is_end else _likely_boundaries(buffer):
        text = _closed(buffer, cut)
        try:
            return Answer(orjson.loads(text), text), cut, is_end
        except orjson.JSONDecodeError:
            continue
    cut, is_end = _scan(buffer)
    if not cut and not is_end:
        return None, 0, False
    try:
        return answer.parse(_closed(buffer, cut)), cut, is_end
    except ValueError:
        raise CutArrayError from None


def _likely_ends(buffer: bytearray) -> Iterator[int]:
    end = len(buffer)
    for _ in range(CANDIDATES):
        end = buffer.rfind(b"]", 0, end)
        if end < 0:
            return
        yield end


def _likely_boundaries(buffer: bytearray) -> Iterator[int]:
    end = min(len(buffer), LARGEST_LIST)
    for _ in range(CANDIDATES):
        end = buffer.rfind(b"{", 0, end)
        if end <= 0:
            return
        near = max(0, end - NEAR)
        head = bytes(buffer[near:end]).rstrip(_SPACE)
        row = head[:-1].rstrip(_SPACE)
        if head.endswith(b",") and row.endswith(b"}"):
            yield near + len(row)


def _closed(buffer: bytearray, cut: int) -> bytes:
    # Joined from a view: each slice and each sum would copy all of it once more.
    with memoryview(buffer) as view:
        return b"".join((b"[", view[:cut], b"]"))


def _scan(buffer: bytearray) -> tuple[int, bool]:
    """Find where rows end by reading all tokens: slow, but never misled.

    Returns:
        The offset behind the last row that is known to be complete (0 if there is none), and
        whether the array ends there.

    Raises:
        TooLargeError: there are too many tokens before.

    """
    depth = cut = end = 0
    tokens = _TOKEN.finditer(buffer)
    for token in islice(tokens, MOST_TOKENS):
        start, end = token.span()
        character = buffer[start]
        if character in b"{[":
            depth += 1
        elif character in b"}]":
            if not depth:
                return start, True
            depth -= 1
        elif character == ord(",") and not depth:
            cut = start
            if cut > LARGEST_LIST:
                return cut, False
    if next(tokens, None):
        raise TooLargeError
    if not depth and end < len(buffer) and buffer[-1] in _SPACE:
        # No text is open, so blanks end a number too. However many follow, they can be consumed.
        complete = bytes(buffer[end:]).rstrip(_SPACE)
        cut = end + len(complete) if complete or buffer[end - 1] != ord(",") else cut
    return cut, False


def find_array(text: bytes, name: str) -> int:
    """Return the offset behind the bracket that opens the array ``name``; 0 if there is none.

    It is right if the text is the beginning of an object in JSON.

    Raises:
        TooLargeError: there are too many tokens before.

    """
    depth = key_start = key_end = 0
    tokens = _TOKEN.finditer(text)
    for token in islice(tokens, MOST_TOKENS):
        character = text[token.start() : token.start() + 1]
        if character == b'"':
            if depth == 1:
                key_start, key_end = token.span()
        elif character in (b"{", b"["):
            if depth == 1 and character == b"[" and text[key_end : token.start()].strip() == b":":
                try:
                    if orjson.loads(text[key_start:key_end]) == name:
                        return token.end()
                except orjson.JSONDecodeError:
                    pass  # a lone surrogate; or no JSON, which the parser will say
            depth += 1
        elif character in (b"}", b"]"):
            depth -= 1
    if next(tokens, None):
        raise TooLargeError
    return 0
