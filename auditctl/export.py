# Longer than 300 lines: the flow, in one piece.
"""The flow: a log's pages become batches of records, redacted, in the window, each once."""

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import TypedDict, Unpack, cast

from auditctl.batch import Batch, Found, Problem
from auditctl.errors import ContractError
from auditctl.faults import blamed
from auditctl.http.client import Client
from auditctl.provider import Order, Page, Provider
from auditctl.records import exact
from auditctl.records.record import Record, build, content_id, make_sound
from auditctl.records.redact import may_hide_in_texts, scan
from auditctl.window import BEGINNING, END, Window

REMEMBERED = 10_000
"""Ids at an answer's end that are looked for in the next: days that overlap do so at midnight."""
_MILLISECONDS = len("2026-01-31T08:09:10.123")


class How(TypedDict, total=False):
    """Options for making records of events."""

    account: str | None
    """The records' account where the events name none."""
    redacted: bool
    """Credentials are replaced; this is the default."""
    verbatim: bool
    """Lone surrogates stay, which otherwise become U+FFFD."""


def batches(
    provider: Provider,
    client: Client,
    window: Window,
    position: str | None = None,
    *,
    asked: Window | None = None,
    **how: Unpack[How],
) -> Iterator[Batch]:
    """Read a log: yield the records of each page that lie in the window.

    Reading begins at ``position``, if there is one. The provider is asked for the window, or for
    what ``asked`` says instead.
    """
    asked, cursor = provider.log.resumed(asked or window, position)
    with blamed(type(provider)):
        pages = (
            provider.pages(client, asked)
            if cursor is None
            else provider.pages_from(client, asked, cursor)
        )
        if not isinstance(pages, Iterable):
            method = "pages" if cursor is None else "pages_from"
            raise ContractError(method, f"returns {type(pages).__name__}, and must return Pages")
        if provider.log.filters_by_time:
            pages = map(partial(_with_end, asked.until), pages)
        yield from batches_of(provider, pages, window, position, **how)


def _with_end(until: datetime | None, page: Page) -> Page:
    """Return a page whose position has the end of the window that was asked for."""
    if page.position is None or until is None:
        return page
    return replace(page, position=f"{until.isoformat()} {page.position}")


def batches_of(  # noqa: C901, PLR0912, PLR0913, PLR0915 - the flow, in one piece
    provider: Provider,
    pages: Iterable[Page],
    window: Window,
    position: str | None = None,
    *,
    account: str | None = None,
    redacted: bool = True,
    verbatim: bool = False,
) -> Iterator[Batch]:
    """Turn each page into the records that lie in the window.

    Where the vendor documents an order, reading stops behind the first page that is wholly past the
    window: older, if the newest come first; newer, if the oldest do. What two answers in a row both
    hold is delivered once; what one answer repeats stays repeated.
    """
    order = provider.log.order.of(window)
    ids = _Ids(provider, order)
    seen: set[str] = set()
    last: deque[str] = deque(maxlen=REMEMBERED)
    resumable = True
    # Looked up once instead of for every event.
    name, normalize = provider.name, provider.normalize
    since, until = window.span
    expected = ("time", "id") if provider.log.has_ids else ("time",)
    is_sorted = order is Order.NEWEST_DAY_FIRST
    if is_sorted:
        from auditctl.days import newest_first

        pages = newest_first(provider, pages)
    for page in pages:
        if not isinstance(page, Page):
            raise ContractError("pages", f"yields {type(page).__name__}, not Page")
        ids.next_page(page)
        problems: list[Problem] = []
        outside: list[str] = []
        _redact(page, provider, redacted=redacted)
        may_need_mending = not verbatim and not _is_ordinary(page)
        for answer in page.answers:
            answer.body = b""  # no longer of use, and as large as all records together
        context = page.context
        made = [
            build(name, normalize(event, context) if type(event) is dict else {}, event)
            for event in page.events
        ]
        wrong = make_sound(made)
        # Few pages have any of what follows, so all records are looked at together first.
        times = [record["time"] for record in made]
        given = [record["id"] for record in made]
        if not (all(times) and all(given)):
            for place, record in enumerate(made):
                if lacks := [field for field in expected if record[field] is None]:
                    wrong[place] = list(dict.fromkeys([*lacks, *wrong.get(place, ())]))
                record["id"] = record["id"] or ids.make(record, page.day or "", redacted=redacted)
        records = made
        if wrong or may_need_mending or account is not None or not _are_inside(times, since, until):
            records = []
            for place, (record, time) in enumerate(zip(made, times, strict=True)):
                if time is not None and not since <= time[:-1] < until:
                    outside.append(time[:-1])
                    continue
                outside = outside and []
                if account is not None and record["account"] is None:
                    record["account"] = account
                # Behind the making of ids: they stay what they were for the event as it came.
                mended = may_need_mending and exact.replace_surrogates(record)
                unread = wrong.get(place, ())
                if unread or mended:
                    problems.append(Problem(record, unread, mended))
                    resumable = resumable and "id" not in unread
                records.append(record)
        if page.events and not page.continues:
            seen = set(last)
            last.clear()
        if page.events:  # by which a page is known again; without any it may not be itself
            position = page.position
        batch = Batch(
            records,
            problems,
            position if resumable else None,
            outside,
            times[-1] if times else None,
            len(page.events),
            page.continues,
            (page.day or "") if page.unconfirmed else None,
            page.partial,
        )
        if not page.continues or page.day is not None:
            here = [record["id"] for record in records]
            last.extend(here)
            if not seen.isdisjoint(here):
                batch = batch.only([one for one in records if one["id"] not in seen])
        if is_sorted:
            batch.records.sort(key=age, reverse=True)
        is_past = len(outside) == len(page.events) > 0 and (
            (order.stops_at_since and max(outside) < since)
            or (order.stops_at_until and min(outside) >= until)
        )
        # Dropped before the next page is read, whose memory this becomes: about 2 % faster.
        del page, made, records, problems
        yield batch
        del batch
        if is_past:
            return


def most_recent(batches: Iterable[Batch], limit: int, *, ordered: bool) -> Iterator[Batch]:
    """Yield the ``limit`` most recent records, newest first.

    Where the provider has an order, nothing is read beyond the page that completes them. A
    record without a time counts as the oldest, so it waits until the others are known to be few.
    """
    if not ordered:
        numbered = (
            (age(one[0]), -n, one)
            for n, one in enumerate(chain.from_iterable(map(Batch.each, batches)))
        )
        newest = heapq.nlargest(limit, numbered, key=lambda item: item[:2])
        yield Batch.joined([one for _, _, one in newest])
        return
    undated: list[Found] = []
    left = limit
    for batch in batches:
        dated = [record for record in batch.records if record["time"] is not None]
        if len(dated) < len(batch.records):
            others = [one for one in batch.each() if one[0]["time"] is None]
            undated += others[: limit - len(undated)]
        yield batch.only(dated[:left])
        left -= len(dated)
        if left <= 0:
            return
    yield Batch.joined(undated[:left])


def oldest_first(batches: Iterable[Batch], *, newest_first: bool) -> Iterator[Batch]:
    """Yield all records at once, the oldest first; one without a time counts as the oldest.

    Of one time they keep their order, or, if the batches have the newest first, the opposite.
    """
    found = list(chain.from_iterable(map(Batch.each, batches)))
    if newest_first:
        found.reverse()
    yield Batch.joined(sorted(found, key=lambda one: age(one[0])))


def retrieve(provider: Provider, client: Client, id_: str) -> Page:
    """Ask for one event by its id."""
    with blamed(type(provider)):
        page: Page = provider.retrieve(client, id_)  # type: ignore[attr-defined] # why there is `get`
        return page


def retrieved(provider: Provider, page: Page, **how: Unpack[How]) -> Batch:
    """Turn a page asked for by id into its records, whatever their time."""
    with blamed(type(provider)):
        return next(batches_of(provider, [page], Window(BEGINNING, END), **how))


def _redact(page: Page, provider: Provider, *, redacted: bool) -> None:
    """Take the credentials out of a page's events, and write numbers as they came."""
    answers = page.answers
    texts = not answers or any(may_hide_in_texts(answer.body) for answer in answers)
    floats, zeros = scan(
        page.events, redact=redacted, texts=texts, is_harmless=provider.is_harmless
    )
    for answer in answers:
        if floats or (zeros and answer.may_have_negative_zero):
            answer.restore()


def _is_ordinary(page: Page) -> bool:
    """Return whether no lone surrogate can be in the records of a page."""
    known = bool(page.answers) and not any(answer.is_exact for answer in page.answers)
    return known and exact.is_ordinary(page.context)


def _are_inside(times: list[str | None], since: str, until: str) -> bool:
    """Return whether the times of records all lie in [since, until); False too if it is close.

    To find the first and the last takes a fraction of what it takes to compare each with both ends.
    Only milliseconds are compared, which every time has: a Z sorts behind all further digits.
    """
    if not times or not all(times):
        return False
    dated = cast("list[str]", times)
    first, last = min(dated)[:_MILLISECONDS], max(dated)[:_MILLISECONDS]
    return since < first and last < until[:_MILLISECONDS]


class _Ids:
    """Ids for events that have none: of their content, and of how many twins came before."""

    def __init__(self, provider: Provider, order: Order) -> None:
        self._is_harmless = provider.is_harmless
        self._in_order = order.is_documented
        self._is_sorted = order is Order.NEWEST_DAY_FIRST
        self._days: dict[str, Counter[str]] = {}
        self._here: set[str] = set()

    def next_page(self, page: Page) -> None:
        """Forget the days that the last page did not touch, where days come in order.

        And all of them where a day begins that was asked for: two in a row may both have an event
        of midnight, which is no twin then.
        """
        if page.day is not None:
            if not page.continues:
                self._days = {}
        elif self._in_order:
            self._days = {day: self._days[day] for day in self._here}
            self._here = {""} & self._here  # events without a day may come at any time

    def make(self, record: Record, asked_for: str, *, redacted: bool) -> str:
        """Make the id of an event that is in the answer for the day ``asked_for``, if any.

        Twins are counted by the day: over a whole run, an id would depend on the window. For the
        same reason an undated event's id holds the day that it was asked for with. In such a day,
        which is in order, they are side by side, so that counts need not be kept.
        """
        day = group = (record["time"] or asked_for)[:10]
        if asked_for and self._is_sorted:
            group = record["time"] or ""
            if group not in self._days:
                self._days = {}
        undated = "" if record["time"] else day
        event = record["raw"]
        if not redacted:
            # The id of an event is the same with and without redaction, and is never made of a
            # secret, which could be guessed from it.
            copy = [exact.loads(exact.dumps(event))]
            scan(copy, is_harmless=self._is_harmless)
            event = copy[0]
        content = content_id(event, 0, undated)
        self._here.add(day)
        twins = self._days.setdefault(group, Counter())
        twins[content] += 1
        twin = twins[content] - 1
        return content_id(event, twin, undated) if twin else content


def age(record: Record) -> str:
    """Order records by time, as text (see `Window`); without one they are the oldest."""
    return (record["time"] or "Z")[:-1]
