"""Points in time as a user types them, and the window between two."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from auditctl.errors import UsageError
from auditctl.event_time import from_iso

FORMS = (
    "a duration back from now (45s 90m 12h 30d 2w, 1d12h), a date (2026-01-31), "
    "an RFC 3339 time (2026-01-31T08:00:00Z), epoch seconds, now, today or yesterday"
)
HOURS_IN_DAYS = 48
"""From so many hours on, a duration is written in days."""

BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
"""The last moment that a datetime can hold; as the end of a window it means that there is none."""
_NO_END = "9999-12-31T24"
"""Greater than every time that can be written."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(?:[0-9]+[smhdw])+")
_PART = re.compile(r"([0-9]+)([smhdw])")
_is_epoch = re.compile(r"[0-9]{10}(?:[0-9]{3})?").fullmatch
"""Seconds or milliseconds; other numbers of digits are slips, and would mean some other century."""


def parse_duration(text: str) -> timedelta:
    """Read ``45s``, ``90m``, ``12h``, ``30d``, ``2w`` or a chain of them (``1d12h``).

    Raises:
        UsageError: the text has another form, or is longer than a timedelta can hold.

    """
    if text == "0":
        return timedelta()
    if not _DURATION.fullmatch(text):
        message = (
            f"Cannot read the duration {text!r}: write it like 45s, 90m, 12h, 30d, 2w or 1d12h."
        )
        raise UsageError(message)
    try:
        return sum(
            (timedelta(**{_UNITS[unit]: int(count)}) for count, unit in _PART.findall(text)),
            timedelta(),
        )
    except (OverflowError, ValueError):
        message = f"The duration {text[:40]!r} is longer than can be counted."
        raise UsageError(message) from None


def parse_time(text: str, now: datetime) -> datetime:
    """Read a TIME as the options take it; without an offset it is UTC.

    Raises:
        UsageError: the text has none of the forms, which the message lists.

    """
    text = text.strip()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if text in words:
        return words[text]
    try:
        if _is_epoch(text):
            return _EPOCH + timedelta(milliseconds=int(f"{text}000"[:13]))
        if _DURATION.fullmatch(text):
            return now - parse_duration(text)
        canonical = None if text.isdigit() else from_iso(text)  # 20260131 may be anything
        if canonical is not None:
            return datetime.fromisoformat(canonical)
    except (ValueError, OverflowError, UsageError):
        pass
    message = f"Cannot read the time {text!r}. Write {FORMS}."
    raise UsageError(message)


def needs_clock(text: str) -> bool:
    """Return whether the meaning of a TIME depends on this machine's clock."""
    text = text.strip()
    return text in ("now", "today", "yesterday") or _DURATION.fullmatch(text) is not None


def in_words(duration: timedelta) -> str:
    """Write a duration for people, to the minute; a long one in days."""
    hours, minutes = divmod(int(duration.total_seconds()) // 60, 60)
    if hours >= HOURS_IN_DAYS:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def finer(text: str) -> str:
    """Give the digits of a TIME's fraction behind the sixth, which `parse_time` leaves out."""
    canonical = from_iso(text.strip())
    return canonical.partition(".")[2][6:-1] if canonical else ""


def before(moment: datetime, duration: timedelta) -> datetime:
    """Subtract a duration; stop at the first moment that can be written."""
    try:
        return moment - duration
    except OverflowError:
        return BEGINNING


def shift(moment: datetime, by: timedelta) -> datetime:
    """Add a duration; stop at the first and the last moment that can be written."""
    try:
        return moment + by
    except OverflowError:
        return BEGINNING if by < timedelta() else END


def now_text() -> str:
    """Give this moment as a record's time is written."""
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


@dataclass(frozen=True)
class Window:
    """The half-open span [since, until) of event time, both ends aware and in UTC."""

    since: datetime
    until: datetime
    finer: tuple[str, str] = ("", "")
    """The digits of each end's fraction that a datetime cannot hold: those behind the sixth."""

    @property
    def span(self) -> tuple[str, str]:
        """Give both ends as text, to be compared with a record's time without its "Z".

        The form is fixed down to the seconds, digits of a fraction sort as they count, and a
        shorter fraction sorts before a longer one that begins with it. Unlike datetime this
        keeps nanoseconds, and it costs a tenth.
        """
        until = _NO_END if self.until == END else _key(self.until, self.finer[1])
        return _key(self.since, self.finer[0]), until

    def days(self) -> Iterator[date]:
        """Give the UTC days that the window touches, newest first."""
        begins, ends = self.span
        if begins >= ends:
            return
        # Of the last moment inside, which may be less than a microsecond before the end.
        exact = not self.finer[1].strip("0")
        day = (self.until - timedelta(microseconds=exact)).date()
        for number in range(day.toordinal(), self.since.date().toordinal() - 1, -1):
            yield date.fromordinal(number)


def _key(moment: datetime, finer: str) -> str:
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text}{finer}".rstrip("0").rstrip(".")
