"""A histogram over a window that may be known only at its end: hours, days, weeks or years."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from auditctl.formats.clock import Clock
from auditctl.window import shift

HOURS_UP_TO = timedelta(days=2)
DAYS_UP_TO = timedelta(days=100)
WEEKS_UP_TO = timedelta(weeks=10_000)
"""Longer windows are mistyped, or mean that there is no beginning; nobody reads so many lines."""
AMBIGUOUS_FROM = timedelta(days=366)
"""From here on a day and a month need a year."""
MOST = 20_000
"""Spans counted apart: so many hours, or minutes, are far more than two days of them."""
HOUR, MINUTE = len("2026-01-31T08"), len("2026-01-31T08:09")
WEEK = 7


class Bar(NamedTuple):
    """One bucket."""

    start: str
    records: int
    failures: int


class Histogram:
    """Counts records and failures by time."""

    def __init__(self, clock: Clock) -> None:
        """Count in the zone of ``clock``."""
        self._clock = clock
        # An hour in the zone is one in UTC, unless their difference has minutes.
        whole = clock.is_utc or (clock.offset or "").endswith(":00")
        self._key = itemgetter(slice(HOUR if whole else MINUTE))
        self._fine = Counter[str](), Counter[str]()
        """Records and failures, by the beginning of their time."""
        self._days = Counter[int](), Counter[int]()
        """Those counted longer ago, if there are many, by the ordinal of their day."""

    def add(self, times: Sequence[str], failed: Sequence[str]) -> None:
        """Count records by their times, and failures among them by theirs; both are in order."""
        for counts, more in zip(self._fine, (times, failed), strict=True):
            if more and (key := self._key(more[0])) == self._key(more[-1]):  # a page of one hour
                counts[key] += len(more)
            else:
                counts.update(map(self._key, more))
        if len(self._fine[0]) > MOST:
            self._fold()

    def unit(self, since: datetime, until: datetime) -> str:
        """Return what a bucket of a window is: an hour, a day, a week or a year."""
        limits = {"hour": HOURS_UP_TO, "day": DAYS_UP_TO, "week": WEEKS_UP_TO}
        return next((unit for unit, most in limits.items() if until - since <= most), "year")

    def bars(self, since: datetime, until: datetime) -> list[Bar]:
        """Return all buckets of a window, the oldest first."""
        unit = self.unit(since, until)
        if unit == "hour":
            starts = list(self._hours(since, until))
            texts = [self._hour(start) for start in starts]
            return list(map(Bar, texts, *(_sums(starts, _moments(c)) for c in self._fine)))
        self._fold()
        first, last = (self._ordinal(end) for end in (since, until - timedelta(microseconds=1)))
        days = _starts(unit, first, max(first, last))
        labels = _labels(days, unit, with_year=until - since > AMBIGUOUS_FROM)
        return list(map(Bar, labels, *(_sums(days, c.items()) for c in self._days)))

    def _fold(self) -> None:
        """Put days in the place of hours, and if there are very many days, weeks."""
        for days, fine in zip(self._days, self._fine, strict=True):
            for moment, count in _moments(fine):
                days[self._ordinal(moment)] += count
            fine.clear()
            if len(days) > MOST:
                weeks = Counter[int]()
                for day, count in days.items():
                    weeks[_monday(day)] += count
                days.clear()
                days.update(weeks)

    def _ordinal(self, moment: datetime) -> int:
        return self._clock.local(moment).toordinal()

    def _hours(self, since: datetime, until: datetime) -> Iterator[datetime]:
        start = self._whole_hour(since)
        while start < until:
            yield start
            start = self._whole_hour(shift(start, timedelta(hours=1)))

    def _whole_hour(self, moment: datetime) -> datetime:
        local = self._clock.local(moment)
        return moment - (local - local.replace(minute=0, second=0, microsecond=0))

    def _hour(self, start: datetime) -> str:
        local = self._clock.local(start)
        return f"{local:%m-%d %H:%M}{'' if self._clock.offset is not None else f'{local:%z}'}"


def _starts(unit: str, first: int, last: int) -> Sequence[int]:
    """Return the first day of each day, week or year from one day to another."""
    if unit == "year":
        years = range(date.fromordinal(first).year, date.fromordinal(last).year + 1)
        return [date(year, 1, 1).toordinal() for year in years]
    return range(first, last + 1) if unit == "day" else range(_monday(first), last + 1, WEEK)


def _labels(days: Iterable[int], unit: str, *, with_year: bool) -> Iterator[str]:
    """Write each day; with the year, where that is needed, in the first line of each year."""
    year = 0
    for day in map(date.fromordinal, days):
        shows_year = day.year != year
        year = day.year
        prefix = (f"{year:04}-" if shows_year else " " * 5) if with_year else ""
        yield f"{year:04}" if unit == "year" else f"{prefix}{day:%m-%d}"


def _monday(day: int) -> int:
    """Return the Monday of a day's week; the first day of all is one."""
    return day - (day - 1) % WEEK


def _moments(counts: Counter[str]) -> Iterator[tuple[datetime, int]]:
    """Return the points in time of keys, and their counts."""
    for key, count in counts.items():
        with suppress(ValueError):  # a file may have any text in the place of a time
            yield datetime.fromisoformat(key).replace(tzinfo=UTC), count


def _sums(starts: Sequence[Any], counts: Iterable[tuple[Any, int]]) -> list[int]:
    """Add the counts up that belong to the same start: the last one before them."""
    sums = [0] * len(starts)
    for at, count in counts:
        sums[max(0, bisect_right(starts, at) - 1)] += count
    return sums
