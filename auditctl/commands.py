"""The commands list, get, check, providers and schema, given their options."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING

from auditctl import registry
from auditctl.connect import connect
from auditctl.console import Console
from auditctl.context import Context
from auditctl.errors import UsageError
from auditctl.layout import chosen_format
from auditctl.notices import count, warn_of_clock, warn_of_events
from auditctl.output import Write, cannot, standard_output, whole_file
from auditctl.parameters import (
    DEFAULT_SINCE,
    STDOUT,
    FetchOptions,
    GetOptions,
    ListOptions,
)
from auditctl.provider import is_name, log_of

if TYPE_CHECKING:
    from auditctl.batch import Batch, Tally
    from auditctl.formats import Format
    from auditctl.provider import Provider
    from auditctl.window import Window


def list_(provider: type["Provider"], options: ListOptions, context: Context) -> None:
    """Export a log."""
    if options.source is not None:
        options = _of_source(options.source, provider, options, context)
    elif options.config is not None:
        raise UsageError("--config is where a --source is looked for: give one too.")
    now = datetime.now(UTC)
    log = log_of(provider, options.own)
    from auditctl.window import needs_clock
    from auditctl.zone import parse_zone

    zone = parse_zone(options.tz, context.environ)
    # Where each day costs a request, days that nobody keeps are not asked for.
    window = options.window(now, log.keeps if log.order.is_by_day else None, zone)
    from auditctl.fields import parse_test

    values = {"provider": registry.installed()}
    tests = [parse_test(text, now, zone, values) for text in options.where]
    account = options.account_name()
    _check_output(options.output)
    # What is older than the last of N records is not known.
    seen = window if options.limit is None else replace(window, since=None)
    format_ = chosen_format(options, context, seen, zone=zone)

    from auditctl.batch import Tally
    from auditctl.export import How, batches, most_recent, oldest_first

    order = log.order.of(window)
    if options.limit is not None and order.is_newest_first:
        # What is fetched ahead may be what the limit makes superfluous.
        options = replace(options, concurrency=1)
    tally = Tally()
    ready, client = connect(provider, options, context, now)
    try:
        how: How = {"account": account, "redacted": options.redact, "verbatim": options.raw}
        read = batches(ready, client, window, **how)
        # `map` keeps no batch while the next is read; a generator expression would.
        found: Iterable[Batch] = map(methodcaller("matching", tests), map(tally.count_page, read))
        if options.limit is not None:
            found = most_recent(found, options.limit, ordered=order.is_newest_first)
        if options.reverse:
            falling = order.is_newest_first or options.limit is not None
            found = oldest_first(found, newest_first=falling)
        progress = partial(_progress, ready, window, tally, context.console)
        _deliver(found, format_, options.output, tally, context.console, progress=progress)
    finally:
        client.close()
    found_all = tally.records != options.limit
    records = (
        f"{count(tally.records, 'record')} since {_begin(window)}"
        if found_all
        else f"the {count(tally.records, 'most recent record')}"
    )
    context.console.info(
        f"{ready.title}: {records}, {count(tally.pages, 'page')}, {tally.took:.1f} s."
    )
    warn_of_events(ready.title, tally, context.console)
    since = options.since or (DEFAULT_SINCE if options.limit is None else "")
    for name, text in ("since", since), ("until", options.until):
        if needs_clock(text):
            warn_of_clock(ready.title, f"--{name} {text}", client.skew, context.console)
            break


def get(provider: type["Provider"], options: GetOptions, context: Context) -> None:
    """Export the one record of an id."""
    if not is_name(options.id):
        message = "The ID is empty, or contains characters that no id may have."
        raise UsageError(message)
    _check_output(options.output)
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
        _deliver(batches(), format_, options.output, tally, context.console)
    finally:
        client.close()
    warn_of_events(ready.title, tally, context.console)


def check(provider: type["Provider"], options: FetchOptions, context: Context) -> None:
    """Write line by line whether the settings work; with ``--quiet`` only the exit status tells."""
    from auditctl.check import check as lines

    now = datetime.now(UTC)
    ready, client = connect(provider, options, context, now)
    try:
        # Not standard output with nothing written to it: it may be closed.
        nowhere = nullcontext(lambda _: None)
        with nowhere if options.quiet else standard_output() as write:
            for line in lines(ready, client, now):
                _write(write, f"{line}\n".encode(), context.console)
    finally:
        client.close()


def providers(context: Context) -> None:
    """Show what each installed provider needs."""
    from auditctl.overview import overview

    loaded = (registry.load(name, context.console.warning) for name in registry.installed())
    found = [provider for provider in loaded if provider is not None]
    with standard_output() as write:
        write(overview(found, width=context.width, terminal=context.terminal))


def schema() -> None:
    """Write the JSON Schema of one record."""
    import orjson

    from auditctl.schema import json_schema

    with standard_output() as write:
        write(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _of_source(
    name: str, provider: type["Provider"], options: ListOptions, context: Context
) -> ListOptions:
    """Return the options with those of a source of auditctl.toml, and its settings.

    Raises:
        UsageError: there is no such source, or it has another provider.

    """
    from auditctl.sync import config

    sources = config.sources(options.config, context, "leave --source out")
    source = sources.get(name)
    if source is None or source.provider is not provider:
        what = "no such source" if source is None else f"a source of {source.provider.name}"
        there = [one.name for one in sources.values() if one.provider is provider]
        raise UsageError(
            f"--source {name}: {what}. Sources of {provider.name}: {', '.join(there) or 'none'}."
        )
    given = {option: values for option, values in options.own.items() if values}
    return replace(
        options,
        account=source.options.account if options.account is None else options.account,
        demo=options.demo or source.options.demo,
        own={**source.options.own, **given},
        settings=source.options.settings,
    )


def _check_output(path: str) -> None:
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
        message = f"list writes one file, so {path!r} can have no placeholder; sync's output can."
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
        message = f"{path} belongs to sync, and would be replaced. Use another --output."
        raise UsageError(message)


def _deliver(  # noqa: PLR0913 - what is written, where, and what is said of it
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
    with destination as write:
        for batch in batches:
            tally.count_records(batch)
            _write(write, format_.rows(batch.records), console)
            del batch  # before the next page is read: see `auditctl.export.batches_of`
            progress()
        _write(write, format_.end(), console)


def _write(write: Write, data: bytes, console: Console) -> None:
    if data:
        console.clear()  # the progress line is where the next record goes
        write(data)


def _progress(provider: "Provider", window: "Window", tally: "Tally", console: Console) -> None:
    """Draw the progress line."""
    if console.live:
        rate = tally.records / max(tally.took, 0.001)
        back = f", back to {tally.reached[:16]}" if tally.reached else ""
        console.progress(
            f"{provider.title}: {count(tally.pages, 'page')}, "
            f"{count(tally.records, 'record')}{back} "
            f"({rate:,.0f}/s, since {_begin(window)})"
        )


def _begin(window: "Window") -> str:
    """Write where a window begins, for people."""
    return f"{window.since:%Y-%m-%d %H:%M} UTC" if window.since else "the beginning"
