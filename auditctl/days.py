"""The events of each day sorted newest first, in memory that does not grow with the day."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from auditctl.errors import OutputError
from auditctl.http.answer import Answer, parse
from auditctl.provider import Page, Provider
from auditctl.records import exact
from auditctl.records.event_time import instant
from auditctl.records.redact import scan

if TYPE_CHECKING:  # few days are that long
    from sqlite3 import Connection

HELD = 2 * 1024 * 1024
"""Bytes of answers whose events are held: more than a day of most organizations has."""
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
    """Put one day in order, whose first page was read: in a file if it is long."""
    like = replace(page, events=[], answers=())
    held: list[Page] = []
    ages: list[str] = []
    size = 0
    file: Connection | None = None
    with ExitStack() as stack:
        while True:
            like = replace(like, unconfirmed=like.unconfirmed or page.unconfirmed)
            held.append(page)
            ages += [_age(provider, event, page.context) for event in page.events]
            size += sum(len(answer.body) for answer in page.answers)
            following = None if page.complete else next(rest, None)
            if size > HELD or (file and following is None):
                file = file or stack.enter_context(_temporary())
                _write(file, ages, _restored(held))
                held, ages, size = [], [], 0
            if following is None:
                break
            page = following
        del page, following
        if file is None and ages == sorted(ages, reverse=True):
            while held:
                yield held.pop(0)  # not held any longer than needed
            return
        pieces = _read(file) if file else _slices(ages, list(_restored(held)))
        held.clear()
        for events, answers in pieces:
            yield replace(like, events=events, answers=answers)
            like = replace(like, continues=True, unconfirmed=False)


def _slices(ages: list[str], events: list[Any]) -> Iterator[tuple[list[Any], list[Answer]]]:
    order = sorted(range(len(ages)), key=ages.__getitem__, reverse=True)
    for start in range(0, len(order), SOME):
        yield [events[place] for place in order[start : start + SOME]], []


def _age(provider: Provider, event: Any, context: object) -> str:  # noqa: ANN401 - JSON is any value
    """Return an event's time as text, which orders it (see `Window`); the oldest have none."""
    time = instant(provider.normalize(event, context).get("time")) if type(event) is dict else None
    return (time or "Z")[:-1]


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


@contextmanager
def _temporary() -> Iterator["Connection"]:
    """Provide a database in a temporary file that has no name; turn its failures into ours."""
    import sqlite3

    try:
        # Perhaps closed in another thread than it was made in.
        with closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as file:
            file.execute("CREATE TABLE events (age, event)")
            yield file
    except sqlite3.Error as error:
        raise OutputError(
            "A day of the log is too long to be sorted in memory, and cannot be written to a "
            f"temporary file: {error}. Set TMPDIR to a folder with more room."
        ) from None


def _write(file: "Connection", ages: list[str], events: Iterable[Any]) -> None:
    file.execute("BEGIN")
    lines = zip(ages, map(exact.dumps, events), strict=True)
    file.executemany("INSERT INTO events VALUES (?, ?)", lines)
    file.execute("COMMIT")


def _read(file: "Connection") -> Iterator[tuple[list[Any], list[Answer]]]:
    """Yield all events, newest first, some at a time."""
    piece: list[bytes] = []
    size = 0
    for (line,) in file.execute("SELECT event FROM events ORDER BY age DESC, rowid"):
        piece.append(line)
        size += len(line)
        if size >= PIECE:
            yield _parsed(piece)
            piece, size = [], 0
    if piece:
        yield _parsed(piece)


def _parsed(lines: list[bytes]) -> tuple[list[Any], list[Answer]]:
    answer = parse(b"[%b]" % b",".join(lines))
    return answer.tree, [answer]
