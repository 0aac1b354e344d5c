"""A window that is asked for in slices, for services that limit how long one may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from auditctl.http.page import Page
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
    names the slice too, since a later run may end at another moment.
    """
    window = replace(window.widened(unit), oldest_first=False)
    if position is not None:
        begin, end, cursor = position.split(" ", 2)
        since, until = datetime.fromisoformat(begin), datetime.fromisoformat(end)
        yield from _walk(replace(window, since=since, until=until), walk, cursor or None)
        if window.since is not None and since <= window.since:
            return
        window = replace(window, until=since + 2 * unit)
    # Less by what the ends may gain when they are rounded outwards to units.
    for part in window.slices(length - 2 * unit, unit):
        yield from _walk(part, walk, None)


def _walk(
    part: Window, walk: Callable[[Window, str | None], Iterator[Page]], cursor: str | None
) -> Iterator[Page]:
    ends = " ".join(end.isoformat() for end in (part.since, part.until) if end)
    for page in walk(part, cursor):
        yield replace(page, position=f"{ends} {page.position or ''}")
