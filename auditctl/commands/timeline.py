"""Several logs as one timeline, the newest record first, read at once and merged as they come."""

import heapq
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from auditctl.batch import Batch, Found
from auditctl.commands.feed import Feed
from auditctl.export import age, most_recent
from auditctl.http.parallel import Flight
from auditctl.window import Window

PIECE = 100
"""Records that are written together: as many as a page of most services has."""

Entry = tuple[Feed, Found]


def timeline(
    feeds: Iterable[Feed], read: Callable[[Feed], Iterator[Batch]], jobs: int, limit: int | None
) -> Iterator[list[Entry]]:
    """Yield the records of all logs, newest first, some at a time.

    Logs in order are merged page by page, the next one of each under way; with ``limit`` only a
    page that is needed is asked for. The others are read to their end first. A log that fails ends
    there, with its error in the feed. At most ``jobs`` are read at once.
    """
    turns = threading.Semaphore(jobs)
    streams = [_begin(feed, read(feed), turns, limit) for feed in feeds]
    merged = islice(heapq.merge(*streams, key=_age, reverse=True), limit)
    while piece := list(islice(merged, PIECE)):
        yield piece


def _begin(
    feed: Feed, batches: Iterator[Batch], turns: threading.Semaphore, limit: int | None
) -> Iterator[Entry]:
    """Begin to read a log, on a thread of its own, and return its records as they come."""
    is_ordered = feed.log.order.of(Window(None, None)).is_newest_first
    newest = most_recent(batches, limit or sys.maxsize, ordered=is_ordered)

    def read(_: object) -> Batch | None:
        with turns:
            return next(newest, None)

    first = Flight(read, None)

    def entries() -> Iterator[Entry]:
        flight = first
        try:
            while (batch := flight.land()) is not None:
                if limit is None:
                    flight = Flight(read, None)
                for found in batch.each():
                    yield feed, found
                if limit is not None:
                    flight = Flight(read, None)
        except Exception as error:  # noqa: BLE001 - it is reported at the end, like the others'
            feed.error = error

    return entries()


def _age(entry: Entry) -> str:
    return age(entry[1][0])
