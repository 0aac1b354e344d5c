"""Numbered pages of a log whose rows move between them: each row once, and all of them counted."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING

from auditctl.errors import AnswerError, RefusedError, UnreachableError
from auditctl.http.keys import StoredKeys, keys_of
from auditctl.http.page import Page

if TYPE_CHECKING:
    from auditctl.http.client import Client

MAX_PASSES = 3
"""The most readings of all pages; then rows still missing are given up."""
GROWTH_FACTOR, GROWTH_PAGES = 2, 10
"""Of a growing log a pass reads so many times the pages that it has at first, and so many more."""

MOVES = "rows move from page to page while they are read, or are hidden"
GROWS = "its log grows faster than it can be read"


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """A page, or a part of the one answer with everything, and what its pager says."""

    page: Page
    total: int | None = None
    """The number of rows on all pages; None without a pager, when there is no other page."""
    size: int = 1
    """The number of rows that a page holds, as the pager states it."""


def read_numbered(
    client: "Client",
    ask: Callable[[int], NumberedPage],
    everything: Iterable[NumberedPage],
    *,
    id_name: str = "id",
) -> Iterator[Page]:
    """Read a list that a service gives whole or in numbered pages, each row once.

    Nothing moves within one answer, so ``everything`` is read first: the parts of an answer
    without pages, as they come. If that has a pager all the same, it is page 1; if it is refused
    or fails, all pages are asked for. ``ask`` asks for the page with a number, from 1 on; it may
    get the same number again.

    Rows are distinguished by the member ``id_name``, those without one by their place, and counted
    against the pager's total. While a log grows, its new rows are at one of its ends, so these
    are read again; whatever else is missing has moved, and all pages are read again.

    Raises:
        AnswerError: the pages have not shown all rows, or have no end.

    """
    with closing(StoredKeys()) as delivered:
        walk = yield from _read_everything(client, ask, everything, id_name, delivered)
    if walk is not None:
        yield from walk.passes()


def _read_everything(
    client: "Client",
    ask: Callable[[int], NumberedPage],
    everything: Iterable[NumberedPage],
    id_name: str,
    delivered: StoredKeys,
) -> Generator[Page, None, "_Walk | None"]:
    """Read the one answer, or page 1; return the walk over the other pages, if there are any."""
    part: NumberedPage | None = None
    try:
        for part in everything:
            delivered.add(keys_of(part.page.events, delivered.rows, id_name))
            yield replace(part.page, partial=(part.total or 0) > delivered.rows)
    except (AnswerError, UnreachableError) as failure:
        keys = delivered.keys() if _may_have_pages(failure) else None
        if keys is None:
            raise
    else:
        total = (part and part.total) or 0
        # A full page with more rows than the total proves the total wrong: there may be more pages.
        is_wrong = part is not None and total < delivered.rows == part.size
        if part is not None and total <= delivered.rows and not is_wrong:
            return None
        keys = delivered.keys()
        if keys is None:
            raise client.incomplete(delivered.rows, total, GROWS)
        if part is not None and delivered.rows <= part.size:
            return _Walk(client, ask, id_name, part, delivered.rows, shown=keys)
    first = ask(1)
    walk = _Walk(client, ask, id_name, first, len(first.page.events), known=keys)
    yield walk.take(1, first)
    if keys:  # perhaps all but what was added meanwhile
        yield from walk.read_ends()
    return walk


def _may_have_pages(failure: AnswerError | UnreachableError) -> bool:
    """Return whether asking page by page may work after this failure."""
    if isinstance(failure, AnswerError):
        return isinstance(failure, RefusedError)
    return failure.wait is None  # else it wants to be left alone for longer than the run may take


def read_once(lists: Iterable[Iterable[Page]], *, id_name: str = "id") -> Iterator[Page]:
    """Read several lists one after another, without the rows that an earlier one had."""
    earlier: set[int] = set()
    rows = 0
    for pages in lists:
        here: set[int] = set()
        for page in pages:
            keys = keys_of(page.events, rows, id_name)
            rows += len(keys)
            here.update(keys)
            yield _only(page, [key not in earlier for key in keys])
        earlier |= here


class _Walk:
    """The passes over the pages of one list, and what they have shown."""

    def __init__(  # noqa: PLR0913 - what a walk begins with
        self,
        client: "Client",
        ask: Callable[[int], NumberedPage],
        id_name: str,
        first: NumberedPage,
        rows: int,
        *,
        known: Iterable[int] = (),
        shown: Iterable[int] = (),
    ) -> None:
        self.client = client
        self.ask = ask
        self.id_name = id_name
        self.known = frozenset(known)
        """Keys of rows that were delivered before there were pages."""
        self.shown = set(shown)
        """Keys of rows that a page has shown."""
        self.count = len(self.known) + len(self.shown)
        """Rows delivered."""
        total = rows if first.total is None else first.total
        self.first_total = self.last_total = self.smallest_total = self.largest_total = total
        self.doubt(total, rows, first.size)
        self.stated_size = max(1, first.size)
        self.size = rows or self.stated_size  # a service may cap its pages, whatever it states
        self.seen = self.shown
        """Keys of rows that a page has shown in this pass."""
        self.pass_total = total
        """The total when this pass began."""
        self.read_to = 0
        """Where the rows that this pass has read would end, if new ones push them on."""
        self.moves = False
        """Rows have moved otherwise than by new ones that were put before them, or behind them."""
        self.grows_in_front: bool | None = None
        """Where the log gets its new rows; None before that is known."""
        self.is_overtaken = False
        """A page was answered later than the one behind it, so rows may have passed both."""

    def passes(self) -> Iterator[Page]:
        """Read all pages but the first, then all of them again while rows may be missing."""
        one_by_one = False
        for turn in range(MAX_PASSES):
            if turn:
                self.is_overtaken = self.moves = False
                self.seen, self.pass_total, self.read_to = set(), self.last_total, 0
            yield from self.read_from(1 if turn else 2, one_by_one=one_by_one)
            # One by one, no page is overtaken: rows that are pushed on are on the next one.
            one_by_one = self.is_overtaken
            if self.largest_total > self.first_total:
                yield from self.read_ends()
            in_order = not (self.moves or one_by_one)
            if self.is_complete or (in_order and self.count >= self.smallest_total):
                return
        raise self.incomplete(MOVES)

    def read_from(self, number: int, *, one_by_one: bool) -> Iterator[Page]:
        """Read the pages from this number on, several at once, until the total is reached."""
        # Not at the top: help texts import every provider, and must not import httpx with it.
        from auditctl.http.client import MOST_FRUITLESS

        is_first_pass = number > 1
        fruitless = 0
        most_pages = self.most_pages
        while number <= self.last_page and not self.is_complete:
            if number > most_pages:
                raise self.incomplete(GROWS)
            numbers = range(number, min(self.last_page, most_pages) + 1)
            ask = map if one_by_one else self.client.ahead
            for answer in ask(self.ask, numbers):
                shown = len(self.shown)
                yield self.take(number, answer, is_next=True)
                fruitless = fruitless + 1 if len(self.shown) == shown else 0
                if is_first_pass and fruitless == MOST_FRUITLESS:
                    raise self.incomplete(f"{MOST_FRUITLESS} pages in a row brought no new one")
                # The service may hide rows that it counts: then no page has the last ones.
                is_end = not answer.page.events and number * self.stated_size >= self.largest_total
                if self.is_complete or is_end:
                    return
                number += 1

    def read_ends(self) -> Iterator[Page]:
        """Read the last pages, then the first ones, as long as they show what the log grew by."""
        reach = -(-(self.largest_total - self.first_total) // self.size) + 1
        for number in range(self.last_page, max(0, self.last_page - reach), -1):
            if self.is_complete:
                return
            page = self.take(number, self.ask(number))
            yield page
            if not page.events:
                break
        number = 1
        for _ in range(GROWTH_FACTOR * reach):
            if self.is_complete:
                return
            page = self.take(number, self.ask(number))
            yield page
            if page.events:
                number += 1
            elif number > 1:
                number = 1  # the log has grown while these pages were read
            else:
                return

    def take(self, number: int, answer: NumberedPage, *, is_next: bool = False) -> Page:
        """Count what a page shows, and return it without the rows that were delivered before."""
        page = answer.page
        total = len(page.events) if number == 1 and answer.total is None else answer.total
        if total is None:
            raise self.client.unexpected("a later page has no pager")
        growth = total - self.last_total
        self.is_overtaken |= growth < 0
        self.last_total = total
        self.smallest_total = min(self.smallest_total, total)
        self.largest_total = max(self.largest_total, total)
        keys = keys_of(page.events, (number - 1) * self.size, self.id_name)
        if is_next and self.seen and growth >= 0:
            self.note_repeats(number, [key in self.seen for key in keys], growth)
        page = _only(page, [key not in self.shown and key not in self.known for key in keys])
        self.shown.update(keys)
        self.seen.update(keys)
        self.count += len(page.events)
        self.doubt(total, len(keys), self.size)
        return replace(page, partial=self.count < self.largest_total)

    def doubt(self, total: int, rows: int, size: int) -> None:
        """Expect another row if a full page proves its total wrong: more rows have come."""
        if self.count > total and rows >= size:
            self.largest_total = max(self.largest_total, self.count + 1)

    def note_repeats(self, number: int, repeats: list[bool], growth: int) -> None:
        """Compare the rows of a page that came before with those that growth pushes onto it."""
        start = (number - 1) * self.size
        # Rows that are newer than this pass may have been seen or not.
        older = max(0, self.last_total - self.pass_total - start)
        self.read_to = max(self.read_to, start) + growth
        reach = self.read_to - start
        pushed, others = repeats[older:reach], repeats[max(older, reach) :]
        if pushed:
            in_front = any(repeats[older:])
            self.moves |= self.grows_in_front not in (None, in_front)
            self.grows_in_front = in_front
            self.moves |= in_front and not all(pushed)
        self.moves |= any(others)

    @property
    def last_page(self) -> int:
        return -(-self.largest_total // self.size)

    @property
    def most_pages(self) -> int:
        return GROWTH_FACTOR * self.last_page + GROWTH_PAGES

    @property
    def is_complete(self) -> bool:
        return self.count >= self.largest_total

    def incomplete(self, why: str) -> Exception:
        total = self.smallest_total if self.count < self.smallest_total else self.largest_total
        return self.client.incomplete(self.count, total, why)


def _only(page: Page, is_wanted: Sequence[bool]) -> Page:
    """Leave out the events that are not wanted."""
    if all(is_wanted):
        return page
    if not all(type(event) is dict for event in page.events):
        for answer in page.answers:
            answer.restore()  # it puts numbers back in their places, which change now
    return replace(page, events=list(compress(page.events, is_wanted)))
