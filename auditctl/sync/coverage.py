"""Decisions about time: the window to read next, what is covered after it, and what is lost."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from auditctl.window import BEGINNING, before, shift

CLOCK_TOLERANCE = timedelta(seconds=5)
"""Two clocks this close are taken to agree: a ``Date`` header is not even exact to the second."""
WRONG_CLOCK = timedelta(days=1)
"""An error of a clock that matters for where a window begins: a smaller one changes little."""
RETENTION_TOLERANCE = timedelta(days=1)
"""A retention in months is not exact to the hour."""


class Stretch(NamedTuple):
    """A half-open span of time; the first moment that can be written is the log's beginning."""

    since: datetime
    until: datetime


class Clocks(NamedTuple):
    """One moment by this machine's clock, and by the provider's if its answers tell it."""

    ours: datetime
    provider: datetime | None = None

    @property
    def earlier(self) -> datetime:
        """The earlier of the two: up to here, both agree that time has passed."""
        return self.ours if self.provider is None else min(self.ours, self.provider)

    @property
    def later(self) -> datetime:
        """The later of the two: what lies behind it is in the future by both."""
        return self.ours if self.provider is None else max(self.ours, self.provider)


def first_since(since: datetime | None, clocks: Clocks, reach: timedelta | None) -> datetime:
    """Return where a first window begins: without ``since``, as far back as the log ``reach``es.

    A log whose reach is None is read to its end, so no clock is needed.
    """
    if since is not None:
        return since
    return BEGINNING if reach is None else before(clocks.earlier, reach)


def next_since(  # noqa: PLR0913 - all that decides it
    covered: Stretch | None,
    unfinished: Stretch | None,
    newest: datetime | None,
    *,
    first: datetime,
    now: datetime,
    overlap: timedelta,
    costs_by_length: bool,
) -> datetime:
    """Return where the next window begins.

    ``newest`` is the newest event read so far. News is not older than that, less the overlap, even
    if the provider dates its events by another clock than its ``Date``, or if the end of what is
    covered was taken from a clock that was ahead. Where a longer window costs more requests,
    ``newest`` is used only if that end lies in the future.
    """
    starts = [] if unfinished is None else [unfinished.since]
    if covered is None:
        return min([first, *starts])
    ends = [covered.until, now]
    if not costs_by_length or covered.until > now:
        ends.append(newest or covered.since)
    # The overlap may be longer than all that was asked for.
    return min([max(before(min(ends), overlap), covered.since), *starts])


def begins_too_late(
    since: datetime, covered: Stretch | None, first: datetime, clocks: Clocks
) -> bool:
    """Return whether a window must be read again from ``first``, now that the clocks are known.

    What is covered up to a time in the future was measured by a wrong clock: so may have been
    where it begins.
    """
    nothing_covered = covered is None or covered.until > shift(clocks.later, WRONG_CLOCK)
    return nothing_covered and since > shift(first, WRONG_CLOCK)


def shown_since(
    since: datetime, clocks: Clocks, keeps: timedelta | None, oldest: datetime
) -> datetime:
    """Return the time from which on a walk from ``since`` can have shown everything.

    ``oldest`` is the oldest event read: a provider may keep more than its documents say.
    """
    if keeps is None:
        return since
    return max(since, min(before(clocks.earlier, keeps), oldest))


def extend(covered: Stretch | None, window: Stretch, clocks: Clocks) -> Stretch:
    """Return what is covered after a window was read to its end.

    A clock that is behind for once takes nothing back. An end that lies in the future by both
    clocks was wrong itself.
    """
    if covered is None or covered.until > shift(clocks.later, CLOCK_TOLERANCE):
        return window
    return Stretch(covered.since, max(covered.until, window.until))


def lost(
    covered: Stretch | None,
    clocks: Clocks,
    keeps: timedelta | None,
    acknowledged: Sequence[Stretch],
) -> Stretch | None:
    """Return the hours behind what is covered that the provider does not keep any more.

    Before a first window was read to its end nothing is lost: those hours were never had. An
    acknowledged gap is not found again while the window behind it has not been read yet.
    """
    if covered is None or keeps is None:
        return None
    since, until = covered.until, before(clocks.earlier, keeps)
    known = [gap.until for gap in acknowledged if gap.since == since]
    if known:
        since = max(since, *known)
        until = before(until, RETENTION_TOLERANCE)
    return Stretch(since, until) if since < until else None
