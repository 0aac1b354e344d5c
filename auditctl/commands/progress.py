"""How far a list has come: the progress line while it runs, and the summary at its end."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from auditctl.console import Console
from auditctl.phrases import count
from auditctl.window import from_text

if TYPE_CHECKING:
    from auditctl.batch import Tally
    from auditctl.window import Window


class Progress(NamedTuple):
    """What is said of one list, to a person who may be watching."""

    title: str
    console: Console
    window: "Window"
    """Both ends as they were asked for."""
    limit: int | None
    tally: "Tally"
    in_order: bool
    """The records come newest first, so their times show how much of the window is read."""

    def draw(self) -> None:
        """Draw the progress line; what matters most comes first, as terminals may be narrow."""
        if not self.console.draws:
            return
        tally = self.tally
        share = self._share()
        self.console.progress(
            f"{self.title}: "
            + (f"{share:.0%}, " if share is not None else "")
            + f"{count(tally.records, 'record')}{tally.back}, {count(tally.pages, 'page')}, "
            + f"{tally.records / max(tally.took, 0.001):,.0f}/s"
        )

    def _share(self) -> float | None:
        """Return how much has been read, from 0 to 1, if the order tells."""
        if not self.in_order:
            return None
        shares = [self.tally.records / self.limit] if self.limit else []
        until = min(self.window.until or datetime.now(UTC), datetime.now(UTC))
        if self.window.since is not None and self.tally.reached:
            span = max(until - self.window.since, timedelta(milliseconds=1))
            shares.append((until - from_text(self.tally.reached)) / span)
        return min(max(0.0, *shares), 1.0) if shares else None

    def summarize(self, until: str) -> None:
        """Write the summary: what was asked for; ``until`` is the window's end as it was typed."""
        window, tally = self.window, self.tally
        is_cut = tally.records == self.limit
        what = count(tally.records, "most recent record" if is_cut else "record")
        parts = [f"the {what} (ended by --limit {self.limit})" if is_cut else what]
        if window.since is not None:
            parts.append(f"since {window.since:%Y-%m-%d %H:%M}")
        elif not is_cut:
            parts.append("since the beginning")
        if until != "now" and window.until is not None:
            parts.append(f"until {window.until:%Y-%m-%d %H:%M}")
        asked = " ".join(parts) + (" UTC" if parts[-1][-1].isdigit() else "")
        pages = count(tally.pages, "page")
        self.console.info(f"{self.title}: {asked}, {pages}, {tally.took:.1f} s.")
