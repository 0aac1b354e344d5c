"""The option --follow of list: the window first, then what is new, until a signal ends it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from auditctl.batch import Batch, Found
from auditctl.commands.feed import Feed
from auditctl.commands.listing import chosen_format, parse_tests, write_rows
from auditctl.commands.notices import report_interruption, warn_of_clock, warn_of_events, written
from auditctl.commands.selection import with_source
from auditctl.context import Context
from auditctl.errors import FailedError, UsageError, failure
from auditctl.export import age
from auditctl.interrupts import InterruptedRunError, interrupts
from auditctl.log import ASKED_AHEAD, Order
from auditctl.options import STDOUT, ListOptions
from auditctl.output import check_reader, is_pipe, standard_output
from auditctl.phrases import count, with_and
from auditctl.sync.follow import Outage, follow
from auditctl.sync.jobs import Result, SourceRunner
from auditctl.window import Window, before, parse_time, shift
from auditctl.zone import parse_zone

if TYPE_CHECKING:
    from auditctl.formats import Format
    from auditctl.output import Write
    from auditctl.provider import Provider

Options = TypeVar("Options", bound=ListOptions)

DEFAULT_SINCE = "10m"
FORMATS = (None, "table", "jsonl", "csv")
"""Those that can be written record by record."""
ENDS = ("limit", "until", "reverse")
"""Options that need an end."""
READER_CHECKED = 1.0
"""Seconds between two looks whether somebody still reads; without news nothing is written."""

LATE = timedelta(hours=1)
"""Most services show events within this time after they happened."""
REST = 20
"""So many times as long as reading back to `since` took, that is not done again: a long window must
not keep a service busy."""

Read = Callable[[Window], Iterable[Batch]]
"""Reads a log, of which at least this window is asked for."""
Arrival = tuple[Feed, Batch | Exception | None]
"""What a log's thread reports: news, or its end, or None for an outage that has begun or ended."""


def list_(provider: type["Provider"], options: ListOptions, context: Context) -> None:
    """Follow the log of a provider."""
    options = with_source(check_follow(options), provider, context)
    now = datetime.now(UTC)
    tests = parse_tests(options, context, now)
    follow_feeds([Feed(provider, options, tests)], options, 1, context, now)


def check_follow(options: Options) -> Options:
    """Return the options with the default of ``--since``."""
    options.seconds_between()
    wrong = [f"--{name}" for name in ENDS if name in options.typed]
    wrong += ["--output"] * (options.output != STDOUT)
    wrong += [f"--format {options.format}"] * (options.format not in FORMATS)
    if wrong:
        raise UsageError(
            f"--follow goes on until you end it, so it cannot go with {wrong[0]}. "
            "Leave out one of the two."
        )
    return options.but(since=DEFAULT_SINCE if options.since is None else options.since)


def follow_feeds(
    feeds: Sequence[Feed], options: ListOptions, jobs: int, context: Context, now: datetime
) -> None:
    """Write the window of all logs, oldest first, and then what is new in each.

    Raises:
        UsageError: the window begins in the future.
        FailedError: a log could not be read any more, and why was reported.
        AuditctlError: that of a log which is read alone.

    """
    zone = parse_zone(options.tz, context.environ)
    since = parse_time(options.since or "", now, zone)
    if since > now:
        raise UsageError(f"--since {options.since} is in the future: nothing has happened yet.")
    # Up to now: what comes when the zone has another offset carries its own.
    window, with_source = Window(since, None), bool(feeds[0].source)
    base_urls: dict[str, str] = {}
    format_ = chosen_format(
        options, context, window, zone=zone, with_source=with_source, base_urls=base_urls
    )
    runner = SourceRunner(jobs)
    arrivals: SimpleQueue[Arrival] = SimpleQueue()
    watch = _Watch(options, context, runner, arrivals, since, now, base_urls)
    results: list[Result[Feed, None]] = [Result(feed) for feed in feeds]
    runner.start(watch.follow, results, lambda feed, error: arrivals.put((feed, error)))
    if is_pipe(STDOUT):
        context.console.hide_progress()

    def describe() -> str:
        return written(sum(feed.tally.records for feed in feeds))

    try:
        with report_interruption(context.console, describe), standard_output() as write:
            _write_arrivals(feeds, arrivals, format_, write, context)
    except InterruptedRunError:
        interrupts.finish()  # --follow is meant to end like this
    finally:
        runner.end()
    for feed in feeds:
        warn_of_events(feed.title, feed.tally, context.console)
    errors = [feed.error for feed in feeds if feed.error is not None]
    if errors and not feeds[0].source:
        raise errors[0]
    if errors:
        raise FailedError(map(failure, errors))


def _write_arrivals(
    feeds: Sequence[Feed],
    arrivals: SimpleQueue[Arrival],
    format_: "Format",
    write: "Write",
    context: Context,
) -> None:
    """Write what the logs report until none is read any more; their first news in one order."""
    console = context.console
    write_rows(write, format_.rows([]), console)  # the header, where there is one without records
    read, awaited = set(feeds), set(feeds)
    held: list[tuple[Feed, Batch]] = []
    while read:
        check_reader()
        try:
            feed, arrived = arrivals.get(timeout=READER_CHECKED)
        except Empty:
            continue
        awaited.discard(feed)
        if isinstance(arrived, Exception):
            feed.error = arrived
            read.discard(feed)
            if feed.source:
                console.failed(arrived, f"{feed.source}: ")
        elif arrived is not None:
            held.append((feed, arrived))
        if not awaited and held:
            records = sorted((one for _, batch in held for one in batch.records), key=age)
            for one, batch in held:
                one.tally.count_records(batch)
            held.clear()
            write_rows(write, format_.rows(records), console)
            total = count(sum(feed.tally.records for feed in feeds), "record")
            lost = [feed.source for feed in feeds if feed.error is not None]
            without = f", without {with_and(lost)}" if lost else ""
            at = f"{datetime.now(UTC):%H:%M:%S} UTC"
            console.progress(f"{total}, last read at {at}{without}", now=True)


@dataclass(frozen=True)
class _Watch:
    """What all logs have in common that are read again and again."""

    options: ListOptions
    context: Context
    runner: SourceRunner
    arrivals: SimpleQueue[Arrival]
    since: datetime
    now: datetime
    base_urls: dict[str, str]

    def follow(self, feed: Feed) -> None:
        """Report what is new in a log, on a thread of its own."""
        console = self.context.console

        def say(sentence: str) -> None:
            console.warning(f"{feed.source}: {sentence}" if feed.source else sentence)
            self.arrivals.put((feed, None))  # the others need not wait for this one

        def read(asked: Window) -> Iterator[Batch]:
            return feed.read(ready, client, everything, datetime.now(UTC), asked)

        def look() -> None:
            client.begin()
            is_first = tail.covered is None
            self.arrivals.put((feed, tail.news(read, feed.matching, lambda: client.skew)))
            if is_first and (words := self.options.clock_words()):
                warn_of_clock(feed.title, words, client.skew, console)

        outage = Outage(say)
        everything = Window(None, None, oldest_first=True)
        late = max(LATE, feed.log.overlap)
        tail = Tail(feed.log.order.of(everything), self.since, self.now, late)
        connection = feed.connected(self.context, self.now, self.base_urls, outage.begin)
        with connection as (ready, client):
            in_turn = partial(self.runner.in_turn, look)
            follow(in_turn, self.options.seconds_between(), outage, sleep=self.runner.sleep)


@dataclass
class Tail:
    """The end of a log, as far as it has been read."""

    order: Order
    since: datetime
    """The first reading shows what is not older."""
    started: datetime
    late: timedelta = LATE
    """So much of the log is read again each time; now and then, all that `since` began with."""
    clock: Callable[[], float] = monotonic
    whole_at: float = 0.0
    """When all of it may be read again, by this clock."""
    covered: datetime | None = None
    """Everything up to here was read, but for late events; None before the first reading."""
    known: dict[str, str] = field(default_factory=dict)
    """The ids that were read -> their time as text; of one without a time, when it was read."""

    def news(
        self, read: Read, matching: Callable[[Batch], Batch], skew: Callable[[], timedelta | None]
    ) -> Batch:
        """Read the log, and return what no earlier reading has found, oldest first.

        A reading that fails changes nothing. ``skew`` returns the lead of the provider's clock
        over ours, once there is an answer.
        """
        now = earlier = datetime.now(UTC)
        span = max(self.late, self.started - self.since)
        near = before(self.covered or now, self.late)
        shown = self.since if self.covered is None else before(self.covered, span)
        began = self.clock()
        is_whole = self.covered is None or began >= self.whole_at
        if is_whole:
            near = min(near, shown)
        asked = Window(near, shift(now, ASKED_AHEAD), oldest_first=True)
        found: list[Found] = []
        read_now: dict[str, str] = {}
        try:
            for batch in read(asked):
                # A clock of ours that is ahead would put what is new before all that is asked for.
                earlier = min(now, shift(now, skew() or timedelta()))
                for one in matching(batch).each():
                    id_, time = one[0]["id"], age(one[0])
                    is_new = id_ not in self.known and id_ not in read_now
                    if is_new and (not time or time >= _text(shown)):
                        found.append(one)
                    read_now[id_] = time or _text(now)
                if self.order.stops_at_since and _is_older(
                    batch, min(near, before(earlier, self.late))
                ):
                    break
        finally:
            if is_whole:
                ended = self.clock()
                self.whole_at = ended + REST * (ended - began)
        floor = _text(before(earlier, span))
        ids = self.known | read_now
        self.known = {id_: time for id_, time in ids.items() if time >= floor}
        self.covered = earlier
        if self.order.is_newest_first:
            found.reverse()
        found.sort(key=lambda one: age(one[0]))
        return Batch.joined(found)


def _is_older(batch: Batch, moment: datetime) -> bool:
    ages = [age(record) for record in batch.records]
    return bool(ages) and "" not in ages and max(ages) < _text(moment)


def _text(moment: datetime) -> str:
    return Window(moment, None).span[0]
