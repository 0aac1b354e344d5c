"""The options of sync, verify and status as plain values; auditctl.toml fills them too."""

from collections.abc import Sequence

from auditctl.errors import UsageError
from auditctl.formats import SyncFormatName, format_of_file
from auditctl.options import (
    FetchOptions,
    FollowOptions,
    ReportOptions,
    SourcesOptions,
    is_url,
)


class RepeatOptions(FollowOptions):
    """Options for repeated and waiting runs."""

    wait: str = "0"


class SyncOptions(FetchOptions, RepeatOptions):
    """Options of `sync` for one destination."""

    output: str = ""
    """Where a source is named, its own by default."""
    format: SyncFormatName | None = None
    since: str | None = None
    overlap: str | None = None
    external_rotation: bool = False
    where: Sequence[str] = ()
    concurrency: int = 4

    def format_name(self) -> SyncFormatName:
        """Choose the format, or confirm the one that was chosen.

        Raises:
            UsageError: the name of the file is against it.

        """
        if is_url(self.output):
            if self.format not in (None, "delta"):
                raise UsageError(f"{self.output} is a URL, which holds a Delta table: -f delta.")
            return "delta"
        if self.format == "delta":
            return self.format
        return format_of_file(self.output, "sync", self.format)


class SyncSourcesOptions(SourcesOptions, RepeatOptions):
    """Options of `sync` for several sources."""

    dask: str | None = None
    shared_folder: bool = False


class ConfigurationOptions(ReportOptions):
    """Options of `sources`."""

    config: str | None = None


class VerifyOptions(ConfigurationOptions):
    """Options of `verify`; without paths, all of auditctl.toml."""

    paths: Sequence[str] = ()


class StatusOptions(VerifyOptions):
    """Options of `status`."""

    max_age: str | None = None
    acknowledge_gaps: bool = False
    tz: str = "UTC"
