"""Numbered pages of any service, read with what every provider has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from random import Random
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import AnswerError, RefusedError, UnreachableError
from auditctl.provider import NumberedPage, Page, read_numbered, read_once
from tests.service import Service
from tests.test_export import Unordered

ACME = Unordered()
A = TypeVar("A")
Q = TypeVar("Q")


@dataclass
class Site:
    """A service with so many rows, told by `key`, and what it was asked for."""

    rows: Sequence[Any]
    size: int = 10
    asked: list[int] = field(default_factory=list)

    def ask(self, number: int) -> NumberedPage:
        self.asked.append(number)
        shown = list(self.rows[(number - 1) * self.size : number * self.size])
        return NumberedPage(Page(shown), len(self.rows), self.size)

    def read(self, *everything: NumberedPage | Exception, concurrency: int = 1) -> list[Any]:
        def parts() -> Iterator[NumberedPage]:
            for part in everything:
                if isinstance(part, Exception):
                    raise part
                yield part

        client = Service.saying().client(ACME, concurrency)
        pages = read_numbered(client, self.ask, parts(), id_name="key")
        return [event for page in pages for event in page.events]


def rows(*keys: int) -> list[Any]:
    return [{"key": key} for key in keys]


def part(*keys: int, total: int | None = None, size: int = 10) -> NumberedPage:
    return NumberedPage(Page(rows(*keys)), total, size)


@pytest.mark.parametrize("count", [0, 1, 10, 11, 95])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_service_that_has_nothing_but_pages_is_read_page_by_page(
    count: int, concurrency: int
) -> None:
    site = Site(rows(*range(count)))
    assert site.read(concurrency=concurrency) == site.rows
    assert sorted(site.asked) == list(range(1, max(1, -(-count // 10)) + 1))


def test_one_answer_with_everything_is_not_asked_for_again() -> None:
    site = Site([])
    assert site.read(part(1, 2), part(2, 3)) == rows(1, 2, 2, 3)
    assert site.asked == []


def test_a_part_with_a_pager_is_the_first_page() -> None:
    site = Site(rows(*range(25)))
    assert site.read(part(*range(4), total=25), part(*range(4, 10), total=25)) == site.rows
    assert site.asked == [2, 3]


@pytest.mark.parametrize("failure", [RefusedError("no"), UnreachableError("down")])
@pytest.mark.parametrize("count", [0, 5, 24, 25])
def test_what_was_delivered_before_a_failure_does_not_come_again(
    failure: Exception, count: int
) -> None:
    site = Site(rows(*range(25)))
    found = site.read(part(*range(count)), failure)
    assert sorted(event["key"] for event in found) == list(range(25))
    assert site.asked[0] == 1


def test_other_failures_are_the_callers() -> None:
    with pytest.raises(AnswerError, match="strange"):
        Site(rows(1)).read(AnswerError("strange"))


def test_a_later_page_without_a_pager_is_an_error() -> None:
    site = Site(rows(*range(25)))
    whole = site.ask
    site.ask = lambda number: replace(whole(number), total=None if number > 1 else 25)  # type: ignore[method-assign]
    with pytest.raises(AnswerError, match="pager"):
        site.read()


def test_lists_that_share_rows_give_each_once_and_repeat_their_own() -> None:
    lists = [
        [Page(rows(1, 1, 2)), Page(rows(2))],
        [Page([7, {"key": None}])],
        [Page(rows(2, 3, 1, 3)), Page([7, {"key": None}])],
    ]
    found = [page.events for page in read_once(lists, id_name="key")]
    assert found == [rows(1, 1, 2), rows(2), [7, {"key": None}], rows(3, 3), [7, {"key": None}]]


@dataclass
class Growing(Site):
    """A log that gets new rows at its beginning with each request."""

    growth: int = 7

    def ask(self, number: int) -> NumberedPage:
        first = self.rows[0]["key"]
        self.rows = [*rows(*range(first - self.growth, first)), *self.rows]
        return super().ask(number)


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

    site = Growing(rows(*range(150)), growth=growth)
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
    site = Site(rows(*range(150)))

    def ask(number: int) -> NumberedPage:
        first = min(row["key"] for row in site.rows)
        site.rows = [*rows(*range(first - growth, first)), *site.rows]
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
