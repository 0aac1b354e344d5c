"""The words of a command line: the options of each command, and what they come to."""

from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import datetime, timedelta
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from auditctl.console import LogFormat
from auditctl.errors import UsageError

if TYPE_CHECKING:
    from auditctl.window import Window

FormatName = Literal["jsonl", "csv", "table"]
FileFormat = Literal["jsonl", "csv"]
STDOUT = "-"

RetryFor = Annotated[
    str,
    typer.Option(metavar="DURATION", help="Patience with a provider that is down or throttles."),
]


@dataclass(frozen=True, kw_only=True)
class Words:
    """How much is said on standard error, and how."""

    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")] = False
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="A line per request.")] = False
    log_format: Annotated[
        LogFormat, typer.Option(help="How lines on standard error are written.")
    ] = "text"


@dataclass(frozen=True, kw_only=True)
class Reading(Words):
    """What the commands that read a log have in common."""

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
    retry_for: RetryFor = "5m"
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose log it is, if the events do not say."),
    ] = None
    demo: Annotated[
        bool, typer.Option("--demo", help="Sample data: no account, no network, no settings.")
    ] = False

    def account_name(self) -> str | None:
        """Read ``--account``.

        Raises:
            UsageError: it is empty, or no text.

        """
        return None if self.account is None else parse_account(self.account)

    def patience(self) -> timedelta:
        """Read ``--retry-for``.

        Raises:
            UsageError: it is no duration.

        """
        return duration("--retry-for", self.retry_for)


@dataclass(frozen=True, kw_only=True)
class Options(Reading):
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
    raw: Annotated[
        bool, typer.Option("--raw", help="The provider's own events instead of records.")
    ] = False
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With the settings of this source of auditctl.toml."),
    ] = None
    config: Annotated[
        str | None, typer.Option(metavar="PATH", help="The auditctl.toml that names the source.")
    ] = None

    def window(self, now: datetime) -> "Window":
        """Read the two times.

        Raises:
            UsageError: one cannot be read, they are the wrong way round, or nothing can have
                happened yet.

        """
        from auditctl.window import FORMS, Window, finer, parse_time

        since = parse_time(self.since, now)
        until = parse_time(self.until, now)
        if since > now:
            message = f"--since {self.since} is in the future. Write {FORMS}."
            raise UsageError(message)
        window = Window(since, until, (finer(self.since), finer(self.until)))
        begins, ends = window.span
        if begins > ends:
            message = (
                f"--since {self.since} is after --until {self.until}. Give an earlier --since; "
                f"a time is {FORMS}."
            )
            raise UsageError(message)
        return window

    def format_name(self, *, terminal: bool) -> FormatName:
        """Choose the format that was not chosen."""
        if self.format is not None:
            name = self.format
        elif self.output != STDOUT:
            name = format_by_suffix(self.output)
        else:
            name = "table" if terminal and not self.raw else "jsonl"
        if self.raw and (name != "jsonl" or self.fields is not None):
            with_ = "--fields" if self.fields is not None else name
            message = (
                f"--raw writes the provider's own events as JSON Lines: it cannot go with {with_}."
            )
            raise UsageError(message)
        return name


@dataclass(frozen=True, kw_only=True)
class CheckOptions(Reading):
    """What `check` takes, as typed."""

    # Somebody waits for it, and has perhaps only mistyped the address.
    retry_for: RetryFor = "30s"


OF_LIST = (
    "since", "until", "format", "output", "limit", "fields", "where", "raw", "redact", "csv_guard",
    "concurrency", "retry_for", "account", "demo", "source", "config", "quiet", "verbose",
    "log_format",
)  # fmt: skip
OF_GET = tuple(
    name
    for name in OF_LIST
    if name not in ("since", "until", "limit", "where", "concurrency", "source", "config")
)
OF_CHECK = ("retry_for", "demo", "quiet", "verbose", "log_format")


def parameters(names: Sequence[str], of: type = Options) -> list[Parameter]:
    """Give a command's parameters for these options, as Typer reads them from a signature."""
    hints = get_type_hints(of, include_extras=True)
    options = {option.name: option for option in fields(of)}
    return [
        Parameter(
            name, Parameter.KEYWORD_ONLY, default=_default(options[name]), annotation=hints[name]
        )
        for name in names
    ]


def duration(flag: str, text: str) -> timedelta:
    """Read a duration that an option was given.

    Raises:
        UsageError: it is none.

    """
    from auditctl.window import parse_duration

    try:
        return parse_duration(text)
    except UsageError as error:
        message = f"{flag}: {error}"
        raise UsageError(message) from None


def parse_account(text: str) -> str:
    """Read the name of an account.

    Raises:
        UsageError: it is empty, or no text.

    """
    # A byte of the command line that is no UTF-8 is a lone surrogate, which no record can hold.
    if not text.encode(errors="ignore").strip() or not text.isprintable():
        message = "An account needs a name, in UTF-8 and without control characters."
        raise UsageError(message)
    return text


def format_by_suffix(path: str) -> FileFormat:
    """Choose the format that the name of a file asks for."""
    return "csv" if path.lower().removesuffix(".gz").endswith(".csv") else "jsonl"


def _default(option: Field[Any]) -> Any:  # noqa: ANN401
    if option.default_factory is not MISSING:
        return option.default_factory()
    return Parameter.empty if option.default is MISSING else option.default
