"""Records read back from files of JSON Lines, as `list` and `sync` write them."""

import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import orjson

from auditctl.batch import Batch
from auditctl.errors import AnswerError, OutputError, UsageError
from auditctl.records import exact
from auditctl.records.event_time import instant
from auditctl.records.fields import Test
from auditctl.records.record import FIELDS, OF_SOURCES, OUTCOMES, Record
from auditctl.window import Window

CHUNK = 128 * 1024
"""Bytes read at a time, and the most that are decompressed at a time."""
LONGEST_LINE = 512 * 1024 * 1024
"""Bytes; no answer that records are made of may be as large."""
INTO_RAW = "raw."
"""The beginning of a field's name that is a path into ``raw``."""
_OUTCOMES = (*OUTCOMES, None)
_GZIP = 16 + zlib.MAX_WBITS
_MAGIC = b"\x1f\x8b"
_MOST_SHAPES = 1_000
_shapes: dict[tuple[object, ...], bool] = {}
"""Names and types of the fields of sound records -> whether they are all there, in their order.

A file has a handful of combinations.
"""


class _UnreadableError(Exception):
    """A line is no record; the argument completes "because"."""


def batches(
    files: Iterable[str],
    warn: Callable[[str], None],
    on_read: Callable[[int], None] = lambda _size: None,
) -> Iterator[Batch]:
    """Yield the records of files, in the order in which they stand.

    ``on_read`` is called with the number of bytes that were read.

    Raises:
        UsageError: a file cannot be opened.
        AnswerError: a line is no record.
        OutputError: the system cannot read on.

    """
    for path in files:
        try:
            file = open(path, "rb")  # noqa: PTH123, SIM115 - closed by the block below
        except (OSError, ValueError) as error:
            raise _cannot(path, error) from None
        with file:
            for records in _records(path, _unpacked(file, on_read), warn):
                batch = Batch(records)
                del records  # before more is read: these are most of the memory
                yield batch
                del batch


def in_window(window: Window) -> Test:
    """Return the test whether a record lies in a window; one without a time does."""
    since, until = window.span
    return lambda record: record["time"] is None or since <= record["time"][:-1] < until


def check_file(path: str) -> None:
    """Check that a file is there, before others are read that are named before it."""
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116
            raise IsADirectoryError
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from None


def _cannot(path: str, error: OSError | ValueError) -> UsageError:
    if isinstance(error, IsADirectoryError):
        return UsageError(f"{path} is a folder. Name the files in it, such as {path}/*.jsonl.")
    reason = getattr(error, "strerror", None) or "no file can have this name"
    return UsageError(f"{path} cannot be read: {reason}. Check the name.")


def _records(  # noqa: C901 - a file from its first line to its last
    path: str, chunks: Iterator[bytes], warn: Callable[[str], None]
) -> Iterator[list[Record]]:
    """Yield the records of a file, some at a time; its last line may lack its end."""
    number = 1  # of the line that is read next
    parts: list[bytes] = []  # of that line, as far as it was read
    whole = True
    try:
        for chunk in chunks:
            first, *others = chunk.split(b"\n")
            parts.append(first)
            if not others:
                _check_beginning(parts)
                continue
            lines = [b"".join(parts), *others[:-1]]
            parts = [others[-1]]
            records = []
            for line in lines:
                records.append(_record(line))
                number += 1
            yield records
            del records, lines
        if rest := b"".join(parts):
            try:
                record = _record(rest)  # it may lack nothing but its line feed
            except ValueError:
                _check_beginning([rest])
                whole = False
            else:
                yield [record]
    except EOFError:
        whole = False
    except zlib.error:
        message = f"The compressed data of {path} was changed, in line {number} or behind it."
        raise AnswerError(f"{message} Restore the file from a backup.") from None
    except (_UnreadableError, ValueError) as error:
        why = error if isinstance(error, _UnreadableError) else "it is not JSON"
        message = f"Line {number} of {path} is no record of auditctl, because {why}."
        raise AnswerError(f"{message} Name files that list or sync has written.") from None
    except OSError as error:
        raise OutputError(f"{path} cannot be read any further: {error.strerror}.") from None
    if not whole:
        warn(
            f"Line {number} of {path} is unfinished, and was left out: a run is just writing it, "
            "or was killed."
        )


def _check_beginning(parts: list[bytes]) -> None:
    """Check that a line whose end is missing may be a record."""
    # Zeros are what a power failure leaves behind.
    if next(filter(None, (part.lstrip(b"\0") for part in parts)), b"{")[:1] != b"{":
        raise _UnreadableError("it is no JSON object")
    if sum(map(len, parts)) > LONGEST_LINE:
        raise _UnreadableError("it is longer than any record")


def _unpacked(file: BinaryIO, on_read: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the content of a file, decompressed if it is gzip, whatever its name is.

    Raises:
        EOFError: the last gzip member lacks its end.
        zlib.error: what is compressed was changed.

    """
    data = file.read(CHUNK)
    member = zlib.decompressobj(_GZIP) if data.startswith(_MAGIC) else None
    while data:
        on_read(len(data))
        if member is None:
            yield data
        else:
            while data:
                if member.eof:
                    member = zlib.decompressobj(_GZIP)
                piece = member.decompress(data, CHUNK)
                while piece:  # what is left of the input is passed over until there is no more
                    yield piece
                    data = member.unconsumed_tail
                    piece = b"" if member.eof else member.decompress(data, CHUNK)
                data = member.unused_data.lstrip(b"\0")  # gzip passes over zeros, too
        data = file.read(CHUNK)
    if member is not None and not member.eof:
        raise EOFError


def _record(line: bytes) -> Record:
    """Read a record, exactly as it was written."""
    line = line.removesuffix(b"\r")
    try:
        value: Any = orjson.loads(line)
        # What orjson writes again to the letter it has read without a loss.
        if orjson.dumps(value) != line:
            value = exact.loads(line)
    except (ValueError, TypeError):  # half a character, or deep nesting
        value = exact.loads(line)
    if type(value) is not dict:
        raise _UnreadableError("it is no JSON object")
    shape = (*value, *map(type, value.values()))
    complete = _shapes.get(shape)
    if complete is None:
        _check(value)
        complete = tuple(value) in (FIELDS, OF_SOURCES)
        if len(_shapes) < _MOST_SHAPES:
            _shapes[shape] = complete
    moment = value.get("time")
    if moment is not None and instant(moment) != moment:
        raise _UnreadableError("its time is not written as auditctl writes it")
    if value.get("outcome") not in _OUTCOMES:
        raise _UnreadableError(f"its outcome is none of {', '.join(OUTCOMES)}")
    return value if complete else _completed(value)


def _check(value: dict[str, Any]) -> None:
    """Check that an object has fields of records only, and of their types."""
    if not value:
        raise _UnreadableError("it has no field")
    for name, item in value.items():
        if name == "raw" or name.startswith(INTO_RAW):
            continue
        if name not in OF_SOURCES:
            raise _UnreadableError("it has members that no record has")
        expected = int if name == "status_code" else str
        if type(item) is not expected and item is not None:
            raise _UnreadableError(f"its {name} has another type")


def _completed(value: dict[str, Any]) -> Record:
    """Return a record whose fields were chosen, with null for what is missing.

    Paths into ``raw`` become its members, under which `auditctl.records.fields` finds them.
    """
    there = OF_SOURCES if "source" in value else FIELDS
    record: Record = {name: value.get(name) for name in there}
    if "raw" not in value:
        names = [name for name in value if name.startswith(INTO_RAW)]
        record["raw"] = {name.removeprefix(INTO_RAW): value[name] for name in names} or None
    return record
