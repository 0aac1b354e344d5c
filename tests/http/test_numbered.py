"""Numbered pages of any service, read with what every provider has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import AnswerError
from auditctl.provider import NumberedPage, Page, read_numbered
from tests.service import Service
from tests.test_export import Unordered

ACME = Unordered()
A = TypeVar("A")
Q = TypeVar("Q")


def rows(*keys: int) -> list[Any]:
    return [{"key": key} for key in keys]


@dataclass
class Site:
    """A service with pages of ten rows, told by `key`; each request adds some at the beginning."""

    growth: int
    rows: list[Any] = field(default_factory=lambda: rows(*range(150)))

    def ask(self, number: int) -> NumberedPage:
        first = min(row["key"] for row in self.rows)
        self.rows = [*rows(*range(first - self.growth, first)), *self.rows]
        shown = self.rows[(number - 1) * 10 : number * 10]
        return NumberedPage(Page(shown), len(self.rows), 10)


@given(st.integers(1, 4), st.randoms())
def test_pages_that_overtake_each_other_in_a_growing_log_leave_no_gap(
    growth: int, dice: Random
) -> None:
    def ahead(ask: Callable[[Q], A], questions: Iterable[Q]) -> Iterator[A]:
        """Four questions under way at once, answered in any order."""
        waiting = iter(questions)
        while asked := list(islice(waiting, 4)):
            answers = {question: ask(question) for question in dice.sample(asked, len(asked))}
            yield from (answers[question] for question in asked)

    site = Site(growth)
    client = Service.saying().client(ACME, 4)
    with patch.object(client, "ahead", ahead):
        pages = read_numbered(client, site.ask, [site.ask(1)], id_name="key")
        found = [event["key"] for page in pages for event in page.events]
    assert len(set(found)) == len(found)
    assert set(found) >= set(range(150))


@given(st.integers(0, 4), st.integers(2, 50), st.randoms())
def test_a_growing_log_whose_rows_move_is_read_whole_or_fails(
    growth: int, rare: int, dice: Random
) -> None:
    """A database may begin each scan where the last one ended, while each request adds a row."""
    site = Site(growth)

    def ask(number: int) -> NumberedPage:
        shown = site.ask(number)
        if not dice.randrange(rare):
            begin = dice.randrange(len(site.rows))
            site.rows = [*site.rows[begin:], *site.rows[:begin]]
        return shown

    client = Service.saying().client(ACME)
    try:
        pages = list(read_numbered(client, ask, [ask(1)], id_name="key"))
    except AnswerError:
        return
    assert {event["key"] for page in pages for event in page.events} >= set(range(150))


@pytest.mark.parametrize(
    ("in_front", "ends"),
    [(True, [4, 1, 2, 1, 2]), (False, [4, 3, 1])],
    ids=["in front", "at the end"],
)
def test_a_total_that_counts_a_row_which_no_page_has_yet_costs_no_second_pass(
    in_front: bool,  # noqa: FBT001
    ends: list[int],
) -> None:
    """A service may count its rows after it has read a page, and each request adds one."""
    log = rows(*range(35))
    asked: list[int] = []

    def ask(number: int) -> NumberedPage:
        asked.append(number)
        shown = log[(number - 1) * 10 : number * 10]
        log.insert(0 if in_front else len(log), {"key": 100 + len(asked)})
        return NumberedPage(Page(shown), len(log), 10)

    client = Service.saying().client(ACME)
    pages = read_numbered(client, ask, [ask(1)], id_name="key")
    found = [event["key"] for page in pages for event in page.events]
    assert set(found) >= set(range(35))
    assert asked == [1, 2, 3, 4, *ends]


@pytest.mark.parametrize("count", [10, 17, 20, 120, 123])
@pytest.mark.parametrize("total", [0, 3, 15, 99, 119])
def test_a_total_below_what_the_pages_hold_ends_no_walk(count: int, total: int) -> None:
    everything = rows(*range(count))

    def ask(number: int) -> NumberedPage:
        return NumberedPage(Page(everything[(number - 1) * 10 : number * 10]), total, 10)

    client = Service.saying().client(ACME)
    pages = read_numbered(client, ask, [ask(1)], id_name="key")
    if count < total:
        with pytest.raises(AnswerError):
            list(pages)
    else:
        assert [event for page in pages for event in page.events] == everything
