"""A window that is asked for in slices, for services that limit how long one may be."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
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
    is the number of a slice and a cursor in it.
    """
    window = replace(window.widened(unit), oldest_first=False)
    first, blank, cursor = (position or "").partition(" ")
    if not (blank and first.isdecimal()):  # none of ours: from the start, then
        first, cursor = "0", ""
    # Less by what the ends may gain when they are rounded outwards to units.
    for number, part in enumerate(window.slices(length - 2 * unit, unit)):
        if number >= int(first):
            yield from map(partial(_numbered, number), walk(part, cursor or None))
            cursor = ""


def _numbered(number: int, page: Page) -> Page:
    return replace(page, position=f"{number} {page.position or ''}")
