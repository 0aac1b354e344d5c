"""The progress line of a list, and the summary at its end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest

from auditctl.batch import Tally
from auditctl.commands.notices import Progress, show_progress
from auditctl.console import Console
from auditctl.window import Window, to_text

UNTIL = datetime(2026, 1, 31, tzinfo=UTC)
WEEK = timedelta(days=7)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def progress(
    stream: StringIO, *, weeks: int | None = 2, limit: int | None = None, **more: Any
) -> Progress:
    since = None if weeks is None else UNTIL - weeks * WEEK
    tally = Tally()
    tally.pages, tally.records, tally.reached = 7, 1500, to_text(UNTIL - WEEK)
    window = Window(since, UNTIL)
    facts = {"in_order": True, **more}
    return Progress("Persona", Console(stream=stream), window, limit, tally, **facts)


@pytest.mark.parametrize(
    ("facts", "share"),
    [
        ({}, "50%, "),
        ({"weeks": 4}, "25%, "),
        ({"weeks": None}, ""),
        ({"weeks": None, "limit": 2000}, "75%, "),
        ({"limit": 10_000}, "50%, "),
        ({"limit": 1500}, "100%, "),
        ({"in_order": False}, ""),
    ],
    ids=str,
)
def test_the_line_says_how_much_is_read_where_the_order_tells(
    facts: dict[str, Any], share: str
) -> None:
    stream = Terminal()
    progress(stream, **facts).draw()
    assert stream.getvalue().startswith(
        f"\r\x1b[KPersona: {share}1,500 records, back to 2026-01-24 00:00"[:80]
    )


def test_the_line_of_a_sync_shows_times_as_that_of_a_list() -> None:
    stream = Terminal()
    tally = Tally()
    tally.pages, tally.records, tally.reached = 7, 1500, to_text(UNTIL - WEEK)
    show_progress(Console(stream=stream), "Persona", tally)
    line = "Persona: 7 pages, 1,500 new records, back to 2026-01-24 00:00"
    assert stream.getvalue() == f"\r\x1b[K{line}"


@pytest.mark.parametrize(
    ("facts", "until", "summary"),
    [
        ({}, "now", "1,500 records since 2026-01-17 00:00 UTC"),
        ({}, "today", "1,500 records since 2026-01-17 00:00 until 2026-01-31 00:00 UTC"),
        ({"weeks": None}, "now", "1,500 records since the beginning"),
        (
            {"weeks": None, "limit": 1500},
            "now",
            "the 1,500 most recent records (ended by --limit 1500)",
        ),
        (
            {"limit": 1500},
            "now",
            "the 1,500 most recent records (ended by --limit 1500) since 2026-01-17 00:00 UTC",
        ),
        ({"weeks": None, "limit": 9999}, "now", "1,500 records since the beginning"),
    ],
    ids=str,
)
def test_the_summary_says_what_was_asked_for(
    facts: dict[str, Any], until: str, summary: str
) -> None:
    stream = Terminal()
    progress(stream, **facts).summarize(until)
    assert re.fullmatch(rf"Persona: {re.escape(summary)}, 7 pages, [\d.]+ s\.\n", stream.getvalue())
