"""One log of a service, and the order of its events."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # help texts import this module, and have no window
    from auditctl.window import Window

DEFAULT_OVERLAP = timedelta(hours=1)
"""The overlap of `sync` where nothing says that events appear later."""
LONG_ENOUGH = timedelta(days=365)
"""How far back a log is asked for where nobody says how long events are kept."""
ASKED_AHEAD = timedelta(days=1)
"""The time after now up to which a service is asked: its clock may be ahead."""


class Order(StrEnum):
    """The order in which a log gives its events, as the vendor documents it."""

    NEWEST_FIRST = "newest first"
    OLDEST_FIRST = "oldest first"
    NEWEST_DAY_FIRST = "newest day first"
    """A request for each day, the newest first. Within a day the pipeline sorts."""
    OLDEST_DAY_FIRST = "oldest first, by day"
    """A request for each day, whose events come oldest first. The newest day comes first where
    `Window.oldest_first` does not want it otherwise, and then the pipeline sorts."""
    AS_ASKED = "as asked"
    """Newest or oldest first, as `Window.oldest_first` wants it."""
    NONE_DOCUMENTED = "none documented"
    """The log is always read to its end."""

    def of(self, window: Window) -> Order:
        """Return the order of a walk over a window."""
        if self is Order.OLDEST_DAY_FIRST and not window.oldest_first:
            return Order.NEWEST_DAY_FIRST
        if self is Order.AS_ASKED:
            return Order.OLDEST_FIRST if window.oldest_first else Order.NEWEST_FIRST
        return self

    @property
    def stops_at_since(self) -> bool:
        """True if reading may stop after a page that is older than the window."""
        return self is Order.NEWEST_FIRST

    @property
    def stops_at_until(self) -> bool:
        """True if reading may stop after a page that is newer than the window."""
        return self is Order.OLDEST_FIRST

    @property
    def is_newest_first(self) -> bool:
        """True if the first records delivered are the newest, so that ``--limit`` may stop."""
        return self in (Order.NEWEST_FIRST, Order.NEWEST_DAY_FIRST, Order.AS_ASKED)

    @property
    def is_oldest_first(self) -> bool:
        """True if the service gives the oldest events first."""
        return self in (Order.OLDEST_FIRST, Order.OLDEST_DAY_FIRST)

    @property
    def is_documented(self) -> bool:
        """True if there is an order at all: the events of a day come together."""
        return self is not Order.NONE_DOCUMENTED

    @property
    def is_by_day(self) -> bool:
        """True if each day costs a request."""
        return self in (Order.NEWEST_DAY_FIRST, Order.OLDEST_DAY_FIRST)


class Log(NamedTuple):
    """One log of a service."""

    order: Order
    permission: str
    """The permission and the kind of credentials that reading needs, in words."""
    retention: str
    """The time for which events are kept, in words."""
    keeps: timedelta | None = None
    """The same as a duration; None if for good, or if nobody says."""
    overlap: timedelta = DEFAULT_OVERLAP
    """How far back `sync` reads again by default; longer where events appear late."""
    filters_by_time: bool = False
    """The service selects by time, so that it is always asked for a window with both ends."""
    has_ids: bool = True
    """Events have an id; if not, one is made of their content."""
    title: str = ""
    """A few words on the content of the log, where there are several."""

    @property
    def reach(self) -> timedelta | None:
        """How far back a window begins that nobody gave a beginning; None: with the log."""
        if self.filters_by_time:
            return self.keeps or LONG_ENOUGH
        return self.keeps if self.order.is_by_day else None

    @property
    def is_cut_short(self) -> bool:
        """Return whether such a window may begin later than the log."""
        return self.filters_by_time and self.keeps is None

    def asked(self, window: Window, now: datetime) -> Window:
        """Return the window that the service is asked for, to read one."""
        from auditctl.window import END, before, shift

        if not self.filters_by_time:
            return window
        if window.since is None:
            window = replace(window, since=before(now, self.reach or LONG_ENOUGH))
        # A whole second, so that it is not more than a day after it is rounded outwards.
        latest = shift(now, ASKED_AHEAD).replace(microsecond=0)
        if (window.until or END) > latest:
            window = replace(window, until=latest, finer=(window.finer[0], ""))
        return window

    def resumed(self, asked: Window, position: str | None) -> tuple[Window, str | None]:
        """Return the window and the cursor to go on with from a position.

        A cursor belongs to its question, so the position of a service that selects by time has the
        end of its window too.
        """
        if position is None or not self.filters_by_time:
            return asked, position
        end, _, cursor = position.partition(" ")
        try:
            until = datetime.fromisoformat(end)
        except ValueError:  # of a version that noted no end: from the start, then
            return asked, None
        return replace(asked, until=until, finer=(asked.finer[0], "")), cursor
