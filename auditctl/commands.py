"""What list, get, check, providers and schema do with their options."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from auditctl import registry
from auditctl.connect import connect
from auditctl.console import Console
from auditctl.context import Context
from auditctl.destination import Write, cannot, standard_output, whole_file
from auditctl.errors import UsageError
from auditctl.escape import escape
from auditctl.parameters import STDOUT, FetchOptions, GetOptions, ListOptions, OutputOptions
from auditctl.provider import is_name

if TYPE_CHECKING:
    from auditctl.export import Tally
    from auditctl.formats import Format
    from auditctl.provider import Provider
    from auditctl.record import Record
    from auditctl.window import Window

CLOCKS_APART = timedelta(minutes=5)
"""Clocks this far apart are worth a warning; many events come later than that anyway."""


def list_(provider: type["Provider"], options: ListOptions, around: Context) -> None:
    """Export a log."""
    if options.source is not None:
        options, around = _of_source(options.source, provider, options, around)
    elif options.config is not None:
        raise UsageError("--config is where a --source is looked for: give one too.")
    now = datetime.now(UTC)
    window = options.window(now)
    from auditctl.fields import parse_test
    from auditctl.window import needs_clock

    tests = [parse_test(text) for text in options.where]
    account = options.account_name()
    _check_output(options.output)
    format_ = _format(options, around)

    from auditctl.export import Tally, most_recent, records

    ordered = provider.order != "none documented"
    if options.limit is not None and ordered:
        # What is fetched ahead may be what the limit makes superfluous.
        options = replace(options, concurrency=1)
    tally = Tally()
    ready, client = connect(provider, options, around, now)
    try:
        batches: Iterable[list[Record]] = records(
            ready,
            ready.pages(client, window),
            window,
            tally,
            tests=tests,
            account=account,
            redacted=options.redact,
            verbatim=options.raw,
        )
        if options.limit is not None:
            batches = most_recent(batches, options.limit, ordered=ordered)
        watched = _watched(batches, ready, window, tally, around.console)
        _deliver(watched, format_, options.output, around.console)
    finally:
        client.close()
    around.console.info(
        f"{ready.title}: {count(tally.records, 'record')} since "
        f"{window.since:%Y-%m-%d %H:%M} UTC, {count(tally.pages, 'page')}, "
        f"{tally.took:.1f} s."
    )
    conclude(ready.title, tally, around.console)
    for name, text in ("since", options.since), ("until", options.until):
        if needs_clock(text):
            warn_of_clock(ready.title, f"--{name} {text}", client.skew, around.console)
            break


def get(provider: type["Provider"], options: GetOptions, around: Context) -> None:
    """Export the one record of an id."""
    if not is_name(options.id):
        message = "The ID is empty, or holds what no id can."
        raise UsageError(message)
    _check_output(options.output)
    format_ = _format(options, around)
    how = {"account": options.account_name(), "redacted": options.redact, "verbatim": options.raw}

    from auditctl.export import Tally, retrieved

    tally = Tally()
    ready, client = connect(provider, options, around, datetime.now(UTC))

    def batches() -> Iterator[list["Record"]]:
        # Asked for when there is somewhere to write: if standard output is closed, the connection
        # would take its number.
        page = ready.retrieve(client, options.id)  # type: ignore[attr-defined] # why there is the command
        batch = retrieved(ready, page, tally, **how)
        tally.count(batch)
        yield batch

    try:
        _deliver(batches(), format_, options.output, around.console)
    finally:
        client.close()
    conclude(ready.title, tally, around.console)


def check(provider: type["Provider"], options: FetchOptions, around: Context) -> None:
    """Say line by line whether the settings work; ``--quiet`` leaves the exit status to say it."""
    from auditctl.check import check as lines

    now = datetime.now(UTC)
    ready, client = connect(provider, options, around, now)
    try:
        # Not standard output with nothing written to it: it may be closed.
        nowhere = nullcontext(lambda _: None)
        with nowhere if options.quiet else standard_output() as write:
            for line in lines(ready, client, now):
                _write(write, f"{line}\n".encode(), around.console)
    finally:
        client.close()


def providers(around: Context) -> None:
    """Show what each installed provider needs."""
    from auditctl.overview import overview

    loaded = (registry.load(name, around.console.warning) for name in registry.installed())
    found = [provider for provider in loaded if provider is not None]
    with standard_output() as write:
        write(overview(found, width=around.width, terminal=around.terminal))


def schema() -> None:
    """Write the JSON Schema of one record."""
    import orjson

    from auditctl.schema import json_schema

    with standard_output() as write:
        write(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _of_source(
    name: str, provider: type["Provider"], options: ListOptions, around: Context
) -> tuple[ListOptions, Context]:
    """Return options and surroundings with the settings of a source of auditctl.toml.

    Raises:
        UsageError: there is no such source, or it is another provider's.

    """
    from auditctl.sync import configuration

    sources = configuration.sources(options.config, around)
    source = sources.get(name)
    if source is None or source.provider is not provider:
        what = "is none" if source is None else f"is one of {source.provider.name}"
        there = [one.name for one in sources.values() if one.provider is provider]
        raise UsageError(
            f"--source {name}: that {what}. Sources of {provider.name}: "
            f"{', '.join(there) or 'none'}."
        )
    given = {option: values for option, values in options.own.items() if values}
    return (
        replace(
            options,
            account=source.options.account if options.account is None else options.account,
            demo=options.demo or source.options.demo,
            own={**source.options.own, **given},
        ),
        replace(around, environ=source.environ(around.environ)),
    )


def _check_output(path: str) -> None:
    """See that a file may be written there: not into a sync's destination, nor as a template.

    Raises:
        UsageError: it may not.
        OutputError: nothing can be written there.

    """
    if path == STDOUT:
        return
    if not path:
        message = "--output is empty: give the name of a file, or - for standard output."
        raise UsageError(message)
    from auditctl.sync.template import OF_RECORD, OF_RUN, is_of_a_sync

    if any(f"{{{name}}}" in path for name in OF_RECORD + OF_RUN):
        message = f"list writes one file, so {path!r} can have no placeholder; sync's output can."
        raise UsageError(message)
    try:
        belongs_to_sync = is_of_a_sync(path)
    except OSError as error:  # the working folder was deleted
        raise cannot(path, error) from None
    if belongs_to_sync:
        message = f"{path} belongs to sync, and would be replaced. Give another --output."
        raise UsageError(message)


def _format(options: OutputOptions, around: Context) -> "Format":
    """Make what writes the format chosen."""
    from auditctl.fields import field, parse_fields
    from auditctl.record import FIELDS

    name = options.format_name(terminal=around.terminal)
    fields = None if options.fields is None else parse_fields(options.fields)
    if name == "jsonl":
        from auditctl.formats.jsonl import Jsonl

        return Jsonl(fields, raw=options.raw)
    if name == "csv":
        from auditctl.formats.csv import Csv

        return Csv(fields or [field(n) for n in FIELDS], guard=options.csv_guard)
    from auditctl.formats.table import COLUMNS, PlainTable, RichTable

    columns = fields or [field(n) for n in COLUMNS]
    if options.output == STDOUT and around.terminal:
        return RichTable(columns, around.width, color=around.color)
    return PlainTable(columns)


def _deliver(
    batches: Iterable[list["Record"]], format_: "Format", output: str, console: Console
) -> None:
    """Write the records where they belong."""
    destination = standard_output() if output == STDOUT else whole_file(output)
    with destination as write:
        for batch in batches:
            _write(write, format_.rows(batch), console)
            del batch  # see `auditctl.export.records`
        _write(write, format_.end(), console)


def _write(write: Write, data: bytes, console: Console) -> None:
    if data:
        console.clear()  # the progress line stands where the next record goes
        write(data)


def _watched(
    batches: Iterable[list["Record"]],
    provider: "Provider",
    window: "Window",
    tally: "Tally",
    console: Console,
) -> Iterator[list["Record"]]:
    """Count what is delivered, and draw the progress line after each page."""
    for batch in batches:
        tally.count(batch)
        yield batch
        del batch  # see `auditctl.export.records`
        if console.live:
            rate = tally.records / max(tally.took, 0.001)
            back = f", back to {tally.reached[:16]}" if tally.reached else ""
            console.progress(
                f"{provider.title}: {count(tally.pages, 'page')}, "
                f"{count(tally.records, 'record')}{back} "
                f"({rate:,.0f}/s, since {window.since:%Y-%m-%d %H:%M})"
            )


def count(number: int, noun: str) -> str:
    """Say how many there are of something."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def conclude(title: str, tally: "Tally", console: Console) -> None:
    """Warn of events that could not be read in full, or not be written as they came."""
    if tally.malformed:
        console.warning(
            f"{tally.malformed} of {title}'s events lack a field or have it in a form "
            "that cannot be read; they were exported with null there. The first: "
            f"{escape(tally.first_malformed)}."
        )
    if tally.mended:
        console.warning(
            f"{tally.mended} of {title}'s events hold half a character, a lone surrogate, which "
            "many readers refuse; U+FFFD was written in its place. --raw keeps it."
        )


def warn_of_clock(
    title: str, words: str, skew: timedelta | None, console: Console, prefix: str = ""
) -> None:
    """Warn if ``words`` count by a clock that differs from the provider's."""
    if skew is not None and abs(skew) > CLOCKS_APART:
        from auditctl.window import in_words

        where = "behind" if skew > timedelta() else "ahead of"
        console.warning(
            f"{prefix}This machine's clock is {in_words(abs(skew))} {where} {title}'s, and {words} "
            "counts by it. Set the clock, or give a time that does not depend on it, such as "
            "2026-01-31T08:00:00Z."
        )
