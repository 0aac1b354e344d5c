"""Logs that are asked for by the day: each day that has begun, several under way at once."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import chain, islice

from auditctl.http.client import Client
from auditctl.http.stream import Stream
from auditctl.window import Window


def read_days(
    client: Client,
    window: Window,
    ask: Callable[[date], Stream],
    *,
    oldest_first: bool = False,
) -> Iterator[tuple[date, Stream]]:
    """Yield each UTC day of a window that has begun, with the stream that ``ask`` gives for it.

    A stream has been asked for when it is yielded.
    """
    days = window.days()
    wanted = reversed(list(days)) if oldest_first else days
    asked = ((day, ask(day)) for day in _begun_days(client, wanted))
    alone = map(_begun, islice(asked, 1))  # its answer shows the provider's clock
    return client.ahead(_begun, chain(alone, asked))


def _begun(asked: tuple[date, Stream]) -> tuple[date, Stream]:
    day, rows = asked
    return day, rows.begin()


def _begun_days(client: Client, days: Iterable[date]) -> Iterator[date]:
    """Leave out the days that have not begun: the first by either clock, the others by theirs.

    Not the first by theirs alone as an earlier walk saw it, and not the others by each answer's: a
    clock that is put right, or one of several that is wrong, would hide days for good.
    """
    latest = max(datetime.now(UTC), client.now()).date()
    is_first = True
    for day in days:
        if day <= latest:
            yield day
            if is_first:
                latest = client.now().date()
                is_first = False
