"""The commands list, get and check, given their options."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from auditctl.commands.listing import Listing, check_output, chosen_format, deliver, parse_tests
from auditctl.commands.notices import warn_of_events
from auditctl.commands.selection import with_source
from auditctl.connect import connect
from auditctl.context import Context
from auditctl.declared import is_name
from auditctl.errors import UsageError
from auditctl.options import FetchOptions, GetOptions, ListOptions
from auditctl.provider import log_of

if TYPE_CHECKING:
    from auditctl.batch import Batch
    from auditctl.provider import Provider


def list_(provider: type["Provider"], options: ListOptions, context: Context) -> None:
    """Export a log."""
    options = with_source(options, provider, context)
    now = datetime.now(UTC)
    listing = Listing(options, context, now, log_of(provider, options.own))
    tests = parse_tests(options, context, now)

    import httpx  # noqa: F401 - see `auditctl.sync.commands`

    from auditctl.commands.feed import Feed
    from auditctl.export import most_recent

    feed = Feed(provider, options, tests)
    is_newest_first = feed.log.order.of(listing.window).is_newest_first
    with feed.connected(context, now, listing.base_urls) as (ready, client):
        # `map` keeps no batch while the next is read; a generator expression would.
        found: Iterator[Batch] = map(feed.matching, feed.read(ready, client, listing.window, now))
        if options.limit is not None:
            found = most_recent(found, options.limit, ordered=is_newest_first)
        listing.write(found, feed.title, feed.tally, newest_first=is_newest_first)
    feed.warn(context)


def get(provider: type["Provider"], options: GetOptions, context: Context) -> None:
    """Export the one record of an id."""
    if not is_name(options.id):
        raise UsageError("The ID is empty, or contains characters that no id may have.")
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

    with closing(client):
        deliver(batches(), format_, options.output, tally, context.console)
    warn_of_events(ready.title, tally, context.console)


def check(provider: type["Provider"], options: FetchOptions, context: Context) -> None:
    """Write line by line whether the settings work."""
    from auditctl.commands.check import check_settings, verdict_writer

    options = with_source(options, provider, context)
    with verdict_writer(options, context) as write:
        for line in check_settings(provider, options, context, datetime.now(UTC)):
            write(line)
