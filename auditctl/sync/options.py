"""The options of sync, verify and status as plain values; auditctl.toml fills them too."""

from collections.abc import Sequence
from dataclasses import dataclass

from auditctl.errors import UsageError
from auditctl.formats import ReportFormatName, SyncFormatName
from auditctl.parameters import FetchOptions, LogOptions, format_by_suffix
from auditctl.paths import is_url


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
    format: SyncFormatName | None = None
    since: str | None = None
    overlap: str = "1h"
    external_rotation: bool = False
    where: Sequence[str] = ()
    concurrency: int = 4

    def format_name(self) -> SyncFormatName:
        """Choose the format that was not chosen.

        Raises:
            UsageError: it cannot be written there.

        """
        if is_url(self.output):
            if self.format not in (None, "delta"):
                raise UsageError(f"{self.output} is a URL, which holds a Delta table: -f delta.")
            return "delta"
        name = format_by_suffix(self.output)
        if self.format == "delta" or (self.format and name != "parquet"):
            return self.format
        if name == "parquet":
            raise UsageError(
                "Nothing can be appended to a Parquet file. Use -f delta with the PATH of a folder "
                "for a table of Parquet files, or list for a single file."
            )
        return name


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
    config: str | None = None
    format: ReportFormatName = "table"
