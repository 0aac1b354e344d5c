"""The commands list and check for sources of auditctl.toml: one timeline, a line for each."""

import heapq
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from auditctl.batch import Batch, Found, Tally
from auditctl.commands.feed import Feed
from auditctl.commands.listing import Listing, parse_tests
from auditctl.commands.selection import chosen, with_settings
from auditctl.context import Context
from auditctl.errors import AuditctlError, FailedError
from auditctl.export import age, most_recent
from auditctl.http.parallel import Flight, ahead
from auditctl.options import STDOUT, CheckSourcesOptions, ListSourcesOptions
from auditctl.phrases import count
from auditctl.window import Window

if TYPE_CHECKING:
    from auditctl.config.sources import Source


PIECE = 100
"""Records that are written together: as many as a page of most services has."""

Entry = tuple[Feed, Found]


def list_(options: ListSourcesOptions, context: Context) -> None:
    """Export the logs of sources as one timeline.

    Raises:
        FailedError: some could not be read; why was reported for each.

    """
    from auditctl.commands import live

    if options.follow:
        options = live.check_follow(options)
    now = datetime.now(UTC)
    sources = chosen(options, context, "list")
    names = [source.name for source in sources]
    tests = parse_tests(options, context, now, names)
    feeds = [
        Feed(source.provider, with_settings(options, source), tests, source.name)
        for source in sources
    ]
    if options.follow:
        live.follow_feeds(feeds, options, options.jobs, context, now)
    else:
        _list_once(feeds, options, context, now)


def _list_once(
    feeds: Sequence[Feed], options: ListSourcesOptions, context: Context, now: datetime
) -> None:
    listing = Listing(options, context, now)
    total = Tally()

    def read(feed: Feed) -> Iterator[Batch]:
        connection = feed.connected(context, now, listing.base_urls)
        ready, client = clients.enter_context(connection)
        window = options.window(now, feed.log.reach, listing.zone)
        yield from map(feed.matching, feed.read(ready, client, window, now))

    def pages() -> Iterator[Batch]:
        for entries in timeline(feeds, read, options.jobs, options.limit):
            for feed, (_, problem) in entries:
                if problem is not None:
                    feed.tally.count_problem(problem)
            batch = Batch([record for _, (record, _) in entries])
            total.pages = sum(feed.tally.pages for feed in feeds)
            total.reached = batch.records[-1]["time"] or total.reached
            yield batch
        total.pages = sum(feed.tally.pages for feed in feeds)  # the last may hold no record
        if options.output != STDOUT:  # so that no file appears
            _fail(feeds, context)

    with ExitStack() as clients:
        listing.write(pages(), count(len(feeds), "source"), total, newest_first=True)
    for feed in feeds:
        feed.warn(context)
    _fail(feeds, context)


def _fail(feeds: Sequence[Feed], context: Context) -> None:
    """Report the logs that could not be read."""
    failures = [
        context.console.failed(feed.error, f"{feed.source}: ")
        for feed in feeds
        if feed.error is not None
    ]
    if failures:
        raise FailedError(failures)


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


def check(options: CheckSourcesOptions, context: Context) -> None:
    """Write for each source whether its settings work, and what does not.

    Raises:
        FailedError: those of some do not; why was reported for each.

    """
    from auditctl.commands.check import check_settings, verdict_writer

    now = datetime.now(UTC)
    sources = chosen(options, context, "check")

    def one(source: "Source") -> tuple[list[str], Exception | None]:
        found: list[str] = []
        try:
            settings = with_settings(options, source)
            for line in check_settings(source.provider, settings, context, now):
                found.append(line)  # noqa: PERF402 - those before a failure count too
        except Exception as error:  # noqa: BLE001 - the others are checked all the same
            return found, error
        return found, None

    failures: list[AuditctlError] = []
    with verdict_writer(options, context) as write:
        for source, (found, error) in zip(sources, ahead(one, sources, options.jobs), strict=True):
            write(_verdict(source.name, found, is_failed=error is not None))
            if error is not None:
                failures.append(context.console.failed(error, f"{source.name}: "))
    if failures:
        raise FailedError(failures)


def _verdict(name: str, lines: Sequence[str], *, is_failed: bool) -> str:
    """Make one line of those that a check has written."""
    if is_failed and not lines:
        lines = ["FAILED  settings"]
    for verdict in ("FAILED", "WARN"):
        wrong = [line[8:] for line in lines if line.startswith(verdict)]
        if wrong:
            return f"{verdict:8}{name}: {'; '.join(wrong)}"
    return f"ok      {name}: {lines[-1][8:]}"
