"""The events of each day sorted newest first, in memory that does not grow with the day."""

import heapq
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, Any, Self

import orjson

from auditctl.errors import OutputError
from auditctl.http.answer import Answer, parse
from auditctl.provider import Page, Provider
from auditctl.records import exact
from auditctl.records.event_time import instant
from auditctl.records.redact import scan

HELD = 2 * 1024 * 1024
"""Bytes of answers whose events are held: more than a day of most organizations has."""
BLOCK = 32 * 1024
"""Bytes read at once of each sorted part of a temporary file."""
SOME, PIECE = 250, 64 * 1024
"""Sorted events, or bytes of them, that make a page."""


def newest_first(provider: Provider, pages: Iterable[Page]) -> Iterator[Page]:
    """Put the events of each day newest first, equally old ones as they came.

    A day is yielded when it is complete, since its last event may be its newest. Pages that belong
    to no day are yielded as they are.

    Raises:
        OutputError: a day is too long for memory, and a temporary file cannot be written.

    """
    rest = iter(pages)
    for page in rest:
        yield from [page] if page.day is None else _sorted(provider, page, rest)


def _sorted(provider: Provider, page: Page, rest: Iterator[Page]) -> Iterator[Page]:
    """Put one day in order, whose first page was read: a merge sort, in a file if it is long."""
    like = replace(page, events=[], answers=())
    held: list[Page] = []
    ages: list[str] = []
    size = 0
    with _Parts() as parts:
        while True:
            like = replace(like, unconfirmed=like.unconfirmed or page.unconfirmed)
            held.append(page)
            ages += [_age(provider, event, page.context) for event in page.events]
            size += sum(len(answer.body) for answer in page.answers)
            if size > HELD:
                parts.add(ages, _restored(held))
                held, ages, size = [], [], 0
            following = None if page.complete else next(rest, None)
            if following is None:
                break
            page = following
        del page
        if not parts and ages == sorted(ages, reverse=True):
            while held:
                yield held.pop(0)  # not held any longer than needed
            return
        pieces: Iterator[tuple[list[Any], list[Answer]]]
        if parts:
            parts.add(ages, _restored(held))
            pieces = map(_parsed, _pieces(parts.merged()))
        else:
            pieces = _slices([event for _, event in _by_age(ages, _restored(held))])
        held.clear()
        for events, answers in pieces:
            yield replace(like, events=events, answers=answers)
            like = replace(like, continues=True, unconfirmed=False)


def _parsed(lines: list[bytes]) -> tuple[list[Any], list[Answer]]:
    answer = parse(b"[%b]" % b",".join(lines))
    return answer.tree, [answer]


def _slices(events: list[Any]) -> Iterator[tuple[list[Any], list[Answer]]]:
    for start in range(0, len(events), SOME):
        yield events[start : start + SOME], []


def _age(provider: Provider, event: Any, context: object) -> str:  # noqa: ANN401 - JSON is any value
    """Return an event's time as text, which orders it (see `Window`); the oldest have none."""
    time = instant(provider.normalize(event, context).get("time")) if type(event) is dict else None
    return (time or "Z")[:-1]


def _by_age(ages: list[str], events: Iterable[Any]) -> list[tuple[str, Any]]:
    return sorted(zip(ages, events, strict=True), key=lambda pair: pair[0], reverse=True)


def _restored(pages: Iterable[Page]) -> Iterator[Any]:
    """Yield the events of pages with their numbers as they were written.

    Numbers are restored in the answers, so this must happen before events are moved.
    """
    for page in pages:
        floats, zeros = scan(page.events, redact=False, texts=False)
        for answer in page.answers:
            if floats or (zeros and answer.may_have_negative_zero):
                answer.restore()
        yield from page.events


def _pieces(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the events of lines, some at a time."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        piece.append(line.partition(b" ")[2])
        size += len(line)
        if size >= PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


class _Parts:
    """Sorted lines, each an age and an event, in a temporary file that has no name."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._spans: list[tuple[int, int]] = []
        self._oldest = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # of a full disk: what it has not written is not wanted
                self._file.close()

    def __bool__(self) -> bool:
        return bool(self._spans)

    def add(self, ages: list[str], events: Iterable[Any]) -> None:
        """Sort events and write them behind the others."""
        pairs = _by_age(ages, events)
        if not pairs:
            return
        with _disk():
            if self._file is None:
                from tempfile import TemporaryFile

                self._file = TemporaryFile()  # noqa: SIM115 - closed by __exit__
            start = self._file.tell()
            option = orjson.OPT_APPEND_NEWLINE
            lines = (b"%b %b" % (age.encode(), exact.dumps(event, option)) for age, event in pairs)
            self._file.writelines(lines)
            self._file.flush()
            end = self._file.tell()
        if self._spans and pairs[0][0] <= self._oldest:
            start = self._spans.pop()[0]  # one part goes on where the last one ended
        self._spans.append((start, end))
        self._oldest = pairs[-1][0]

    def merged(self) -> Iterator[bytes]:
        """Yield all lines, newest first."""
        if self._file is None:
            return
        parts = [_read(self._file.fileno(), *span) for span in self._spans]
        with _disk():
            yield from heapq.merge(*parts, key=lambda line: line[: line.index(b" ")], reverse=True)


def _read(file: int, start: int, end: int) -> Iterator[bytes]:
    """Read the lines of one part."""
    rest = b""
    while start < end:
        # A line may be longer than a block: read twice as much each time, not all of it again.
        block = os.pread(file, min(max(BLOCK, len(rest)), end - start), start)
        if not block:
            raise OSError("what was written is gone")
        start += len(block)
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


@contextmanager
def _disk() -> Iterator[None]:
    """Turn what the system refuses into a failure that says what to do."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            "A day of the log is too long to be sorted in memory, and cannot be written to a "
            f"temporary file: {error.strerror or error}. Set TMPDIR to a folder with more room."
        ) from None
