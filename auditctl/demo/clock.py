"""The demo's clock: the instants at which something happens, and answers with its date."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import NamedTuple

import httpx
import orjson

# An instant is a whole number of milliseconds since 1970: the finest that any provider tells.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3_600_000
DAY = 24 * HOUR
KEPT = 90 * DAY
BUSIEST, SPREAD = 12 * HOUR, 3 * HOUR
WEEKEND = (2, 3)  # days modulo 7, as day 0, 1 January 1970, was a Thursday

# A quiet night would leave the last hour empty, so the latest multiple of each of these is an
# event too. Multiples, because "five minutes ago" would be another event, with another id, each
# time one asks; odd ones, because round ones would coincide on the hour.
PULSES = (197_203, 641_057, 1_320_911, 2_460_349)


class Pace(NamedTuple):
    """The number of events of a day."""

    weekday: int
    weekend: int


def to_instant(time: datetime) -> int:
    """Return the instant of an aware time."""
    return (time - EPOCH) // timedelta(milliseconds=1)


def instant_of(text: str) -> int:
    """Return the instant of an ISO 8601 text in a question."""
    return to_instant(datetime.fromisoformat(text))


def iso(instant: int) -> str:
    """Write an instant as all JSON providers do: ISO 8601, milliseconds, Z."""
    text = datetime.fromtimestamp(instant / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def chance(seed: int) -> random.Random:
    """Return the dice of an instant or a day: the same throws whenever it is asked for."""
    return random.Random(seed)  # noqa: S311 - sample data, not security


def instants_of(day: int, pace: Pace, now: int) -> list[int]:
    """Return the events of a day (counted from 1970) that are past and still kept, newest first."""
    # Sown with the pace too, or all providers would have their events at the same instants.
    dice = chance(day * DAY + pace.weekday)
    count = pace.weekend if day % 7 in WEEKEND else pace.weekday
    # A set: two events at one instant would be one event, as the instant makes the id.
    found = {day * DAY + int(dice.gauss(BUSIEST, SPREAD)) % DAY for _ in range(count)}
    found.update(pulse for step in PULSES if (pulse := now - now % step) // DAY == day)
    return sorted((each for each in found if now - KEPT < each <= now), reverse=True)


def instants(pace: Pace, now: int, before: int | None = None) -> Iterator[int]:
    """Yield all events before an instant, newest first, a day at a time: a page costs a page."""
    before = now + 1 if before is None else before
    for day in range(before // DAY, (now - KEPT) // DAY - 1, -1):
        yield from (each for each in instants_of(day, pace, now) if each < before)


def between(pace: Pace, now: datetime, since: int, before: int) -> list[int]:
    """Return the events from one instant up to another, newest first."""
    clock = to_instant(now)
    return [each for each in instants(pace, clock, min(before, clock + 1)) if each >= since]


def page(found: Sequence[int], cursor: str | None, size: int) -> tuple[Sequence[int], str | None]:
    """Return the instants of a page, and the cursor of the next: the last instant of this one."""
    begin = found.index(int(cursor)) + 1 if cursor and int(cursor) in found else 0
    rows = found[begin : begin + size]
    return rows, str(rows[-1]) if begin + size < len(found) else None


def headers(now: datetime) -> dict[str, str]:
    """Return the headers of every JSON answer; the date is the demo's, so that no clock is off."""
    date = format_datetime(now.astimezone(UTC), usegmt=True)
    return {"Content-Type": "application/json", "Date": date}


def reply(
    now: datetime, body: object, status: int = 200, more: Mapping[str, str] | None = None
) -> httpx.Response:
    """Return a whole JSON answer."""
    # As a stream, or none of its bytes would count as downloaded.
    stream = httpx.ByteStream(orjson.dumps(body))
    return httpx.Response(status, stream=stream, headers={**headers(now), **(more or {})})
