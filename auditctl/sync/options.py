"""The options of sync, verify and status as plain values; auditctl.toml fills them too."""

from collections.abc import Sequence
from datetime import timedelta

from auditctl.commands.parameters import (
    FetchOptions,
    FollowOptions,
    ReportOptions,
    duration,
    format_of_file,
)
from auditctl.commands.source_parameters import SourcesOptions
from auditctl.formats import FileFormatName


class RepeatOptions(FollowOptions):
    """Options for repeated and waiting runs."""

    wait: str = "0"


class SyncOptions(FetchOptions, RepeatOptions):
    """Options of `sync` for one destination."""

    output: str = ""
    """Where a source is named, its own by default."""
    format: FileFormatName | None = None
    since: str | None = None
    overlap: str | None = None
    external_rotation: bool = False
    where: Sequence[str] = ()
    concurrency: int = 4

    def overlap_or(self, default: timedelta) -> timedelta:
        """Read ``--overlap``; without it, return the provider's.

        Raises:
            UsageError: it is no duration.

        """
        return default if self.overlap is None else duration("--overlap", self.overlap)

    def format_name(self) -> FileFormatName:
        """Choose the format, or confirm the one that was chosen.

        Raises:
            UsageError: the name of the file is against it.

        """
        return format_of_file(self.output, "sync", self.format)


class SyncSourcesOptions(SourcesOptions, RepeatOptions):
    """Options of `sync` for several sources."""


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
