"""The options of commands for several sources of auditctl.toml, each as one plain value."""

from collections.abc import Sequence
from dataclasses import dataclass

from auditctl.commands.parameters import FetchOptions, ListOptions, LogOptions


@dataclass(frozen=True, kw_only=True)
class SourcesOptions(LogOptions):
    """Options for sources of auditctl.toml; without names, all of them."""

    sources: Sequence[str] = ()
    config: str | None = None
    jobs: int = 4


@dataclass(frozen=True, kw_only=True)
class ListSourcesOptions(SourcesOptions, ListOptions):
    """Options of `list` for several sources."""


@dataclass(frozen=True, kw_only=True)
class CheckSourcesOptions(SourcesOptions, FetchOptions):
    """Options of `check` for several sources."""

    retry_for: str = "30s"
