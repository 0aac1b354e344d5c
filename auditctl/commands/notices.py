"""Warnings and notes about a run, for `list` and `sync` alike."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from auditctl.console import Console
from auditctl.escape import escape
from auditctl.interrupts import InterruptedRunError
from auditctl.phrases import count
from auditctl.window import from_text

if TYPE_CHECKING:
    from auditctl.batch import Tally
    from auditctl.window import Window

CLOCKS_APART = timedelta(minutes=5)
"""Clocks this far apart are worth a warning; many events come later than that anyway."""
STAYS = "what is committed stays, and the next run continues there"
"""The end of a sentence about a sync that did not come to its end."""


def written(records: int) -> str:
    """Describe how many records were written."""
    return f"{count(records, 'record')} {'was' if records == 1 else 'were'} written"


@contextmanager
def report_interruption(console: Console, describe: Callable[[], str]) -> Iterator[None]:
    """Say what was written and what was not, if a signal ends the block."""
    try:
        yield
    except InterruptedRunError:
        console.begin_line()
        console.info(f"Interrupted; {describe()}.")
        raise


def warn_of_events(title: str, tally: "Tally", console: Console) -> None:
    """Warn of events that could not be read in full or written as they came, and of their lack."""
    if tally.malformed:
        console.warning(
            f"{tally.malformed} of {title}'s events lack a field or have it in a form "
            "that cannot be read; they were exported with null there. The first: "
            f"{escape(tally.first_malformed)}."
        )
    if tally.mended:
        console.warning(
            f"{tally.mended} of {title}'s events hold half a character, a lone surrogate, which "
            "many readers refuse; U+FFFD was written in its place. --raw keeps it."
        )
    if tally.unconfirmed:
        console.warning(
            f"{count(tally.unconfirmed, 'answer')} of {title} had no list of events and did not "
            "say that there are none; each was taken for an empty day. The first: "
            f"{escape(tally.first_unconfirmed)}."
        )


def warn_of_clock(
    title: str, words: str, skew: timedelta | None, console: Console, prefix: str = ""
) -> None:
    """Warn if ``words`` count by a clock that differs from the provider's."""
    if skew is not None and abs(skew) > CLOCKS_APART:
        from auditctl.window import in_words

        where = "behind" if skew > timedelta() else "ahead of"
        console.warning(
            f"{prefix}This machine's clock is {in_words(abs(skew))} {where} {title}'s, and {words} "
            "counts by it. Set the clock, or give a time that does not depend on it, such as "
            "2026-01-31T08:00:00Z."
        )


def warn_of_beginning(
    title: str,
    path: str,
    reach: timedelta | None,
    console: Console,
    watch: "Callable[[Tally], None]",
) -> "Callable[[Tally], None]":
    """Return ``watch``, which says at the first page how far back a destination begins."""
    days = reach.days if reach else 0
    sentence = (
        f"{path} begins {days} days back, as nobody documents how long {title} keeps its log. "
        "To begin elsewhere, give another PATH and --since."
    )
    unsaid = [sentence]

    def watch_and_say(tally: "Tally") -> None:
        while unsaid:
            console.warning(unsaid.pop())
        watch(tally)

    return watch_and_say


def show_progress(console: Console, title: str, tally: "Tally") -> None:
    """Draw how far a sync has got."""
    if console.live:
        pages, found = count(tally.pages, "page"), count(tally.records, "new record")
        console.progress(f"{title}: {pages}, {found}{tally.back}")


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
