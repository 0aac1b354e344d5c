"""The options of commands for several sources of auditctl.toml, each as one plain value."""

from collections.abc import Sequence

from auditctl.commands.parameters import FetchOptions, ListOptions, LogOptions


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
