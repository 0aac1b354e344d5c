"""The commands list, get and check, given their options."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING

from auditctl import registry
from auditctl.commands.layout import chosen_format
from auditctl.commands.notices import report_interruption, warn_of_clock, warn_of_events, written
from auditctl.commands.parameters import (
    STDOUT,
    FetchOptions,
    GetOptions,
    ListOptions,
)
from auditctl.commands.selection import with_source
from auditctl.connect import connect
from auditctl.console import Console
from auditctl.context import Context
from auditctl.declared import is_name
from auditctl.errors import UsageError
from auditctl.output import Write, cannot, is_pipe, standard_output, whole_file
from auditctl.provider import log_of

if TYPE_CHECKING:
    from auditctl.batch import Batch, Tally
    from auditctl.formats import Format
    from auditctl.provider import Provider
    from auditctl.records.fields import Test


def list_(provider: type["Provider"], options: ListOptions, context: Context) -> None:
    """Export a log."""
    options = with_source(options, provider, context)
    options.seconds_between()
    now = datetime.now(UTC)
    log = log_of(provider, options.own)
    from auditctl.zone import parse_zone

    zone = parse_zone(options.tz, context.environ)
    window = options.window(now, log.reach, zone)
    if options.limit is None and log.order.is_oldest_first:
        window = replace(window, oldest_first=True)
    tests = parse_tests(options, context, now)
    account = options.account_name()
    check_output(options.output)
    # What is older than the last of N records is not known.
    seen = window if options.limit is None else replace(window, since=None)
    base_urls: dict[str, str] = {}
    format_ = chosen_format(options, context, seen, zone=zone, base_urls=base_urls)

    from auditctl.batch import Tally
    from auditctl.commands.progress import Progress
    from auditctl.export import batches, most_recent, oldest_first

    order = log.order.of(window)
    if options.limit is not None and order.is_newest_first:
        # What is fetched ahead may be what the limit makes superfluous.
        options = options.but(concurrency=1)
    tally = Tally()
    ready, client = connect(provider, options, context, now)
    base_urls[""] = ready.base_url
    in_order = order.is_newest_first
    progress = Progress(ready.title, context.console, window, options.limit, tally, in_order)
    try:
        read = batches(
            ready,
            client,
            window,
            asked=log.asked(window, now),
            account=account,
            redacted=options.redact,
            verbatim=options.raw,
        )
        # `map` keeps no batch while the next is read; a generator expression would.
        found: Iterable[Batch] = map(methodcaller("matching", tests), map(tally.count_page, read))
        if options.limit is not None:
            found = most_recent(found, options.limit, ordered=order.is_newest_first)
        if options.reverse:
            falling = order.is_newest_first or options.limit is not None
            found = oldest_first(found, newest_first=falling)
        deliver(found, format_, options.output, tally, context.console, progress=progress.draw)
    finally:
        client.close()
    progress.summarize(options.until)
    warn_of_events(ready.title, tally, context.console)
    if words := options.clock_words():
        warn_of_clock(ready.title, words, client.skew, context.console)


def get(provider: type["Provider"], options: GetOptions, context: Context) -> None:
    """Export the one record of an id."""
    if not is_name(options.id):
        message = "The ID is empty, or contains characters that no id may have."
        raise UsageError(message)
    check_output(options.output)
    format_ = chosen_format(options, context)
    account = options.account_name()

    from auditctl.batch import Tally
    from auditctl.export import retrieve, retrieved

    tally = Tally()
    ready, client = connect(provider, options, context, datetime.now(UTC))

    def batches() -> Iterator["Batch"]:
        # Asked for when there is somewhere to write: if standard output is closed, the connection
        # would take its number.
        page = retrieve(ready, client, options.id)
        yield retrieved(ready, page, account=account, redacted=options.redact, verbatim=options.raw)

    try:
        deliver(batches(), format_, options.output, tally, context.console)
    finally:
        client.close()
    warn_of_events(ready.title, tally, context.console)


def check(provider: type["Provider"], options: FetchOptions, context: Context) -> None:
    """Write line by line whether the settings work; with ``--quiet`` only the exit status tells."""
    from auditctl.commands.check import check as lines

    options = with_source(options, provider, context)
    now = datetime.now(UTC)
    ready, client = connect(provider, options, context, now)
    try:
        # Not standard output with nothing written to it: it may be closed.
        nowhere = nullcontext(lambda _: None)
        with nowhere if options.quiet else standard_output() as write:
            for line in lines(ready, client, now):
                write_rows(write, f"{line}\n".encode(), context.console)
    finally:
        client.close()


def check_output(path: str) -> None:
    """Check that a file may be written there: not in a sync's destination, nor as a template.

    Raises:
        UsageError: it may not.
        OutputError: nothing can be written there.

    """
    if path == STDOUT:
        return
    if not path:
        message = "--output is empty: give the name of a file, or - for standard output."
        raise UsageError(message)
    from auditctl.paths import OF_RECORD, OF_RUN

    if any(f"{{{name}}}" in path for name in OF_RECORD + OF_RUN):
        message = f"This writes one file, so {path!r} can have no placeholder; sync's output can."
        raise UsageError(message)
    _refuse_file_of_sync(path)


def _refuse_file_of_sync(path: str) -> None:
    """Check that no destination of sync would be replaced.

    Raises:
        UsageError: one would.
        OutputError: nothing can be written there.

    """
    from auditctl.paths import is_of_a_sync

    try:
        belongs_to_sync = is_of_a_sync(path)
    except OSError as error:  # the working folder was deleted
        raise cannot(path, error) from None
    if belongs_to_sync:
        raise UsageError(f"{path} belongs to sync, and would be replaced. Use another --output.")


def parse_tests(
    options: ListOptions, context: Context, now: datetime, sources: Sequence[str] = ()
) -> "list[Test]":
    """Read each ``--where``; where records of several sources come together, these are named."""
    from auditctl.records.fields import parse_test
    from auditctl.records.record import FIELDS, OF_SOURCES
    from auditctl.zone import parse_zone

    zone = parse_zone(options.tz, context.environ)
    values = {"provider": registry.installed(), "source": sources}
    there = OF_SOURCES if sources else FIELDS
    return [parse_test(text, now, zone, values, there=there) for text in options.where]


def deliver(  # noqa: PLR0913 - what is written, where, and what is said of it
    batches: Iterable["Batch"],
    format_: "Format",
    output: str,
    tally: "Tally",
    console: Console,
    *,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """Write the records where they belong, and count them; ``progress`` follows each batch."""
    # Looked at again at the end: a sync may have begun there meanwhile.
    check = partial(_refuse_file_of_sync, output)
    destination = standard_output() if output == STDOUT else whole_file(output, check)
    if is_pipe(output):
        console.hide_progress()

    def describe() -> str:
        if output != STDOUT:
            return f"{output} was not written"
        return f"{written(tally.records)}, and the others were not"

    with report_interruption(console, describe), destination as write:
        for batch in batches:
            rows = format_.rows(batch.records)
            tally.count_records(batch)
            write_rows(write, rows, console)
            del batch, rows  # before the next page is read: see `auditctl.export.batches_of`
            progress()
        write_rows(write, format_.end(), console)


def write_rows(write: Write, data: bytes, console: Console) -> None:
    """Write rows where the progress line may be."""
    if data:
        console.clear()
        write(data)
