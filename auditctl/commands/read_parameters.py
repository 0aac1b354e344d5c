"""The options of `read` as one plain value."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from auditctl.commands.parameters import ListOptions, OutputOptions

if TYPE_CHECKING:
    from auditctl.window import Window


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
