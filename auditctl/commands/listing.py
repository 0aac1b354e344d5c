"""What every list does: its options read, its records written, its progress shown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING

from auditctl import formats, registry
from auditctl.commands.notices import report_interruption, written
from auditctl.console import Console
from auditctl.context import Context
from auditctl.errors import UsageError
from auditctl.options import STDOUT, ListOptions, OutputOptions
from auditctl.output import Write, cannot, is_pipe, standard_output, whole_file
from auditctl.zone import parse_zone

if TYPE_CHECKING:
    from auditctl.batch import Batch, Tally
    from auditctl.log import Log
    from auditctl.records.fields import Test
    from auditctl.window import Window


class Listing:
    """A list with an end, as it was asked for."""

    def __init__(
        self, options: ListOptions, context: Context, now: datetime, log: "Log | None" = None
    ) -> None:
        """Read the options; ``log`` is the one that is read, or None for logs of sources."""
        options.seconds_between()
        self._options = options
        self._console = context.console
        self.zone = parse_zone(options.tz, context.environ)
        self.window = options.window(now, log and log.reach, self.zone)
        if log is not None and options.limit is None and log.order.is_oldest_first:
            self.window = replace(self.window, oldest_first=True)
        check_output(options.output)
        # What is older than the last of N records is not known.
        seen = self.window if options.limit is None else replace(self.window, since=None)
        self.base_urls: dict[str, str] = {}
        """By the name of the source, "" without one; filled when a log is connected."""
        self._format = chosen_format(
            options,
            context,
            seen,
            zone=self.zone,
            with_source=log is None,
            base_urls=self.base_urls,
        )

    def write(
        self, batches: Iterable["Batch"], title: str, tally: "Tally", *, newest_first: bool
    ) -> None:
        """Write the records, and to whoever watches how far it is and what there was."""
        from auditctl.commands.notices import Progress

        options, console = self._options, self._console
        progress = Progress(title, console, self.window, options.limit, tally, newest_first)
        if options.reverse:
            from auditctl.export import oldest_first

            falling = newest_first or options.limit is not None
            batches = oldest_first(batches, newest_first=falling)
        deliver(batches, self._format, options.output, tally, console, progress=progress.draw)
        progress.summarize(options.until)


def chosen_format(  # noqa: PLR0913 - each by its name
    options: OutputOptions,
    context: Context,
    window: "Window | None" = None,
    *,
    zone: tzinfo = UTC,
    with_source: bool = False,
    base_urls: Mapping[str, str] | None = None,
) -> formats.Format:
    """Make the format that was chosen, for records of a window.

    ``base_urls`` may be filled until the first record is written; see `Layout`.
    """
    from auditctl.records.fields import parse_fields
    from auditctl.records.record import FIELDS, OF_SOURCES

    there = OF_SOURCES if with_source else FIELDS
    to_file = options.output != STDOUT
    layout = formats.Layout(
        fields=None if options.fields is None else parse_fields(options.fields, there=there),
        with_source=with_source,
        raw=options.raw,
        csv_guard=options.csv_guard,
        terminal=context.terminal and not to_file,
        width=context.width,
        # Variables are about what is looked at, and not about a file.
        color=options.color == "always" if to_file else context.color,
        zone=zone,
        window=window,
        ocsf_version=options.ocsf_version or formats.LAST_OCSF,
        base_urls={} if base_urls is None else base_urls,
    )
    return formats.make(options.format_name(terminal=context.terminal), layout)


def check_output(path: str) -> None:
    """Check that a file may be written there: not in a sync's destination, nor as a template."""
    if path == STDOUT:
        return
    if not path:
        raise UsageError("--output is empty: give the name of a file, or - for standard output.")
    from auditctl.paths import OF_RECORD, OF_RUN

    if any(f"{{{name}}}" in path for name in OF_RECORD + OF_RUN):
        raise UsageError(
            f"This writes one file, so {path!r} can have no placeholder; sync's output can."
        )
    _refuse_file_of_sync(path)


def _refuse_file_of_sync(path: str) -> None:
    """Check that no destination of sync would be replaced."""
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
    format_: formats.Format,
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
