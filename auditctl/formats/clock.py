"""Times as people read them: in a zone, and as short as the room demands."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from auditctl.window import Window, before

SECONDS = len("2026-01-31T08:09:10")
MINUTES = len("2026-01-31T08:09")
YEAR = len("2026-")
SAMPLED = timedelta(days=7)
"""Between two looks at a zone's offset: no zone changes it for a shorter time."""
USUAL = timedelta(days=366)
"""What is looked at of a window without a beginning."""


class Clock:
    """Shows the times of a window in a zone.

    If the zone has one offset in the whole window, a title says it once. A time with another
    offset carries its own, and so do all where the window has several.
    """

    def __init__(
        self, zone: tzinfo = UTC, window: Window | None = None, *, has_title: bool = True
    ) -> None:
        """Look up the offsets of a zone; without a title each time carries its own."""
        self.zone = zone
        now = datetime.now(UTC)
        self.is_utc = now.astimezone(zone).tzname() == "UTC"
        self._year: str | None = None
        self._years: set[str] = set()
        until = (window and window.until) or now
        since = (window and window.since) or before(until, USUAL)
        if window is not None and window.since is not None:
            last = max(since, until - timedelta(microseconds=1))
            self._years = {self.local(end).isoformat()[: YEAR - 1] for end in (since, last)}
        self.offset = _offset(self.local(since)) if has_title else None
        """What a title says; None where the window has several offsets."""
        while not self.is_utc and self.offset is not None and since < until:
            since = min(until, since + SAMPLED)
            if _offset(self.local(since)) != self.offset:
                self.offset = None

    @property
    def title(self) -> str:
        """Return the title of a column of times."""
        return "time" if self.is_utc or self.offset is None else f"time {self.offset}"

    @property
    def name(self) -> str:
        """Return what stands behind a single time."""
        return " UTC" if self.is_utc else f" {self.offset or ''}".rstrip()

    def local(self, moment: datetime) -> datetime:
        """Return a point in time in the zone; in UTC where the zone has no date for it."""
        try:
            return moment.astimezone(self.zone)
        except OverflowError:
            return moment.astimezone(UTC)

    def omit_year(self, times: Iterable[str | None]) -> None:
        """Leave out the year from now on if the window, and these times, lie within one."""
        years = {self.full(time)[: YEAR - 1] for time in times if time} | self._years
        self._year = f"{years.pop()}-" if len(years) == 1 else None

    def exact(self, time: str) -> str:
        """Show a record's time with its fraction."""
        if self.is_utc or not _is_canonical(time):
            return time
        iso, own = self._iso(time)
        return time if own == "Z" else f"{iso}{time[SECONDS:-1]}{own}"

    def full(self, time: str) -> str:
        """Show a record's time to the second."""
        if not _is_canonical(time):
            return time
        iso, own = self._iso(time)
        return f"{iso[:10]} {iso[11:]}{own}"

    def short(self, time: str) -> str:
        """Show a record's time to the second, and without the year if it may be left out."""
        return self._without_year(self.full(time))

    def minute(self, time: str) -> str:
        """Show a record's time to the minute, and without the year if it may be left out."""
        full = self.full(time)
        return self._without_year(f"{full[:MINUTES]}{full[SECONDS:]}")

    def _without_year(self, text: str) -> str:
        is_ours = text[:YEAR] == self._year and text[10:11] == " "
        return text[YEAR:] if is_ours else text

    def _iso(self, time: str) -> tuple[str, str]:
        """Return a time in the zone without its offset, and its offset if no title says it."""
        if self.is_utc:
            return time[:SECONDS], ""
        try:
            moment = datetime.fromisoformat(f"{time[:SECONDS]}+00:00").astimezone(self.zone)
        except (ValueError, OverflowError):  # no such date, or none in this zone
            return time[:SECONDS], "Z"
        offset = _offset(moment)
        iso = moment.replace(tzinfo=None).isoformat()
        return iso, "" if offset == self.offset else offset


def _is_canonical(time: str) -> bool:
    """Return whether a time has the form of a record's; a file may hold others."""
    return time[10:11] == "T" and time[-1] == "Z" and len(time) > SECONDS


def _offset(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")[26:]
