"""What the commands do, once their words are read: settings, client, flow, format, destination."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from auditctl.console import Console
from auditctl.destination import Write, standard_output, whole_file
from auditctl.errors import UsageError
from auditctl.escape import escape
from auditctl.options import STDOUT, CheckOptions, Options, Reading
from auditctl.provider import is_name

if TYPE_CHECKING:
    from auditctl.export import Tally
    from auditctl.formats import Format
    from auditctl.provider import Provider
    from auditctl.record import Record
    from auditctl.window import Window
    from auditctl.wire.client import Client
    from auditctl.wire.connection import Exchange

FAULT_STATUS = 1
"""The exit status of a defect of ours."""
CLOCKS_APART = timedelta(minutes=5)
"""Clocks this far apart are worth a warning; many events come later than that anyway."""
COLLECTED_AFTER = 20_000
"""Objects more than were let go of, before the collector looks for cycles among the new ones."""


@dataclass(frozen=True)
class Surroundings:
    """What a command finds around it."""

    environ: Mapping[str, str]
    console: Console
    terminal: bool
    """Standard output is one."""
    width: int
    color: bool


def list_(
    provider: type["Provider"], options: Options, own: Mapping[str, Any], around: Surroundings
) -> None:
    """Export a log; ``own`` are the values of the provider's own options."""
    now = datetime.now(UTC)
    window = options.window(now)
    from auditctl.fields import parse_test
    from auditctl.window import needs_clock

    tests = [parse_test(text) for text in options.where]
    _check_output(options.output)
    format_ = _format(options, around)

    from auditctl.export import Tally, most_recent, records

    ordered = provider.order != "none documented"
    # What is fetched ahead may be what the limit makes superfluous.
    concurrency = 1 if options.limit is not None and ordered else options.concurrency
    tally = Tally()
    ready, client = connected(provider, options, own, around, now, concurrency)
    try:
        batches: Iterable[list[Record]] = records(
            ready,
            ready.pages(client, window),
            window,
            tally,
            tests=tests,
            redacted=options.redact,
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


def get(provider: type["Provider"], id_: str, options: Options, around: Surroundings) -> None:
    """Export the one record of this id."""
    if not is_name(id_):
        message = "The ID is empty, or holds what no id can."
        raise UsageError(message)
    _check_output(options.output)
    format_ = _format(options, around)

    from auditctl.export import Tally, retrieved

    tally = Tally()
    ready, client = connected(provider, options, {}, around, datetime.now(UTC), 1)

    def batches() -> Iterator[list["Record"]]:
        # Asked for when there is somewhere to write: if standard output is closed, the connection
        # would take its number.
        page = ready.retrieve(client, id_)  # type: ignore[attr-defined] # why there is the command
        batch = retrieved(ready, page, tally, redacted=options.redact)
        tally.count(batch)
        yield batch

    try:
        _deliver(batches(), format_, options.output, around.console)
    finally:
        client.close()
    conclude(ready.title, tally, around.console)


def check(provider: type["Provider"], options: CheckOptions, around: Surroundings) -> None:
    """Say line by line whether the settings work; ``--quiet`` leaves the exit status to say it."""
    from auditctl.check import check as lines

    now = datetime.now(UTC)
    ready, client = connected(provider, options, {}, around, now, 1)
    try:
        # Not standard output with nothing written to it: it may be closed.
        nowhere = nullcontext(lambda _: None)
        with nowhere if options.quiet else standard_output() as write:
            for line in lines(ready, client, now):
                _write(write, f"{line}\n".encode(), around.console)
    finally:
        client.close()


def providers(found: Iterable[type["Provider"]], around: Surroundings) -> None:
    """Say what each provider needs."""
    from auditctl.overview import overview

    with standard_output() as write:
        write(overview(list(found), width=around.width, terminal=around.terminal))


def schema() -> None:
    """Write the JSON Schema of one record."""
    import orjson

    from auditctl.schema import json_schema

    with standard_output() as write:
        write(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def connected(  # noqa: PLR0913, PLR0917 - all that a client is made of
    provider: type["Provider"],
    options: Reading,
    own: Mapping[str, Any],
    around: Surroundings,
    now: datetime,
    concurrency: int,
    on_trouble: Callable[[str], None] = lambda _sentence: None,
) -> tuple["Provider", "Client"]:
    """Read the settings and prepare the client, or the sample data in its place.

    ``on_trouble`` is told of each trouble that is waited out.
    """
    from auditctl import settings

    patience = options.patience()
    renewable = not options.demo and settings.may_change(provider, around.environ)
    load = partial(settings.load, provider, around.environ, **own)
    transport = None
    if options.demo:
        from auditctl import demo

        ready = settings.sample(provider, **own)
        try:
            transport = demo.transport(provider.name, now)
        except LookupError as error:
            raise UsageError(f"{error}.") from None
    else:
        ready = load()

    from auditctl.wire.client import Client

    client = Client(
        ready,
        again=load if renewable else None,
        retry_for=patience,
        concurrency=concurrency,
        transport=transport,
        on_exchange=partial(_tell_exchange, around.console) if options.verbose else None,
        on_pause=partial(_tell_pause, around.console, on_trouble),
    )
    # What is imported by now stays, and pages go when their last name does: the collector need
    # not look at either again and again. It was off so far, see `auditctl.__main__`.
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
    gc.enable()
    return ready, client


def _tell_pause(
    console: Console, on_trouble: Callable[[str], None], sentence: str, seconds: float
) -> None:
    on_trouble(f"{sentence}.")
    console.detail(f"{sentence}; asking again in {seconds:.0f} s", pause=seconds)
    # What one waits for first: the line may be too long for the terminal.
    console.progress(f"Asking again in {seconds:.0f} s: {sentence}", now=True)


def _tell_exchange(console: Console, exchange: "Exchange") -> None:
    console.detail(
        f"{exchange.method} {exchange.path} {exchange.status or 'no answer'} "
        f"{exchange.milliseconds:.0f} ms {exchange.size} bytes",
        method=exchange.method,
        path=exchange.path,
        status=exchange.status,
        milliseconds=round(exchange.milliseconds, 1),
        bytes=exchange.size,
    )


def _check_output(path: str) -> None:
    """See that a file may be written there: not into a sync's destination, nor as a template.

    Raises:
        UsageError: it may not.

    """
    if path == STDOUT:
        return
    if not path:
        message = "--output is empty: give the name of a file, or - for standard output."
        raise UsageError(message)
    from auditctl.sync.template import OF_RECORD, OF_RUN

    if any(f"{{{name}}}" in path for name in OF_RECORD + OF_RUN):
        message = f"list writes one file, so {path!r} can have no placeholder; sync's output can."
        raise UsageError(message)
    _refuse_file_of_sync(path)


def _refuse_file_of_sync(path: str) -> None:
    """Check that no destination of sync would be replaced.

    Raises:
        UsageError: one would.

    """
    from auditctl.sync.template import is_of_a_sync

    if is_of_a_sync(path):
        message = f"{path} belongs to sync, and would be replaced. Give another --output."
        raise UsageError(message)


def _format(options: Options, around: Surroundings) -> "Format":
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
    # Looked at again at the end: a sync may have begun there meanwhile.
    check = partial(_refuse_file_of_sync, output)
    destination = standard_output() if output == STDOUT else whole_file(output, check)
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
    """Warn of events that could not be read in full, and of answers without any."""
    if tally.malformed:
        console.warning(
            f"{tally.malformed} of {title}'s events lack a field or have it in a form "
            "that cannot be read; they were exported with null there. The first: "
            f"{escape(tally.first_malformed)}."
        )
    if tally.unconfirmed:
        console.warning(
            f"{count(tally.unconfirmed, 'answer')} of {title} had no list of events and did not "
            "say that there are none; each was taken for an empty day. The first: "
            f"{escape(tally.first_unconfirmed)}."
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


def fault(error: BaseException) -> str:
    """Say what a defect of ours is and where; its message and the values may hold secrets."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = type(error).__name__
    if trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        where += f" in {module}, line {trace.tb_lineno}"
    return f"This is a fault of auditctl itself: {where}. Please report it."
