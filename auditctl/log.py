"""One log of a service, and the order of its events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from auditctl.window import Window


class Order(StrEnum):
    """The order in which a log gives its events, as the vendor documents it."""

    NEWEST_FIRST = "newest first"
    OLDEST_FIRST = "oldest first"
    NEWEST_DAY_FIRST = "newest day first"
    """A request for each day, the newest first. Within a day the pipeline sorts."""
    AS_ASKED = "as asked"
    """Newest or oldest first, as `Window.oldest_first` wants it."""
    NONE_DOCUMENTED = "none documented"
    """The log is always read to its end."""

    def of(self, window: Window) -> Order:
        """Return the order of a walk over a window."""
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
        return self not in (Order.OLDEST_FIRST, Order.NONE_DOCUMENTED)

    @property
    def is_documented(self) -> bool:
        """True if there is an order at all: the events of a day come together."""
        return self is not Order.NONE_DOCUMENTED

    @property
    def is_by_day(self) -> bool:
        """True if each day costs a request."""
        return self is Order.NEWEST_DAY_FIRST


@dataclass(frozen=True, kw_only=True)
class Log:
    """One log of a service."""

    order: Order
    permission: str
    """The permission and the kind of credentials that reading needs, in words."""
    retention: str
    """The time for which events are kept, in words."""
    keeps: timedelta | None = None
    """The same as a duration; None if for good, or if nobody says."""
    overlap: timedelta | None = None
    """The least overlap of `sync`, where events appear later than usual."""
    has_ids: bool = True
    """Events have an id; if not, one is made of their content."""
    title: str = ""
    """A few words on the content of the log, where there are several."""
