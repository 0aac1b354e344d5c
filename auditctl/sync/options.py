"""The words of sync, verify and status: their options, each declared once."""

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from auditctl.options import FileFormat, Reading, Words, format_by_suffix

ReportFormat = Literal["table", "json"]


@dataclass(frozen=True, kw_only=True)
class Repeated(Words):
    """How runs follow each other."""

    follow: Annotated[bool, typer.Option("--follow", help="Go on for ever, as a service.")] = False
    interval: Annotated[
        str, typer.Option(metavar="DURATION", help="From one look of --follow to the next.")
    ] = "60s"
    wait: Annotated[
        str, typer.Option(metavar="DURATION", help="Wait so long for another run to end.")
    ] = "0"


@dataclass(frozen=True, kw_only=True)
class SyncOptions(Reading, Repeated):
    """What `sync` takes, as typed or as a source of the configuration has it."""

    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A file to append to, or several: {date}, {provider}, {account} and {source} "
            "stand for a record's; .gz compresses.",
        ),
    ]
    format: Annotated[
        FileFormat | None,
        typer.Option("-f", "--format", help="Default: by the suffix of --output; else jsonl."),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Where the first run begins. Default: as far back as the provider keeps.",
        ),
    ] = None
    overlap: Annotated[
        str,
        typer.Option(
            metavar="DURATION", help="How late an event may become visible and not be missed."
        ),
    ] = "1h"
    external_rotation: Annotated[
        bool,
        typer.Option(
            "--external-rotation",
            help="Files are taken away on purpose: say nothing when one is gone.",
        ),
    ] = False

    def format_name(self) -> FileFormat:
        """Choose the format that was not chosen."""
        return self.format or format_by_suffix(self.output)


@dataclass(frozen=True, kw_only=True)
class TogetherOptions(Repeated):
    """What `sync` over the sources of the configuration takes, as typed."""

    config: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Default: $AUDITCTL_CONFIG, ./auditctl.toml, or the one in your configuration "
            "folder.",
        ),
    ] = None
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Sources at once.")] = 4


@dataclass(frozen=True, kw_only=True)
class ReportOptions(Words):
    """What `verify` and `status` take, as typed."""

    max_age: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Fail if the last success is older than this."),
    ] = None
    acknowledge_gaps: Annotated[
        bool,
        typer.Option("--acknowledge-gaps", help="The gaps shown are known: fail no more for them."),
    ] = False
    config: Annotated[
        str | None, typer.Option(metavar="PATH", help="The auditctl.toml that names the sources.")
    ] = None
    format: Annotated[
        ReportFormat, typer.Option("-f", "--format", help="For people or for machines.")
    ] = "table"


OF_SYNC = (
    "output", "format", "since", "overlap", "external_rotation", "follow", "interval", "wait",
    "fields", "where", "redact", "csv_guard", "concurrency", "retry_for", "demo", "quiet",
    "verbose", "log_format",
)  # fmt: skip
OF_TOGETHER = (
    "config", "jobs", "follow", "interval", "wait", "quiet", "verbose", "log_format",
)  # fmt: skip
OF_VERIFY = ("format", "quiet", "log_format")
OF_STATUS = ("max_age", "acknowledge_gaps", "config", "format", "quiet", "log_format")
