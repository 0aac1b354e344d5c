"""Headers that ask a client to wait, in all forms that are in use."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from auditctl.records.event_time import instant

RESETS = (
    "RateLimit-Reset",
    "X-RateLimit-Reset",
    "X-Rate-Limit-Reset",
    "X-RateLimit-Reset-After",
)
"""Headers with the end of the rate limit, used without a Retry-After."""
LONGEST_WAIT = 10.0**12
"""Seconds: a longer wait counts as endless."""
LONGEST_UNTIL_RESET = 3600.0
"""Seconds that such a header is believed: it may mean another limit, or another unit."""
EPOCH_FROM = 10**8
"""A number from here on is a point in time, not seconds to wait: three years are no pause."""
MILLISECONDS_FROM = 10**11
STALE = 86_400.0
"""Seconds that a point in time may be past, as clocks differ; an earlier one is ignored."""
EARLIEST_CLOCK, LATEST_CLOCK = 1970, 9000
"""Years that a clock may show: what is reckoned with it must still be a date."""

# Not compiled here: few runs are asked to wait.
_NUMBER = r"[0-9]+(?:\.[0-9]*)?"
_QUOTED = r'"[^"]*"?'
_USED_UP = r"\b(?:r|remaining)=0(?![0-9.])"
_LEFT = r"\b(?:t|reset)=([^;,\s]+)"


def wait_asked(headers: httpx.Headers) -> float | None:
    """Read how many seconds the provider asks to wait; None if it does not say."""
    # By the provider's own clock, where it tells it: ours may differ.
    now = (clock(headers.get("Date")) or datetime.now(UTC)).timestamp()
    waits = [_retry_after(text, now) for text in _values(headers, "Retry-After")]
    if known := [wait for wait in waits if wait is not None]:
        return min(max(known), LONGEST_WAIT)
    texts = [text for name in RESETS for text in _values(headers, name)]
    waits = [_seconds(text, now) for text in [*texts, *_limits(headers)]]
    if known := [wait for wait in waits if wait is not None]:
        return min(max(known), LONGEST_UNTIL_RESET)
    return None


def clock(date: str | None) -> datetime | None:
    """Read the time in a ``Date`` header; None if no clock can show that."""
    moment = http_date(date or "")
    if moment is None or not EARLIEST_CLOCK <= moment.year < LATEST_CLOCK:
        return None
    return moment


def http_date(text: str) -> datetime | None:
    """Read an HTTP date; None if it is not one."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError, IndexError):  # of a parser of e-mail
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _values(headers: httpx.Headers, name: str) -> Iterator[str]:
    """Split a header that was sent twice, or whose two values a proxy has joined."""
    for value in headers.get_list(name):
        if http_date(value) is not None:
            yield value  # its comma belongs to it
        else:
            yield from map(str.strip, value.split(","))


def _limits(headers: httpx.Headers) -> list[str]:
    """Read the draft's `RateLimit: "name";r=0;t=2`, and the one before it, `limit=9, reset=2`."""
    value = re.sub(_QUOTED, "", ", ".join(headers.get_list("RateLimit")))
    policies = value.split(",") if ";" in value else [value]
    used_up = [policy for policy in policies if re.search(_USED_UP, policy)]
    return re.findall(_LEFT, ",".join(used_up)) or re.findall(_LEFT, value)


def _retry_after(text: str, now: float) -> float | None:
    """Read a Retry-After, whose number is seconds unless it is a moment that is not long past."""
    if re.fullmatch(_NUMBER, text) and _moment(float(text)) < now - STALE:
        return float(text)
    return _seconds(text, now)


def _seconds(text: str, now: float) -> float | None:
    if re.fullmatch(_NUMBER, text):
        number = float(text)
        return number if number < EPOCH_FROM else max(0.0, _moment(number) - now)
    date = http_date(text)
    if date is None and (iso := instant(text)) is not None:
        date = datetime.fromisoformat(iso)
    return None if date is None else max(0.0, date.timestamp() - now)


def _moment(number: float) -> float:
    """Turn epoch seconds, milliseconds or what is finer into seconds."""
    while MILLISECONDS_FROM <= number < LONGEST_WAIT**2:
        number /= 1000
    return number
