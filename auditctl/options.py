"""The options of each command as one plain value, filled by the command line or by a test."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, dataclass_transform

from auditctl import formats
from auditctl.console import ColorChoice, LogFormat
from auditctl.errors import UsageError
from auditctl.formats import check_schema, format_of_file

if TYPE_CHECKING:
    from auditctl.window import Window

STDOUT = "-"
NOTHING: Mapping[str, Any] = MappingProxyType({})
DEFAULT_SINCE = "1d"


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Options:
    """The options of a command as one value: those that were given, else the defaults of its class.

    It is typed as a dataclass without being one: to make those of one command took 4 ms.
    """

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - each option has its type
        """Take the options that were given."""
        vars(self).update(given)

    def but(self, **changed: Any) -> Self:  # noqa: ANN401
        """Return the same options but for some."""
        return type(self)(**vars(self) | changed)


class LogOptions(Options):
    """Options for what is written to people: how much, and in which form."""

    quiet: bool = False
    verbose: bool = False
    log_format: LogFormat = "text"
    color: ColorChoice = "auto"
    typed: Collection[str] = ()
    """The names of the options that the command line has, even with their default values."""


class FollowOptions(LogOptions):
    """Options for runs that repeat."""

    follow: bool = False
    interval: str = "60s"

    def seconds_between(self) -> float:
        """Read ``--interval``.

        Raises:
            UsageError: it is no duration, less than a second, or of no use without ``--follow``.

        """
        seconds = duration("--interval", self.interval).total_seconds()
        if seconds < 1:
            raise UsageError("--interval must be a second or more.")
        if "interval" in self.typed and not self.follow:
            raise UsageError("--interval is the time between the runs of --follow: add --follow.")
        return seconds


class ReportOptions(LogOptions):
    """Options of a command that shows a table of facts."""

    format: formats.ReportFormatName = "table"


class InitOptions(LogOptions):
    """Options of `init`."""

    provider: str
    source: str | None = None
    config: str | None = None
    print_only: bool = False


class FetchOptions(LogOptions):
    """Options for asking a provider and for making records of its events."""

    fields: str | None = None
    redact: bool = True
    csv_guard: bool = True
    schema: formats.SchemaName = formats.RECORD
    ocsf_version: formats.OcsfVersion | None = None
    concurrency: int = 1
    retry_for: str = "5m"
    account: str | None = None
    demo: bool = False
    own: Mapping[str, Any] = NOTHING
    """The provider's own options: the field -> the values given; and the name of the log."""
    settings: Mapping[str, str] = NOTHING
    """The settings of a source of auditctl.toml, by their keys there, such as api_key_file."""
    source: str | None = None
    config: str | None = None

    def account_name(self) -> str | None:
        """Read ``--account``."""
        return None if self.account is None else parse_account(self.account)

    def patience(self) -> timedelta:
        """Read ``--retry-for``."""
        return duration("--retry-for", self.retry_for)


class OutputOptions(FetchOptions):
    """Where records are written, and in which format."""

    format: formats.FormatName | None = None
    output: str = STDOUT
    raw: bool = False

    @property
    def terminal_format(self) -> formats.FormatName:
        """The format for a terminal, if none was chosen."""
        return "table"

    def format_name(self, *, terminal: bool) -> formats.FormatName:
        """Choose the format, or confirm the one that was chosen; a schema has one of its own.

        Raises:
            UsageError: ``--raw`` or the schema cannot be written in it, or the name of the file is
                against it.

        """
        if self.output != STDOUT:
            name = format_of_file(self.output, "list", self.format)
        else:
            is_shown = terminal and not self.raw and self.schema == formats.RECORD
            name = self.format or (self.terminal_format if is_shown else formats.DEFAULT)
            if terminal and formats.FORMATS[name].is_binary:
                raise UsageError(
                    f"The format {name} is not for a terminal: name a file with --output, or use a "
                    "pipe."
                )
        if self.raw and (name != "jsonl" or self.fields is not None):
            with_ = "--fields" if self.fields is not None else name
            raise UsageError(
                f"--raw writes the provider's own events as JSON Lines: it cannot go with {with_}."
            )
        check_schema(name, self.schema, self.typed, raw=self.raw, fields=self.fields)
        return name if self.schema == formats.RECORD else self.schema


class GetOptions(OutputOptions):
    """Options of `get`."""

    id: str

    @property
    def terminal_format(self) -> formats.FormatName:
        """One record has room for all of its fields."""
        return "detail" if self.fields is None else "table"


class ListOptions(OutputOptions, FollowOptions):
    """Options of `list`."""

    since: str | None = None
    """Default: `DEFAULT_SINCE`; with ``limit``, as far back as the provider keeps the log."""
    until: str = "now"
    tz: str = "UTC"
    limit: int | None = None
    reverse: bool = False
    where: Sequence[str] = ()
    concurrency: int = 4
    interval: str = "10s"

    def window(self, now: datetime, keeps: timedelta | None = None, zone: tzinfo = UTC) -> "Window":
        """Read the two times.

        With ``--limit`` and without ``--since`` the window begins as far back as ``keeps``, or
        with the log where that is None.

        Raises:
            UsageError: one cannot be read, nothing can be between them, or nothing can have
                happened yet.

        """
        from auditctl.window import FORMS, Window, before, finer, parse_time

        since_text = DEFAULT_SINCE if self.since is None else self.since
        until = parse_time(self.until, now, zone)
        if self.since is None and self.limit is not None:
            begin = None if keeps is None else before(now, keeps)
            return Window(begin, until, ("", finer(self.until)))
        since = parse_time(since_text, now, zone)
        if since > now:
            raise UsageError(f"--since {since_text} is in the future. Write {FORMS}.")
        window = Window(since, until, (finer(since_text), finer(self.until)))
        begins, ends = window.span
        if begins >= ends:
            first = f"--since {since_text}" + (" (the default)" if self.since is None else "")
            last = f"--until {self.until}" + (" (the default)" if self.until == "now" else "")
            wrong = (
                f"{first} is after {last}"
                if begins > ends
                else f"{first} and {last} are the same instant, so nothing is between them"
            )
            raise UsageError(f"{wrong}. Use an earlier --since; a time is {FORMS}.")
        return window

    def clock_words(self) -> str:
        """Return the option that this machine's clock decides on; empty if there is none."""
        from auditctl.window import needs_clock

        since = self.since or (DEFAULT_SINCE if self.limit is None else "")
        texts = {"--since": since, "--until": self.until}
        return next((f"{name} {text}" for name, text in texts.items() if needs_clock(text)), "")


class SourcesOptions(LogOptions):
    """Options for sources of auditctl.toml; without names, all of them."""

    sources: Sequence[str] = ()
    config: str | None = None
    jobs: int = 4


class ListSourcesOptions(SourcesOptions, ListOptions):
    """Options of `list` for several sources."""


class CheckSourcesOptions(SourcesOptions, FetchOptions):
    """Options of `check` for several sources."""

    retry_for: str = "30s"


class ReadOptions(OutputOptions):
    """Options of `read`."""

    paths: Sequence[str]
    since: str | None = None
    until: str | None = None
    tz: str = "UTC"
    limit: int | None = None
    reverse: bool = False
    where: Sequence[str] = ()

    def window(self, now: datetime, zone: tzinfo = UTC) -> "Window":
        """Read the two times as `list` does; without one, the window has no such end.

        Raises:
            UsageError: see `ListOptions.window`.

        """
        # With a limit, a list without --since begins where the log does.
        as_list = ListOptions(since=self.since, until=self.until or "now", limit=1)
        window = as_list.window(now, zone=zone)
        return replace(window, until=None) if self.until is None else window


def duration(flag: str, text: str) -> timedelta:
    """Read a duration that an option was given."""
    from auditctl.window import parse_duration

    try:
        return parse_duration(text)
    except UsageError as error:
        raise UsageError(f"{flag}: {error}") from None


def parse_account(text: str) -> str:
    """Read the name of an account."""
    # A byte of the command line that is no UTF-8 is a lone surrogate, which no record can hold.
    if not text.encode(errors="ignore").strip() or not text.isprintable():
        raise UsageError("An account needs a name, in UTF-8 and without control characters.")
    return text


def is_url(path: str) -> bool:
    """Return whether a PATH is a URL, which only a table can have."""
    return "://" in path
