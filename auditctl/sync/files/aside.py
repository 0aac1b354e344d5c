"""Bytes after the last commit of a file: set aside before a cut, and compared at the end."""

# Most are what a killed run wrote, and are read again: then their file is removed. Others are what
# an older journal does not know of, or somebody else wrote: then it stays.

import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from auditctl.formats import Stable
from auditctl.output import MODE, sync_folder, write_all
from auditctl.paths import MARK
from auditctl.sync.files.chain import read_at
from auditctl.sync.files.disk import close, cut_back, open_file

CHUNK = 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(eq=False, repr=False)
class Aside:
    """A file with bytes that were set aside, and which rows in it were not found yet."""

    name: str
    """Its name, below the folder of the destination."""
    stable: Stable | None = None
    rows: set[bytes] = field(default_factory=set)
    """The hashes of the whole rows."""
    beginning: bytes = b""
    """Of a row whose end was never written."""
    foreign: bool = False
    """It is not even in the form of the destination."""

    def find(self, row: bytes) -> None:
        """Take off a row that is in the destination."""
        row = self.stable(row) if self.stable else row
        self.rows.discard(_hash(row))
        if self.beginning and row.startswith(self.beginning):
            self.beginning = b""

    @property
    def is_known(self) -> bool:
        """True if everything in it is in the destination."""
        return not (self.rows or self.beginning or self.foreign)


def set_aside(source: str, length: int, path: str) -> str:
    """Move what a file has after ``length`` bytes into a new one; return what ends its name.

    Raises:
        OSError: that is not possible; then nothing is cut.

    """
    end = f"{MARK}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    to = os.open(path + end, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        file = open_file(source, os.O_RDWR)
        try:
            at = length
            while data := read_at(file, CHUNK, at):
                write_all(to, data, at - length)
                at += len(data)
            os.fsync(to)
            sync_folder(os.path.dirname(path))  # noqa: PTH120
            cut_back(file, length, at)
        finally:
            close(file)
    except OSError:  # not at a signal, which may come when the bytes are here only
        with suppress(OSError):
            os.unlink(path + end)  # noqa: PTH108
        raise
    finally:
        os.close(to)
    return end


def read_aside(
    name: str, path: str, header: bytes, stable: Stable | None, *, compressed: bool
) -> Aside:
    """Read what was set aside.

    Raises:
        OSError: it cannot be read.

    """
    aside = Aside(name, stable)
    try:
        for row in rows_of(_chunks(path, compressed=compressed), csv=bool(header)):
            is_whole = row.endswith(b"\n")
            row = stable(row) if stable else row  # noqa: PLW2901
            if is_whole:
                aside.rows.add(_hash(row))
            else:
                aside.beginning = row
    except zlib.error:
        aside.foreign = True
    aside.find(header)
    return aside


def rows_of(chunks: Iterable[bytes], *, csv: bool) -> Iterator[bytes]:
    """Yield the rows in some bytes; the last has no line feed if its end is missing."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        *lines, rest = rest.split(b"\n")
        row = b""
        for line in lines:
            row += line + b"\n"
            if not csv or row.count(b'"') % 2 == 0:  # else the line feed is part of a value
                yield row
                row = b""
        rest = row + rest
    if rest:
        yield rest


def unpacked(chunks: Iterable[bytes], *, compressed: bool) -> Iterator[bytes]:
    """Decompress gzip members, the last of which may lack its end.

    Raises:
        zlib.error: it is something else.

    """
    if not compressed:
        yield from chunks
        return
    member = zlib.decompressobj(_GZIP)
    for chunk in chunks:
        rest = chunk
        while rest:
            if member.eof:
                member = zlib.decompressobj(_GZIP)
            yield member.decompress(rest)
            rest = member.unused_data


def _chunks(path: str, *, compressed: bool) -> Iterator[bytes]:
    with open(open_file(path, os.O_RDONLY), "rb") as file:  # noqa: PTH123
        chunks = _without_zeros(iter(lambda: file.read(CHUNK), b""))
        yield from unpacked(chunks, compressed=compressed)


def _without_zeros(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out the zeros at the end: a power failure leaves them where nothing was written.

    A gzip member that loses its own last zeros still gives all its rows.
    """
    zeros = 0
    for chunk in chunks:
        data = chunk.rstrip(b"\0")
        if data:
            yield bytes(zeros) + data
            zeros = 0
        zeros += len(chunk) - len(data)


def _hash(row: bytes) -> bytes:
    return sha256(row).digest()
