"""A window that is asked for in parts: in slices no longer than a service takes, or by the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # help texts import every provider
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date, timedelta

    from auditctl.http.client import Client
    from auditctl.http.page import Page
    from auditctl.http.stream import Stream
    from auditctl.window import Window


def walk_slices(
    window: Window,
    length: timedelta,
    unit: timedelta,
    walk: Callable[[Window, str | None], Iterator[Page]],
    position: str | None = None,
) -> Iterator[Page]:
    """Walk the slices of a window, newest first, from the first or from an earlier position.

    Slices overlap by a ``unit`` of the service's times at both ends, and the window begins one
    earlier. ``walk`` reads a slice from a cursor on, which is None for its first page. A position
    is the number of a slice and a cursor in it.
    """
    window = window.widened(unit)
    first, blank, cursor = (position or "").partition(" ")
    if not (blank and first.isdecimal()):  # none of ours: from the start, then
        first, cursor = "0", ""
    # Less by what the ends may gain when they are rounded outwards to units.
    for number, part in enumerate(window.slices(length - 2 * unit, unit)):
        if number >= int(first):
            for page in walk(part, cursor or None):
                yield replace(page, position=f"{number} {page.position or ''}")
            cursor = ""


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

    def begun(asked: tuple[date, Stream]) -> tuple[date, Stream]:
        return asked[0], asked[1].begin()

    days = window.days()
    wanted = _begun_days(client, reversed(list(days)) if oldest_first else days)
    asked = ((day, ask(day)) for day in wanted)
    alone = map(begun, islice(asked, 1))  # its answer shows the provider's clock
    return client.ahead(begun, chain(alone, asked))


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
