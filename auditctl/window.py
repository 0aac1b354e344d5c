"""Points in time as a user types them, and the window between two."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from auditctl.errors import UsageError
from auditctl.records.event_time import from_iso

FORMS = (
    "a duration back from now (45s 90m 12h 30d 2w, 1d12h), a date (2026-01-31), "
    "an RFC 3339 time (2026-01-31T08:00:00Z), epoch seconds, now, today or yesterday"
)
HOURS_IN_DAYS = 48
"""From so many hours on, a duration is written in days."""

BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
"""The last moment that a datetime can hold; as the end of a window it means no end."""
_NO_END = "9999-12-31T24"
"""Greater than every time that can be written."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_UNITS = {10: timedelta(seconds=1), 13: timedelta(milliseconds=1)}
"""The number of digits of a bare number -> the unit it counts."""
DAYS_AGO = {"today": timedelta(), "yesterday": timedelta(days=1)}
LENGTH_OF_YEAR = 4
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(?:[0-9]+[smhdw])+")
_PART = re.compile(r"([0-9]+)([smhdw])")


def parse_duration(text: str) -> timedelta:
    """Read ``45s``, ``90m``, ``12h``, ``30d``, ``2w`` or a chain of them (``1d12h``).

    Raises:
        UsageError: the text has another form, or is longer than a timedelta can hold.

    """
    if text == "0":
        return timedelta()
    if not _DURATION.fullmatch(text):
        raise UsageError(
            f"Cannot read the duration {text!r}: write it like 45s, 90m, 12h, 30d, 2w or 1d12h."
        )
    try:
        return sum(
            (timedelta(**{_UNITS[unit]: int(count)}) for count, unit in _PART.findall(text)),
            timedelta(),
        )
    except (OverflowError, ValueError):
        raise UsageError(f"The duration {text[:40]!r} is longer than can be counted.") from None


def parse_time(text: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """Read a TIME as the options take it; without an offset it is one of the zone, as days are.

    Raises:
        UsageError: the text has none of the forms, which the message lists.

    """
    text = text.strip()
    if text == "now":
        return now
    if text in DAYS_AGO:
        today = datetime.combine(now.astimezone(zone).date(), time(), zone)
        return (today - DAYS_AGO[text]).astimezone(UTC)
    is_number = text.isascii() and text.isdigit()
    if is_number and len(text) in EPOCH_UNITS:
        return _EPOCH + int(text) * EPOCH_UNITS[len(text)]
    if is_number:
        meant = _meant(text)
        raise UsageError(
            f"Cannot read the time {text[:40]!r}: a number alone is epoch seconds (10 digits) or "
            f"milliseconds (13). {f'Did you mean {meant}? ' if meant else ''}Write {FORMS}."
        )
    with suppress(ValueError, OverflowError, UsageError):
        if _DURATION.fullmatch(text):
            return now - parse_duration(text)
        if canonical := from_iso(text, zone):
            return datetime.fromisoformat(canonical)
    raise UsageError(f"Cannot read the time {text!r}. Write {FORMS}.")


def needs_clock(text: str) -> bool:
    """Return whether the meaning of a TIME depends on this machine's clock."""
    text = text.strip()
    return text in ("now", *DAYS_AGO) or _DURATION.fullmatch(text) is not None


def in_words(duration: timedelta) -> str:
    """Write a duration for people, to the minute; a long one in days."""
    hours, minutes = divmod(int(duration.total_seconds()) // 60, 60)
    if hours >= HOURS_IN_DAYS:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def age(then: str, now: datetime) -> str:
    """Write how long ago something was; what lies in the future was just now."""
    return in_words(max(timedelta(), now - datetime.fromisoformat(then)))


def finer(text: str) -> str:
    """Return the digits of a TIME's fraction behind the sixth, which `parse_time` leaves out."""
    canonical = from_iso(text.strip())
    return canonical.partition(".")[2][6:-1] if canonical else ""


def before(moment: datetime, duration: timedelta) -> datetime:
    """Subtract a duration; stop at the first moment that can be written."""
    try:
        return moment - duration  # not `shift`: the longest duration has no opposite
    except OverflowError:
        return BEGINNING


def shift(moment: datetime, by: timedelta) -> datetime:
    """Add a duration; stop at the first and the last moment that can be written."""
    try:
        return moment + by
    except OverflowError:
        return BEGINNING if by < timedelta() else END


def now_text() -> str:
    """Return this moment as a record's time is written."""
    return to_text(datetime.now(UTC))


def to_text(moment: datetime, *, exact: bool = False) -> str:
    """Write a time as a record's is, cut to milliseconds, or ``exact`` to microseconds if finer."""
    finer = exact and moment.microsecond % 1000
    timespec = "microseconds" if finer else "milliseconds"
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec)}Z"


def from_moment(moment: datetime) -> str | None:
    """Write a window's beginning, to the microsecond; None is the beginning of the log."""
    return None if moment == BEGINNING else to_text(moment, exact=True)


def from_text(text: str | None) -> datetime:
    """Read what `from_moment` and `to_text` write."""
    return BEGINNING if text is None else datetime.fromisoformat(text)


def _meant(number: str) -> str:
    """Return the TIME that somebody may have meant with a number; empty if none is likely."""
    if len(number) < LENGTH_OF_YEAR:
        return f"{number}d"
    day = number if len(number) > LENGTH_OF_YEAR else f"{number}0101"
    try:
        return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        return ""


@dataclass(frozen=True)
class Window:
    """The half-open span [since, until) of event time, both ends in UTC, or None where it is open.

    What a service is asked for may be coarser than the window, never narrower: each form of an end
    is rounded outwards.
    """

    since: datetime | None
    """None for as far back as there is."""
    until: datetime | None
    finer: tuple[str, str] = ("", "")
    """The digits of each end's fraction that a datetime cannot hold: those behind the sixth."""
    oldest_first: bool = False
    """Which end is wanted first, where a service gives either."""

    def __post_init__(self) -> None:
        """Read the first and the last moment that a datetime can hold as open ends."""
        if self.since == BEGINNING:
            object.__setattr__(self, "since", None)
        if self.until == END:
            object.__setattr__(self, "until", None)

    @property
    def span(self) -> tuple[str, str]:
        """Both ends as text, to be compared with a record's time without its "Z".

        The form is fixed down to the seconds, digits of a fraction sort as they count, and a
        shorter fraction sorts before a longer one that begins with it. Unlike datetime this
        keeps nanoseconds, and it costs a tenth.
        """
        since = "" if self.since is None else _key(self.since, self.finer[0])
        return since, _NO_END if self.until is None else _key(self.until, self.finer[1])

    def iso(self) -> tuple[str | None, str | None]:
        """Return both ends in ISO 8601, to the millisecond: 2026-01-31T08:00:00.000Z."""
        since, until = (_iso(end) for end in self.milliseconds())
        return since, until

    def milliseconds(self) -> tuple[int | None, int | None]:
        """Return both ends in milliseconds since 1970."""
        return self._count(timedelta(milliseconds=1))

    def seconds(self) -> tuple[int | None, int | None]:
        """Return both ends in seconds since 1970."""
        return self._count(timedelta(seconds=1))

    def _count(self, unit: timedelta) -> tuple[int | None, int | None]:
        since = None if self.since is None else (self.since - _EPOCH) // unit
        if self.until is None:
            return since, None
        beyond = bool(self.finer[1].strip("0"))
        return since, -((_EPOCH - self.until - timedelta(microseconds=beyond)) // unit)

    def widened(self, by: timedelta) -> "Window":
        """Begin the window earlier, where a service may not count an event at its beginning."""
        if self.since is None:
            return self
        return replace(self, since=before(self.since, by), finer=("", self.finer[1]))

    def slices(self, length: timedelta, overlap: timedelta = timedelta()) -> Iterator["Window"]:
        """Divide a window into windows no longer than ``length``, the newest first.

        Neighbours go an ``overlap`` beyond the moment where they meet, as a service may count
        neither of their ends. Without a beginning they have no end; without an end, the first ends
        tomorrow.
        """
        until = end = self.until or datetime.now(UTC) + timedelta(days=1)
        first = self.since or BEGINNING
        while first < end:
            begin = max(before(end, length - 2 * overlap), first)
            yield Window(
                begin if begin == first else before(begin, overlap),
                end if end == until else shift(end, overlap),
                (
                    self.finer[0] if begin == self.since else "",
                    self.finer[1] if end == self.until else "",
                ),
            )
            end = begin

    def days(self) -> Iterator[date]:
        """Return the UTC days that the window touches, newest first.

        Without an end they begin with tomorrow, as clocks differ; without a beginning they go back
        to 1970.
        """
        begins, ends = self.span
        if begins >= ends:
            return
        until = self.until or datetime.now(UTC) + timedelta(days=1)
        # Of the last moment inside, which may be less than a microsecond before the end.
        exact = not self.finer[1].strip("0")
        day = (until - timedelta(microseconds=exact)).date()
        for number in range(day.toordinal(), (self.since or _EPOCH).date().toordinal() - 1, -1):
            yield date.fromordinal(number)


def _iso(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return to_text(shift(_EPOCH, timedelta(milliseconds=milliseconds)))


def _key(moment: datetime, finer: str) -> str:
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text}{finer}".rstrip("0").rstrip(".")
