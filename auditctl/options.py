"""The options and arguments of the command line, each declared once."""

from typing import Annotated

import typer

from auditctl import console
from auditctl.formats import FileFormatName, FormatName, ReportFormatName

# What is said


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        from auditctl import __version__

        typer.echo(f"auditctl {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version",
        callback=_print_version,
        expose_value=False,
        is_eager=True,
        help="Show the version.",
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="A line per request.")]
LogFormat = Annotated[
    console.LogFormat, typer.Option(help="How lines on standard error are written.")
]

# What is read, and what becomes of it

Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Events from this time on (30d, 2026-01-31, …). Default: 1d; with --limit, as far "
        "back as there is.",
    ),
]
Until = Annotated[str, typer.Option(metavar="TIME", help="Events before this time.")]
Format = Annotated[
    FormatName | None,
    typer.Option(
        "-f",
        "--format",
        help="Default: table on a terminal; by the suffix of --output; else jsonl.",
    ),
]
Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A file that appears only when whole; .gz compresses; - is standard output.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option("-n", "--limit", metavar="N", min=1, help="Only the N most recent records."),
]
Fields = Annotated[
    str | None,
    typer.Option(metavar="A,B,…", help="These fields; raw.x.y reaches into the raw event."),
]
Where = Annotated[
    list[str],
    typer.Option(
        metavar="TEST",
        help="Keep records where FIELD=VALUE, FIELD!=VALUE, FIELD~REGEX or FIELD!~REGEX holds; "
        "repeatable.",
    ),
]
Raw = Annotated[bool, typer.Option("--raw", help="The provider's own events instead of records.")]
Redact = Annotated[
    bool, typer.Option("--redact/--no-redact", help="Replace credentials in the events.")
]
CsvGuard = Annotated[
    bool,
    typer.Option("--csv-guard/--no-csv-guard", help="Disarm cells that a spreadsheet would run."),
]

Account = Annotated[
    str | None, typer.Option(metavar="NAME", help="Whose log it is, if the events do not say.")
]

# How the provider is asked

Concurrency = Annotated[
    int, typer.Option(metavar="N", min=1, max=64, help="Independent requests at once.")
]
RetryFor = Annotated[
    str,
    typer.Option(metavar="DURATION", help="Patience with a provider that is down or throttles."),
]
Demo = Annotated[
    bool, typer.Option("--demo", help="Sample data: no account, no network, no settings.")
]

# auditctl.toml

Source = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="With the settings of this source of auditctl.toml."),
]
Config = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="Where auditctl.toml is. Default: $AUDITCTL_CONFIG, ./auditctl.toml, or the one in "
        "your configuration folder.",
    ),
]

# Files that sync appends to

Destination = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A file to append to, or several: {date}, {provider}, {account} and {source} "
        "stand for a record's; .gz compresses.",
    ),
]
FileFormat = Annotated[
    FileFormatName | None,
    typer.Option("-f", "--format", help="Default: by the suffix of --output; else jsonl."),
]
Beginning = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Where the first run begins. Default: as far back as the provider keeps.",
    ),
]
Overlap = Annotated[
    str,
    typer.Option(
        metavar="DURATION", help="How late an event may become visible and not be missed."
    ),
]
ExternalRotation = Annotated[
    bool,
    typer.Option(
        "--external-rotation", help="Files are taken away on purpose: say nothing when one is gone."
    ),
]
Follow = Annotated[bool, typer.Option("--follow", help="Go on for ever, as a service.")]
Interval = Annotated[
    str, typer.Option(metavar="DURATION", help="From one look of --follow to the next.")
]
Wait = Annotated[str, typer.Option(metavar="DURATION", help="Wait so long for another run to end.")]
Jobs = Annotated[int, typer.Option(metavar="N", min=1, help="Sources at once.")]

# Reports

ReportFormat = Annotated[
    ReportFormatName, typer.Option("-f", "--format", help="For people or for machines.")
]
MaxAge = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Fail if the last success is older than this."),
]
AcknowledgeGaps = Annotated[
    bool,
    typer.Option("--acknowledge-gaps", help="The gaps shown are known: fail no more for them."),
]

# Arguments

RecordId = Annotated[str, typer.Argument(metavar="ID", help="The provider's id of the record.")]
Sources = Annotated[list[str], typer.Argument(metavar="[SOURCE]...", help="Only these; else all.")]
Path = Annotated[
    str, typer.Argument(metavar="PATH", help="The one given to sync, placeholders and all.")
]
Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="[PATH]...", help="Those given to sync; without any, all of auditctl.toml."
    ),
]
