"""The options of sync, verify and status as plain values; auditctl.toml fills them too."""

from collections.abc import Sequence
from dataclasses import dataclass

from auditctl.formats import FileFormatName, ReportFormatName
from auditctl.parameters import FetchOptions, LogOptions, format_of_file


@dataclass(frozen=True, kw_only=True)
class RepeatOptions(LogOptions):
    """Options for repeated and waiting runs."""

    follow: bool = False
    interval: str = "60s"
    wait: str = "0"


@dataclass(frozen=True, kw_only=True)
class SyncOptions(FetchOptions, RepeatOptions):
    """Options of `sync` for one destination."""

    output: str
    format: FileFormatName | None = None
    since: str | None = None
    overlap: str = "1h"
    external_rotation: bool = False
    where: Sequence[str] = ()
    concurrency: int = 4

    def format_name(self) -> FileFormatName:
        """Choose the format, or confirm the one that was chosen.

        Raises:
            UsageError: the name of the file is against it.

        """
        return format_of_file(self.output, "sync", self.format)


@dataclass(frozen=True, kw_only=True)
class SourcesOptions(RepeatOptions):
    """Options of `sync` for sources of auditctl.toml; without names, all of them."""

    sources: Sequence[str] = ()
    config: str | None = None
    jobs: int = 4


@dataclass(frozen=True, kw_only=True)
class VerifyOptions(LogOptions):
    """Options of `verify`."""

    path: str
    format: ReportFormatName = "table"


@dataclass(frozen=True, kw_only=True)
class StatusOptions(LogOptions):
    """Options of `status`; without paths, all of auditctl.toml."""

    paths: Sequence[str] = ()
    max_age: str | None = None
    acknowledge_gaps: bool = False
    tz: str = "UTC"
    config: str | None = None
    format: ReportFormatName = "table"
