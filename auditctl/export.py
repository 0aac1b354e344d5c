"""The flow: pages become records, each in the window, redacted, with an id, and counted."""

import heapq
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from auditctl import exact
from auditctl.days import newest_first
from auditctl.fields import Test
from auditctl.provider import Page, Provider
from auditctl.record import Fields, Malformed, Record, build, content_id, is_sound, settle
from auditctl.redact import may_hide_in_texts, sweep
from auditctl.window import BEGINNING, END, Window

REMEMBERED = 10_000
"""Ids at an answer's end that are looked for in the next: days that overlap do so at midnight."""


@dataclass
class Tally:
    """What a run has seen, for the progress line, the summary and the warning at its end."""

    pages: int = 0
    records: int = 0
    reached: str | None = None
    """The time of the last record that was read, in or out of the window."""
    outside: list[str] = field(default_factory=list)
    """The times, without the Z, of the last page's records behind its last one in the window."""
    malformed: int = 0
    first_malformed: str = ""
    mended: int = 0
    """Events in which U+FFFD stands in the place of lone surrogates."""
    unconfirmed: int = 0
    """Answers without a list of events that were taken for empty."""
    first_unconfirmed: str = ""
    """The first day that was asked for with such an answer."""
    started: float = field(default_factory=time.monotonic)

    @property
    def took(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    def count_page(self, page: Page) -> None:
        """Count an answer."""
        self.pages += not page.continues
        if page.unconfirmed:
            self.unconfirmed += 1
            self.first_unconfirmed = self.first_unconfirmed or page.day or ""

    def count(self, batch: Sequence[Record]) -> None:
        """Count what is delivered; of the rest, nobody needs to hear that it was malformed."""
        self.records += len(batch)
        for record in batch:
            if type(record) is Malformed:
                self.mended += record.mended
                if record.problems:
                    self.malformed += 1
                    self.first_malformed = self.first_malformed or _describe(record)


def records(  # noqa: C901, PLR0912, PLR0913, PLR0915 - the flow, in one piece
    provider: Provider,
    pages: Iterable[Page],
    window: Window,
    tally: Tally,
    *,
    tests: Sequence[Test] = (),
    account: str | None = None,
    redacted: bool = True,
    verbatim: bool = False,
) -> Iterator[list[Record]]:
    """Turn each page into the records that lie in the window and pass the tests.

    Where the vendor documents that the newest come first, reading stops behind the first page
    that is wholly older than the window. What two answers in a row both hold is delivered once;
    what one answer repeats stays repeated.

    ``account`` is whose log it is, where the events do not say. Lone surrogates become U+FFFD,
    except with ``verbatim``.

    Nobody on the way keeps a page while the next is asked for: its memory, still in the
    processor's cache, is what the next is read into.
    """
    ids = _Ids(provider)
    seen: set[str] = set()
    last: deque[str] = deque(maxlen=REMEMBERED)
    # Looked up once instead of for every event.
    name, normalize = provider.name, provider.normalize
    since, until = window.span
    if provider.order == "newest day first":
        pages = newest_first(provider, pages)
    for page in pages:
        tally.count_page(page)
        ids.next_page(page)
        batch: list[Record] = []
        outside: list[str] = []
        moment: str | None = None
        _redact(page, redacted=redacted)
        may_need_mending = not verbatim and not _is_ordinary(page)
        for answer in page.answers:
            answer.body = b""  # no longer of use, and as large as all records together
        context = page.context
        for event in page.events:
            fields: Fields = normalize(event, context) if type(event) is dict else {}
            record = build(name, fields, event)
            problems = () if is_sound(fields, record) else settle(record)
            moment = record["time"]
            if moment is None or record["id"] is None:
                problems = tuple(dict.fromkeys([*_missing(provider, record), *problems]))
                record["id"] = record["id"] or ids.give(record, page.day or "", redacted=redacted)
            if moment is not None and not since <= moment[:-1] < until:
                outside.append(moment[:-1])
                continue
            outside = outside and []
            if account is not None and record["account"] is None:
                record["account"] = account
            # Behind the making of ids: they stay what they were for the event as it came.
            mended = may_need_mending and exact.replace_surrogates(record)
            if problems or mended:
                record = Malformed(record, problems, mended=mended)
            if not tests or all(test(record) for test in tests):
                batch.append(record)
        tally.reached = moment or tally.reached
        tally.outside = outside
        past = len(outside) == len(page.events) > 0 and max(outside) < since
        if not page.continues:
            seen = set(last)
            last.clear()
        if not page.continues or page.day is not None:
            here = [record["id"] for record in batch]
            last.extend(here)
            if not seen.isdisjoint(here):
                batch = [record for record in batch if record["id"] not in seen]
        if provider.order == "newest day first":
            batch.sort(key=_age, reverse=True)
        del page
        yield batch
        del batch
        if past and provider.order == "newest first":
            return


def most_recent(
    batches: Iterable[list[Record]], limit: int, *, ordered: bool
) -> Iterator[list[Record]]:
    """Give the ``limit`` most recent records, newest first.

    Where the provider has an order, nothing is read beyond the page that completes them. A
    record without a time counts as the oldest, so it waits until the others are known to be few.
    """
    if not ordered:
        numbered = (
            (_age(record), -n, record) for n, record in enumerate(chain.from_iterable(batches))
        )
        newest = heapq.nlargest(limit, numbered, key=lambda item: item[:2])
        yield [record for _, _, record in newest]
        return
    undated: list[Record] = []
    left = limit
    for batch in batches:
        dated = [record for record in batch if record["time"] is not None]
        undated += [record for record in batch if record["time"] is None][: limit - len(undated)]
        yield dated[:left]
        left -= len(dated)
        if left <= 0:
            return
    yield undated[:left]


def retrieved(provider: Provider, page: Page, tally: Tally, **how: Any) -> list[Record]:  # noqa: ANN401
    """Turn a page asked for by id into its records, whatever their time; ``how`` as `records`."""
    return next(records(provider, [page], Window(BEGINNING, END), tally, **how))


def _redact(page: Page, *, redacted: bool) -> None:
    """Take the credentials out of a page's events, and write numbers as they came."""
    answers = page.answers
    texts = not answers or any(may_hide_in_texts(answer.body) for answer in answers)
    floats, zeros = sweep(page.events, redact=redacted, texts=texts)
    for answer in answers:
        if floats or (zeros and answer.may_have_negative_zero):
            answer.restore()


def _is_ordinary(page: Page) -> bool:
    """Return whether no lone surrogate can be in the records of a page."""
    known = bool(page.answers) and not any(answer.is_exact for answer in page.answers)
    return known and exact.is_ordinary(page.context)


def _missing(provider: Provider, record: Record) -> list[str]:
    expected = ("time", "id") if provider.has_ids else ("time",)
    return [name for name in expected if record[name] is None]


class _Ids:
    """Ids for events that have none: of their content, and of how many twins came before."""

    def __init__(self, provider: Provider) -> None:
        self._in_order = provider.order != "none documented"
        self._is_sorted = provider.order == "newest day first"
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

    def give(self, record: Record, asked_for: str, *, redacted: bool) -> str:
        """Make the id of an event that stands in the answer for the day ``asked_for``, if any.

        Twins are counted by the day: over a whole run, an id would depend on the window. For the
        same reason an undated event's id holds the day that it was asked for with. In such a day,
        which is in order, they stand side by side, so that counts need not be kept.
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
            sweep(copy)
            event = copy[0]
        content = content_id(event, 0, undated)
        self._here.add(day)
        twins = self._days.setdefault(group, Counter())
        twins[content] += 1
        twin = twins[content] - 1
        return content_id(event, twin, undated) if twin else content


def _age(record: Record) -> str:
    """Order records by time, as text (see `Window`); without one they are the oldest."""
    return (record["time"] or "Z")[:-1]


def _describe(record: Malformed) -> str:
    *others, last = record.problems
    names = f"{', '.join(others)} and {last}" if others else last
    return f"{names} of {record['id']}"
