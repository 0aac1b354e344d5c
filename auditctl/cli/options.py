"""The options and arguments of the command line, each declared once."""

from typing import Annotated

import typer
from typer import Argument, Option

from auditctl import console
from auditctl.cli import completion
from auditctl.formats import (
    FormatName,
    OcsfVersion,
    OneFormatName,
    ReportFormatName,
    SchemaName,
    SyncFormatName,
)

# Output on standard error


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        from auditctl import __version__

        typer.echo(f"auditctl {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    Option(
        "-V",
        "--version",
        callback=_print_version,
        expose_value=False,
        is_eager=True,
        help="Show the version.",
    ),
]
Quiet = Annotated[bool, Option("-q", "--quiet", help="Show only errors.")]
Verbose = Annotated[bool, Option("-v", "--verbose", help="A line per request.")]
LogFormat = Annotated[console.LogFormat, Option(help="How lines on standard error are written.")]
Color = Annotated[
    console.ColorChoice,
    Option(help="When to use colour. auto: on a terminal, and as NO_COLOR and such say."),
]

# What is read, and how it is written

Since = Annotated[
    str | None,
    Option(
        metavar="TIME",
        help="Events from this time on (30d, 2026-01-31, …). Default: 1d; with --limit, as far "
        "back as there is.",
    ),
]
Until = Annotated[str, Option(metavar="TIME", help="Events before this time.")]
ReadSince = Annotated[
    str | None,
    Option("--since", metavar="TIME", help="Events from this time on. Default: all there are."),
]
ReadUntil = Annotated[
    str | None, Option("--until", metavar="TIME", help="Events before this time. Default: no end.")
]
Tz = Annotated[
    str,
    Option(
        metavar="ZONE",
        help="The zone of times without an offset, and of times in a table: local, UTC, "
        "Africa/Nairobi, …",
    ),
]
Format = Annotated[
    FormatName | None,
    Option(
        "-f",
        "--format",
        help="Default: table on a terminal; by the suffix of --output; else jsonl.",
    ),
]
OneFormat = Annotated[
    OneFormatName | None,
    Option(
        "-f",
        "--format",
        help="Default: a field a line on a terminal, a table with --fields; by the suffix of "
        "--output; else jsonl.",
    ),
]
Output = Annotated[
    str,
    Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A file that appears only when whole; .gz compresses; - is standard output.",
    ),
]
Limit = Annotated[
    int | None, Option("-n", "--limit", metavar="N", min=1, help="Only the N most recent records.")
]
Reverse = Annotated[
    bool, Option("--reverse", help="The oldest first. All is held until it is complete.")
]
Fields = Annotated[
    str | None,
    Option(
        metavar="A,B,…",
        autocompletion=completion.complete_fields,
        help="These fields; raw.x.y reaches into the raw event.",
    ),
]
Where = Annotated[
    list[str],
    Option(
        metavar="TEST",
        autocompletion=completion.complete_test,
        help="Keep records where FIELD=VALUE, FIELD!=VALUE, FIELD~REGEX or FIELD!~REGEX holds; "
        "time and status_code also with < <= > >=; repeatable.",
    ),
]
Raw = Annotated[bool, Option("--raw", help="The provider's own events instead of records.")]
Schema = Annotated[
    SchemaName, Option(help="What a line of JSON Lines is: a record, or an event of OCSF or ECS.")
]
Ocsf = Annotated[
    OcsfVersion | None,
    Option("--ocsf-version", help="The version for --schema ocsf. Default: 1.8.0."),
]
Redact = Annotated[bool, Option("--redact/--no-redact", help="Replace credentials in the events.")]
CsvGuard = Annotated[
    bool, Option("--csv-guard/--no-csv-guard", help="Disarm cells that a spreadsheet would run.")
]

Account = Annotated[
    str | None, Option(metavar="NAME", help="The records' account where the events name none.")
]

# Requests to the provider

Concurrency = Annotated[
    int, Option(metavar="N", min=1, max=64, help="How many independent requests run at once.")
]
RetryFor = Annotated[
    str, Option(metavar="DURATION", help="How long to retry while a provider is down or throttles.")
]
Demo = Annotated[bool, Option("--demo", help="Sample data: no account, no network, no settings.")]

# auditctl.toml

Source = Annotated[
    str | None,
    Option(
        metavar="NAME",
        autocompletion=completion.complete_source,
        help="Use the settings of this source of auditctl.toml.",
    ),
]
Config = Annotated[
    str | None,
    Option(
        metavar="PATH",
        help="Where auditctl.toml is. Default: $AUDITCTL_CONFIG, ./auditctl.toml, or the one in "
        "your configuration folder.",
    ),
]

NewSource = Annotated[
    str | None,
    Option("--source", metavar="NAME", help="What to call the new source. Default: the provider."),
]
PrintOnly = Annotated[
    bool, Option("--print", help="Ask nothing and write nothing: print what to write.")
]

# Files that sync appends to

Destination = Annotated[
    str,
    Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A file to append to, or several: {date}, {provider}, {account} and {source} "
        "become the record's; .gz compresses. With -f delta, the folder or URL of a table. "
        "Required, but for --source.",
    ),
]
FileFormat = Annotated[
    SyncFormatName | None,
    Option(
        "-f", "--format", help="Default: by the suffix of --output, delta for a URL; else jsonl."
    ),
]
Beginning = Annotated[
    str | None,
    Option(
        "--since",
        metavar="TIME",
        help="Where the first run begins. Default: as far back as the provider keeps.",
    ),
]
Overlap = Annotated[
    str | None,
    Option(
        metavar="DURATION",
        help="Read this far back again, to catch events that appear late. Default: 1h, "
        "or what the provider needs.",
    ),
]
ExternalRotation = Annotated[
    bool,
    Option(
        "--external-rotation", help="Files are moved away on purpose: no alarm if one is missing."
    ),
]
Follow = Annotated[bool, Option("--follow", help="Keep running, as a service.")]
Interval = Annotated[str, Option(metavar="DURATION", help="Time between syncs with --follow.")]
FollowList = Annotated[
    bool,
    Option(
        "--follow",
        help="The window (--since 10m unless you say otherwise), oldest first, then what is new, "
        "until Ctrl-C.",
    ),
]
IntervalList = Annotated[
    str, Option("--interval", metavar="DURATION", help="Time between looks with --follow.")
]
Wait = Annotated[str, Option(metavar="DURATION", help="How long to wait for another run.")]
Jobs = Annotated[int, Option(metavar="N", min=1, help="How many sources run at once.")]

Dask = Annotated[
    str | None,
    Option(
        metavar="ADDRESS",
        help="Run each source as a task on the workers of this Dask scheduler, such as "
        "tcp://scheduler:8786.",
    ),
]
SharedFolder = Annotated[
    bool,
    Option("--shared-folder", help="With --dask: all workers see the folders that are written to."),
]

# Reports

ReportFormat = Annotated[
    ReportFormatName, Option("-f", "--format", help="table for people, json for programs.")
]
MaxAge = Annotated[
    str | None, Option(metavar="DURATION", help="Fail if the last success is older than this.")
]
AcknowledgeGaps = Annotated[
    bool, Option("--acknowledge-gaps", help="Mark the gaps as known: no longer fail for them.")
]

# Arguments

ProviderName = Annotated[
    str, Argument(metavar="PROVIDER", help="A name that auditctl providers shows.")
]
RecordId = Annotated[str, Argument(metavar="ID", help="The provider's id of the record.")]
Sources = Annotated[
    list[str],
    Argument(
        metavar="[SOURCE]...",
        autocompletion=completion.complete_source,
        help="Only these sources. Default: all.",
    ),
]
Paths = Annotated[
    list[str],
    Argument(
        metavar="[PATH]...",
        autocompletion=completion.complete_source,
        help="The PATHs given to sync, or names of sources. Default: all sources of auditctl.toml.",
    ),
]
Files = Annotated[
    list[str],
    Argument(
        metavar="PATH...",
        help="Files that list or sync wrote, plain or .gz, or the PATH given to sync in quotes.",
    ),
]
