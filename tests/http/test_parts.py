"""A window that is read in slices: each once, and on from any position."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from auditctl.http.parts import walk_slices
from auditctl.provider import Page, Window

UNIT = timedelta(milliseconds=1)
LENGTH = timedelta(days=10)
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 26, 12, tzinfo=UTC)


class Months:
    """Two pages for each slice; the second is behind a cursor with a blank."""

    def __init__(self) -> None:
        self.asked: list[tuple[Window, str | None]] = []

    def __call__(self, part: Window, cursor: str | None) -> Iterator[Page]:
        for at in (None, "c 2")[cursor is not None :]:
            self.asked.append((part, at))
            yield Page([], position=at)


def walk(position: str | None = None) -> tuple[Months, list[Page]]:
    months = Months()
    window = Window(BEGIN, END, oldest_first=True)
    return months, list(walk_slices(window, LENGTH, UNIT, months, position))


def test_slices_are_read_newest_first_and_none_is_too_long() -> None:
    months, pages = walk()
    parts = [part for part, at in months.asked if at is None]
    assert [at for _, at in months.asked] == [None, "c 2"] * 3
    assert parts[0].until == END
    assert parts[-1].since == BEGIN - UNIT
    for part in parts:
        since, until = (datetime.fromisoformat(str(end)) for end in part.iso())
        assert until - since <= LENGTH
        assert not part.oldest_first
    for newer, older in pairwise(parts):
        assert older.until - newer.since == 2 * UNIT  # type: ignore[operator]
    assert len({page.position for page in pages}) == 6


@pytest.mark.parametrize("number", range(6))
def test_a_later_run_goes_on_in_the_same_slice(number: int) -> None:
    first, pages = walk()
    later, left = walk(pages[number].position)
    assert later.asked == first.asked[number:]
    assert left == pages[number:]


@pytest.mark.parametrize("position", ["7", "cursor", "-1 c 2", " c 2", ""])
def test_a_position_of_another_form_means_reading_from_the_start(position: str) -> None:
    assert walk(position)[0].asked == walk()[0].asked
