"""The words of a command line, each option declared once, and what they come to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Literal, get_type_hints

import typer

from auditctl.console import LogFormat
from auditctl.errors import UsageError

if TYPE_CHECKING:
    from auditctl.window import Window

FormatName = Literal["jsonl", "csv", "table"]
STDOUT = "-"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `list` and the commands like it take, as typed."""

    since: Annotated[
        str, typer.Option(metavar="TIME", help="Events from this time on (30d, 2026-01-31, …).")
    ] = "1d"
    until: Annotated[str, typer.Option(metavar="TIME", help="Events before this time.")] = "now"
    format: Annotated[
        FormatName | None,
        typer.Option(
            "-f",
            "--format",
            help="Default: table on a terminal; by the suffix of --output; else jsonl.",
        ),
    ] = None
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A file that appears only when whole; .gz compresses; - is standard output.",
        ),
    ] = STDOUT
    limit: Annotated[
        int | None,
        typer.Option("-n", "--limit", metavar="N", min=1, help="Only the N most recent records."),
    ] = None
    fields: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="These fields; raw.x.y reaches into the raw event."),
    ] = None
    where: Annotated[
        list[str],
        typer.Option(
            metavar="TEST",
            help="Keep records where FIELD=VALUE, FIELD!=VALUE, FIELD~REGEX or FIELD!~REGEX holds; "
            "repeatable.",
        ),
    ] = field(default_factory=list)
    raw: Annotated[
        bool, typer.Option("--raw", help="The provider's own events instead of records.")
    ] = False
    redact: Annotated[
        bool, typer.Option("--redact/--no-redact", help="Replace credentials in the events.")
    ] = True
    csv_guard: Annotated[
        bool,
        typer.Option(
            "--csv-guard/--no-csv-guard", help="Disarm cells that a spreadsheet would run."
        ),
    ] = True
    concurrency: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="Independent requests at once.")
    ] = 4
    retry_for: Annotated[
        str,
        typer.Option(
            metavar="DURATION", help="Patience with a provider that is down or throttles."
        ),
    ] = "5m"
    demo: Annotated[
        bool, typer.Option("--demo", help="Sample data: no account, no network, no settings.")
    ] = False
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")] = False
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="A line per request.")] = False
    log_format: Annotated[
        LogFormat, typer.Option(help="How lines on standard error are written.")
    ] = "text"

    def window(self, now: datetime) -> "Window":
        """Read the two times.

        Raises:
            UsageError: one cannot be read, they are the wrong way round, or nothing can have
                happened yet.

        """
        from auditctl.window import FORMS, Window, parse_time

        since = parse_time(self.since, now)
        until = parse_time(self.until, now)
        if since > now:
            message = f"--since {self.since} is in the future. Write {FORMS}."
            raise UsageError(message)
        if since > until:
            message = (
                f"--since {self.since} is after --until {self.until}. Give an earlier --since; "
                f"a time is {FORMS}."
            )
            raise UsageError(message)
        return Window(since, until)

    def patience(self) -> timedelta:
        """Read ``--retry-for``.

        Raises:
            UsageError: it is no duration.

        """
        from auditctl.window import parse_duration

        try:
            return parse_duration(self.retry_for)
        except UsageError as error:
            message = f"--retry-for: {error}"
            raise UsageError(message) from None

    def format_name(self, *, terminal: bool) -> FormatName:
        """Choose the format that was not chosen."""
        if self.format is not None:
            name = self.format
        elif self.output != STDOUT:
            name = "csv" if self.output.lower().removesuffix(".gz").endswith(".csv") else "jsonl"
        else:
            name = "table" if terminal and not self.raw else "jsonl"
        if self.raw and (name != "jsonl" or self.fields is not None):
            with_ = "--fields" if self.fields is not None else name
            message = (
                f"--raw writes the provider's own events as JSON Lines: it cannot go with {with_}."
            )
            raise UsageError(message)
        return name


OF_LIST = tuple(f.name for f in fields(Options))
OF_GET = tuple(n for n in OF_LIST if n not in ("since", "until", "limit", "where", "concurrency"))
OF_CHECK = ("retry_for", "demo", "quiet", "verbose", "log_format")


def parameters(names: Sequence[str]) -> list[Parameter]:
    """Give a command's parameters for these options, as Typer reads them from a signature."""
    hints = get_type_hints(Options, include_extras=True)
    defaults = Options()
    return [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=getattr(defaults, name),
            annotation=hints[name],
        )
        for name in names
    ]
