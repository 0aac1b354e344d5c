"""The body of an answer: decompressed as it arrives, and limited by memory."""

import re
import zlib
from collections.abc import Iterable, Iterator
from io import SEEK_END, BytesIO
from typing import cast

import httpx

LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of an answer that is read whole, after decompression; a page of 100 rows has 60 KB."""
LARGEST_IN_MEMORY = 540 * 1024 * 1024
"""Bytes that such an answer may take once it is parsed, by the estimate below."""
BYTES_PER_VALUE = 128
"""Bytes that a small JSON value takes in Python; a short body may hold very many of them."""
WITH_WIDE, WITH_WIDEST = 5, 8
"""Memory of a text, parsed and written again, as a multiple of its bytes: of one with characters
beyond ASCII, and of one with characters of four bytes."""
PIECE = 64 * 1024
"""Bytes decompressed at a time: a piece of the network's may hold a thousand times its size."""
MOST_CODINGS = 3
"""Compressions on top of each other; one is usual."""
NO_CODINGS = ("", "identity", "none", "utf-8", "binary", "aws-chunked")
"""Values that servers send for an uncompressed body; most of them are no codings."""

_MARK = b"\xef\xbb\xbf"
_GZIP_OR_ZLIB, _RAW = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS
_FIRST_OF_GZIP, _METHOD, _DEFLATED = 0x1F, 0x0F, 8


class TooLargeError(Exception):
    """An answer is larger than any that auditctl reads."""


class Counted(httpx.SyncByteStream):
    """A body as it comes over the wire, its bytes counted."""

    def __init__(self, response: httpx.Response) -> None:
        """Count what will be read of a response."""
        self._stream = cast("httpx.SyncByteStream", response.stream)
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body, piece by piece."""
        for piece in self._stream:
            self.size += len(piece)
            yield piece

    def close(self) -> None:
        """Give the connection back."""
        self._stream.close()


def read(response: httpx.Response) -> bytes:
    """Read a whole body.

    Raises:
        TooLargeError: it would take too much memory.
        httpx.DecodingError, httpx.TransportError: see `chunks`.

    """
    chunks = iter(_decompressed(response))
    # Not a list of chunks, which would be twice as large when it is joined. What a buffer begins
    # with is not copied, and most answers have come with their first chunk.
    buffer = BytesIO(next(chunks, b""))
    size = buffer.seek(0, SEEK_END)
    for chunk in chunks:
        size += buffer.write(chunk)
        if size > LARGEST_ANSWER:
            raise TooLargeError
    body = buffer.getvalue().removeprefix(_MARK)
    if size * (WITH_WIDEST + BYTES_PER_VALUE) > LARGEST_IN_MEMORY:  # else it cannot take too much
        values = body.count(b",") + body.count(b"[") + body.count(b"{")
        if _times(body) * size + BYTES_PER_VALUE * values > LARGEST_IN_MEMORY:
            raise TooLargeError
    return body


def _times(body: bytes) -> int:
    """Return how many times its size a body may take.

    Python gives each character of a text the room that the text's widest one needs.
    """
    if re.search(rb"[\xf0-\xf4]|\\u[dD][89abAB]", body):
        return WITH_WIDEST
    return WITH_WIDE if b"\\u" in body or not body.isascii() else 2


def chunks(response: httpx.Response) -> Iterator[bytes]:
    """Decompress a body as it arrives, without a byte order mark.

    Raises:
        TooLargeError: it goes on for too long without a byte of content.
        httpx.DecodingError: it cannot be decompressed, or ends too early.
        httpx.TransportError: the network failed.

    """
    return _without_mark(_decompressed(response))


def _decompressed(response: httpx.Response) -> Iterable[bytes]:
    """Decompress a body as it arrives.

    The stream is read, not `iter_raw`, which refuses a response that was made of its content (as
    those of the sample data are).
    """
    pieces = cast("Iterable[bytes]", response.stream)
    codings = response.headers.get("Content-Encoding", "").lower().split(",")
    codings = [name for coding in codings if (name := coding.strip()) not in NO_CODINGS]
    if len(codings) > MOST_CODINGS:
        raise httpx.DecodingError("it is compressed several times")
    for coding in reversed(codings):
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise httpx.DecodingError(f"it is compressed as {coding}, which was not asked for")
        pieces = _inflated(pieces, may_be_raw=coding == "deflate")
    return pieces


def _inflated(pieces: Iterable[bytes], *, may_be_raw: bool) -> Iterator[bytes]:
    """Decompress one member after another; httpx's decoder would drop all but the first."""
    member = None
    is_first = True
    silent = 0
    for piece in pieces:
        silent += len(piece)
        data = b""
        # Also without more input: what is decompressed may still wait for room in the output.
        while piece or len(data) == PIECE:
            if member is None:
                piece = piece if is_first else piece.lstrip(b"\0")  # noqa: PLW2901 - padding
                if not piece:
                    break
                is_first = False
                raw = may_be_raw and piece[0] != _FIRST_OF_GZIP and piece[0] & _METHOD != _DEFLATED
                member = zlib.decompressobj(_RAW if raw else _GZIP_OR_ZLIB)
            try:
                data = member.decompress(piece, PIECE)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
            piece = member.unconsumed_tail  # noqa: PLW2901 - what is left of it
            if data:
                yield data
                silent = 0
            if member.eof:
                piece, data, member = member.unused_data, b"", None  # noqa: PLW2901
        if silent > LARGEST_ANSWER:
            raise TooLargeError
    if member is not None:
        raise httpx.DecodingError("its compressed body ends too early")


def _without_mark(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out a UTF-8 byte order mark, in however many pieces it arrives."""
    pieces = iter(pieces)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= len(_MARK) or not _MARK.startswith(head):
            break
    if head := head.removeprefix(_MARK):
        yield head
    yield from pieces
