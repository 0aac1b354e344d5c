"""What sync, verify and status are asked to do, as plain values; auditctl.toml fills them too."""

from collections.abc import Sequence
from dataclasses import dataclass

from auditctl.formats import FileFormatName, ReportFormatName
from auditctl.parameters import FetchOptions, LogOptions, format_by_suffix


@dataclass(frozen=True, kw_only=True)
class RepeatOptions(LogOptions):
    """How runs follow each other."""

    follow: bool = False
    interval: str = "60s"
    wait: str = "0"


@dataclass(frozen=True, kw_only=True)
class SyncOptions(FetchOptions, RepeatOptions):
    """What `sync` of one destination is asked."""

    output: str
    format: FileFormatName | None = None
    since: str | None = None
    overlap: str = "1h"
    external_rotation: bool = False
    where: Sequence[str] = ()
    concurrency: int = 4

    def format_name(self) -> FileFormatName:
        """Choose the format that was not chosen."""
        return self.format or format_by_suffix(self.output)


@dataclass(frozen=True, kw_only=True)
class SourcesOptions(RepeatOptions):
    """What `sync` of the sources of auditctl.toml is asked; without names it is all of them."""

    sources: Sequence[str] = ()
    config: str | None = None
    jobs: int = 4


@dataclass(frozen=True, kw_only=True)
class VerifyOptions(LogOptions):
    """What `verify` is asked."""

    path: str
    format: ReportFormatName = "table"


@dataclass(frozen=True, kw_only=True)
class StatusOptions(LogOptions):
    """What `status` is asked; without paths it is all of auditctl.toml."""

    paths: Sequence[str] = ()
    max_age: str | None = None
    acknowledge_gaps: bool = False
    config: str | None = None
    format: ReportFormatName = "table"
