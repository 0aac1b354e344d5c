"""Event times: each form that logs write them in, brought into RFC 3339 in UTC."""

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # few logs need it
    from decimal import Decimal

MILLISECONDS_FROM = 10**11
"""From here on an epoch number counts milliseconds: as seconds it would be past the year 5100."""
_UNITS_FROM = (MILLISECONDS_FROM, 10**14, 10**17)
"""And where microseconds and nanoseconds begin, for the same reason."""
LEAP_MINUTE = (23, 59)
"""The only one, in UTC, that may have a second 60."""
FEWEST_EPOCH_DIGITS = 9
"""A text of fewer digits is a count or a year, and no event is older than 1973."""
LONGEST = 100
"""Characters; what is longer is no time, and looking into it may take long."""

_USUAL = "2026-01-31T08:09:10.123Z"
_MARKS = [(at, mark) for at, mark in enumerate(_USUAL) if not mark.isdigit()]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIXTY = tuple(f"{number:02}" for number in range(60))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FLAGS = re.ASCII | re.IGNORECASE
# Texts, not compiled: most logs need none of these, and compiling them all takes a millisecond.
_ISO = (
    r"([0-9]{4}([-/]?)[0-9]{2}\2[0-9]{2}|[0-9]{4}-?W[0-9]{2}-?[1-7]|[0-9]{4}-?[0-9]{3})"
    r"(?:(?:[T_]|\s+)([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]+))?)?)?"
    # Z, +03, -0130, UTC, GMT+03:00, +0000 UTC; behind it, in brackets, a name that says the same.
    r"(?:\s?(Z|UTC|GMT|(?:UTC\s?|GMT\s?)?([+\N{MINUS SIGN}-][0-9]{2}(?::?[0-9]{2})?)(?:\sUTC)?)"
    r"(?:\[[^]]*\]|\s\([^)]*\))?)?)?"
)
_DIGITS_ALONE = (
    r"((?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9])([0-9]{6}(?:\.[0-9]+)?(?:Z|[+-][0-9]{4})?)"
)
"""20260131080910.0Z, as directories write it."""
_DAY_MONTH = r"(?:[a-z]+,\s*)?([0-9]{1,2})[ /-]([a-z]{3})[ /-]([0-9]{4})[ :]([0-9]{2}:.*)"
"""Sat, 31 Jan 2026 08:09:10 +0300, as in mail and HTTP; 31/Jan/2026:08:09:10 +0300."""
_MONTH_DAY = (
    r"[a-z]{3} ([a-z]{3}) +([0-9]{1,2}) (?:([0-9]{4}) )?([0-9]{2}:[0-9:]+)(.*?)(?: ([0-9]{4}))?"
)
"""Sat Jan 31 08:09:10 2026, as C writes it; Sat Jan 31 2026 08:09:10 GMT+0300 (EAT)."""
_is_canonical = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]\.[0-9]{3,}Z"
).fullmatch
_EPOCH_NUMBER = rf"[0-9]{{{FEWEST_EPOCH_DIGITS},}}(?:\.[0-9]+)?"


def instant(value: object) -> str | None:
    """Return an event's own time as RFC 3339 in UTC, in its own precision but at least ms.

    A text without an offset is in UTC. What has no known form, and a date that does not exist,
    is None.
    """
    try:
        if isinstance(value, str):
            if _is_canonical(value) and value[11:] < "24":
                datetime.fromisoformat(value)
                return value
            return _from_text(value.strip()) if len(value) <= LONGEST else None
        if type(value) is int:
            return _from_int(value)
        if isinstance(value, float):
            # A number that was read exactly has its text, which keeps what a float would round.
            return _from_number(getattr(value, "text", repr(value)))
    except (ArithmeticError, ValueError):
        pass
    return None


def are_instants(values: Sequence[Any]) -> bool:
    """Return whether all values have the form 2026-01-31T08:09:10.123Z, so that they can stay.

    Most logs write it. To look at all values together takes a third of the time.
    """
    try:
        text = "".join(values)
        deque(map(datetime.fromisoformat, values), 0)
    except (TypeError, ValueError):  # they are no texts; there is no such date or time
        return False
    # What follows a NUL may be anything: fromisoformat does not look at it.
    return (
        "T24" not in text
        and "\0" not in text
        and all(text[at :: len(_USUAL)] == mark * len(values) for at, mark in _MARKS)
        and set(map(len, values)) == {len(_USUAL)}
    )


def from_iso(text: str, zone: tzinfo = UTC) -> str | None:
    """Read ISO 8601, and what logs make of it; None if the text has another form.

    A time without an offset is read in ``zone``. One that its clocks leave out is an hour later,
    of one that they show twice the first counts.

    Raises:
        ValueError, OverflowError: there is no such date or time.

    """
    match = re.fullmatch(_ISO, text, _FLAGS) if text[:4].isdigit() else None
    if match is None:
        return None
    day, separator, hour, minute, second, fraction, named, offset = match.groups(default="")
    leap = second == "60"
    midnight = hour == "24" and not f"{minute}{second}{fraction}".strip("0")  # at the day's end
    hour = "00" if midnight else hour
    clock = f"{hour or '00'}:{minute or '00'}:{'59' if leap else second or '00'}"
    offset = offset.replace("\N{MINUS SIGN}", "-") or ("Z" if named else "")
    local = datetime.fromisoformat(f"{_date(day.replace(separator, ''))}T{clock}{offset}")
    if not offset:
        # The next midnight by the zone's own clocks, which need not be 24 hours away.
        local = (local + timedelta(days=midnight)).replace(tzinfo=zone)
        midnight = False
    moment = local.astimezone(UTC) + timedelta(days=midnight)
    if leap:
        if (moment.hour, moment.minute) != LEAP_MINUTE:
            return None
        moment += timedelta(seconds=1)  # as all clocks have it that know of no such second
    # The fraction is carried over as text: datetime would drop what is finer than microseconds.
    return f"{moment.replace(tzinfo=None).isoformat()}.{fraction:0<3}Z"


def _date(digits: str) -> date:
    """Read 20260131, 2026W056 or, as a day of the year, 2026031."""
    digits = digits.replace("-", "").upper()
    if len(digits) != len("2026031"):
        return date.fromisoformat(digits)
    first = date(int(digits[:4]), 1, 1)
    day = first + timedelta(days=int(digits[4:]) - 1)
    if day.year != first.year:
        raise ValueError(f"{first.year} has no such day")
    return day


def _from_text(text: str) -> str | None:
    if time := from_iso(text):
        return time
    if match := re.fullmatch(_DIGITS_ALONE, text, _FLAGS):
        return from_iso(f"{match[1]}T{match[2]}")
    if re.fullmatch(_EPOCH_NUMBER, text, _FLAGS):
        return _from_number(text)
    if match := re.fullmatch(_DAY_MONTH, text, _FLAGS):
        day, month, year, rest = match.groups()
    elif match := re.fullmatch(_MONTH_DAY, text, _FLAGS):
        month, day, early, clock, zone, late = match.groups()
        year, rest = early or late or "", f"{clock}{zone}"
    else:
        return None
    return from_iso(f"{year}-{_MONTHS.index(month.lower()) + 1:02}-{day:0>2}T{rest}")


def _from_int(number: int) -> str:
    if abs(number) < MILLISECONDS_FROM:
        return _written(number, "000")
    digits = _fraction_digits(number)
    seconds, fraction = divmod(number, 10**digits)
    return _written(seconds, f"{fraction:0{digits}}")


def _from_number(text: str) -> str | None:
    """Read an epoch number with a fraction or an exponent, to its last digit."""
    from decimal import ROUND_FLOOR, Context, Decimal

    number = Decimal(text if len(text) <= LONGEST else "NaN")
    if not number.is_finite() or abs(number.adjusted()) > LONGEST:
        return None
    exact = Context(prec=3 * LONGEST)
    seconds = number.scaleb(-_fraction_digits(number), exact)
    whole = seconds.to_integral_value(ROUND_FLOOR)
    fraction = f"{exact.subtract(seconds, whole):f}"[len("0.") :]
    return _written(int(whole), f"{fraction:0<3}")


def _fraction_digits(number: "int | Decimal") -> int:
    """Return how many digits of an epoch number count parts of a second."""
    return 3 * bisect_right(_UNITS_FROM, abs(int(number)))


def _written(seconds: int, fraction: str) -> str:
    hour, rest = divmod(seconds, 3600)
    # Looked up, because formatting a number takes several times as long.
    return f"{_hour(hour)}:{_SIXTY[rest // 60]}:{_SIXTY[rest % 60]}.{fraction}Z"


@lru_cache(maxsize=1024)
def _hour(number: int) -> str:
    """Write the hour that begins so many after 1970 did; most events share theirs."""
    return (_EPOCH + timedelta(hours=number)).isoformat()[:13]
